"""Resumable assessment of many customers, one record per line."""
