"""Scores out: one row for each customer and run, to DuckDB, Parquet or PostgreSQL."""
