"""Renderers of assessments, books and batches."""
