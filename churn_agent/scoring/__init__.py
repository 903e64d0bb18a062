"""From facts and signals to a score."""
