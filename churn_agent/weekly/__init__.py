"""The weekly run: sync, batch, report, digests, outcomes due for review, scores."""
