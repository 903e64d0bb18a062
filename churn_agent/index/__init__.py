"""The index: vectors of texts in Chroma. It is a cache that can be rebuilt from the history.

`vectors` reads and writes it, `health` checks its files, `updating` synchronizes it with the history.
"""
