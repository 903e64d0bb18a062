"""The three modes of using a language model: `ask`, `read`, `explain`. Each takes cases and returns elicitations."""
