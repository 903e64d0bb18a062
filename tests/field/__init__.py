"""Situations that users of other tools report in public, rebuilt with made-up data: what comes in is what happened."""
