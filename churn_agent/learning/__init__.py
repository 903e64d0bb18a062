"""Learning from labels: classic methods on facts, words, embeddings and readings, stored for later use."""
