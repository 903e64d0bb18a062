"""Catalogues of the languages of reports."""
