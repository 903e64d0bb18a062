"""The history: one SQL database that holds everything worth keeping. Access by topic, one module each."""
