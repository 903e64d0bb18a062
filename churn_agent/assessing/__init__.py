"""Assesses a customer at a date: the agent, the pipeline behind it, screening and perturbation."""
