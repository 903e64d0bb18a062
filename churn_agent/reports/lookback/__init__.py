"""The look-back and the retrospective of a customer, for a terminal and as pages."""
