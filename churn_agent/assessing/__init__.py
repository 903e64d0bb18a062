"""From a customer and a date to a record: the agent, the pipeline behind it, screening, and perturbation."""
