"""The types. They use no files, no model and no store."""
