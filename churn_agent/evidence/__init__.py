"""Turns a snapshot into model input: facts, retrieval, grounding of quotes, and the box around texts."""
