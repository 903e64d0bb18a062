"""Files, tables and databases to rows: what the columns mean is not known here."""
