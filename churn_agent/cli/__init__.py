"""The command line: parse, one call of the library, print. Heavy imports are inside the commands."""
