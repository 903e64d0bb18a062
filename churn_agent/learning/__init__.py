"""What is learned from labels: classic methods over facts, words, embeddings and readings, kept to be used again."""
