"""Readers of files, tables and databases. They yield rows without interpreting the columns."""
