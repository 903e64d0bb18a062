"""One book on disk: its history and index, imports and erasure."""
