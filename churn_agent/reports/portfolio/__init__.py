"""The report of a batch that account managers work from: one object, many renderings."""
