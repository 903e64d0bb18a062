"""The history: the SQL database of a store, accessed by topic, with a module for each."""
