"""From a snapshot to what a model is shown: facts, retrieval, grounding of quotes, and the box around texts."""
