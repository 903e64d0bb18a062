"""Audits: the page and the file to mark, and the result in sentences."""
