"""Scores as properties of a CRM's records: files for its import, with only the records whose values differ."""
