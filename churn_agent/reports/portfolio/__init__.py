"""The report of a batch for account managers: one object, many formats."""
