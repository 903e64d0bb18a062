"""The second reader: a small fine-tuned encoder that reads a message in milliseconds."""
