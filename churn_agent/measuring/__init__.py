"""How good scores are, and whether one is really better than another: pure numbers, from labels and scores."""
