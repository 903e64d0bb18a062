"""Outcomes of customers: labels, samples, trained methods, and the ledger of forecasts."""
