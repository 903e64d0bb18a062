"""Metrics of scores and comparisons between them: pure functions of labels and scores."""
