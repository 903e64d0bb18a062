"""A made-up company, for showing and load: `simulator` makes its customers, `phrases` their words, `writing` the files.

It says nothing about quality: its customers behave as its author thought.
"""
