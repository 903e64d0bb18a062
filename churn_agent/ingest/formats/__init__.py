"""How a column writes numbers, times and ids: settled over all its values, never by one value alone."""
