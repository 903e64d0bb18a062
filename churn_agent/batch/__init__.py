"""Many customers: resumable, one record a line."""
