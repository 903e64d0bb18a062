"""Ground truth: outcomes derived from the history itself, and what to ask people first."""
