"""Assessments as people read them: one record, several renderers."""
