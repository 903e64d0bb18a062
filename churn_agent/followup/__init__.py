"""Risk items of customers, and what to know before a call."""
