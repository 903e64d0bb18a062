"""The command line: parse, one call of the library, print. Heavy imports stand inside the commands."""
