"""Imports files: `readers` yield rows, `columns` maps them to fields, `importing` stores them."""
