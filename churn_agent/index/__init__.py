"""The index: vectors of texts in Chroma. A cache; the history can always rebuild it.

`vectors` reads and writes it, `health` tells whether its files can be trusted, `updating` brings it in line with the
history.
"""
