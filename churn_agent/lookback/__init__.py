"""Look-back: the month ends of the past replayed, and what the score would have been worth on them."""
