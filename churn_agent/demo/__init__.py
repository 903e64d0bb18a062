"""A fictional company for demos and load tests: `simulator` makes customers, `phrases` messages, `writing` files.

It shows nothing about quality, because its customers behave as its author assumed.
"""
