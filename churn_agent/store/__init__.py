"""One book on disk: history and index together, what goes in, and what is erased."""
