"""Types only: no input or output, no model, no store."""
