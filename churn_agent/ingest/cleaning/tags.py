"""Quotes in tags of forums: `[quote="tim, post:2"]...[/quote]`."""

import re

_TAG = re.compile(r"\[(?:quote(?:[=:\s][^\]\n]{0,300})?|(?P<end>/quote(?::\w{1,40})?))\]", re.IGNORECASE)


def tagged_quotes(text: str) -> list[tuple[int, int]]:
    """Returns start and end of each quote in tags, of nested ones the outermost. A tag without its end is text."""
    if "[/" not in text:
        return []
    opened: list[int] = []
    spans: list[tuple[int, int]] = []
    for tag in _TAG.finditer(text):
        if not tag["end"]:
            opened.append(tag.start())
        elif opened:
            start = opened.pop()
            while spans and spans[-1][0] > start:
                spans.pop()
            spans.append((start, tag.end()))
    return spans
