"""A fictional company for demos and load tests.

`accounts` makes the business accounts of a supplier of software, `simulator` the consumers of four other companies;
`letters` and `phrases` write their texts, and `writing` the files. It shows nothing about quality, because its
customers behave as its author assumed.
"""
