"""The company's mails, which show whose words a line with a quotation sign has."""

import re
from collections import defaultdict, deque
from datetime import datetime

from churn_agent.ingest.cleaning.lines import lines_of

_WORD = re.compile(r"[^\W_]+")
_MOST_OF_CUSTOMER = 20
_MOST_CHARACTERS = 40_000_000
_FEWEST_CHARACTERS = 20
"""Shortest quoted line that another text does not contain by chance."""


class SentMails:
    """The company's latest mails to each customer, with bounded memory."""

    def __init__(self) -> None:
        self._of: defaultdict[str, deque[tuple[datetime, str]]] = defaultdict(
            lambda: deque[tuple[datetime, str]](maxlen=_MOST_OF_CUSTOMER)
        )
        self._characters = 0

    def add(self, customer_id: str, at: datetime, text: str) -> None:
        """Adds a mail of the company."""
        if self._characters < _MOST_CHARACTERS:
            self._characters += len(text)
            self._of[customer_id].append((at, text))

    def quoted_in(self, customer_id: str, at: datetime, text: str) -> frozenset[str]:
        """Returns the lines with a quotation sign, without it, that an earlier mail to the customer has."""
        if customer_id not in self._of or ">" not in text:
            return frozenset()
        quoted = {line.bare for line in lines_of(text) if line.depth and len(line.bare) >= _FEWEST_CHARACTERS}
        if not quoted:
            return frozenset()
        sent = [_plain(mail) for earlier, mail in self._of[customer_id] if earlier < at]
        return frozenset(line for line in quoted if any(_plain(line) in mail for mail in sent))


def _plain(text: str) -> str:
    """Returns the words alone, however they are wrapped and spaced."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "
