"""Refunds and credits whose amounts are above zero, so that they would be added up as paid."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from churn_agent.domain.wording import counted
from churn_agent.ingest.questions import Guess

_COLUMNS = frozenset(
    """type kind transaction_type invoice_type document_type doc_type record_type entry_type order_type payment_type
    category channel typ art belegart buchungsart""".split()
)
_WORDS = frozenset(
    """refund refunds credit credit_note creditnote credit_memo creditmemo chargeback reversal gutschrift erstattung
    rückerstattung storno avoir remboursement reembolso rimborso""".split()
)
_PAID = re.compile(r"[^-−(]*[1-9][^-−]*")


class Refunds:
    """Rows of refunds and credits with an amount above zero."""

    def __init__(self, amounts: Collection[str]) -> None:
        """Creates an empty collection.

        Args:
            amounts: columns that may hold amounts.
        """
        self._amounts = amounts
        self._rows: dict[str, Counter[str]] = {}

    def add(self, name: str, rows: Sequence[Mapping[str, str]]) -> None:
        """Adds rows, of which some have a column."""
        if name not in _COLUMNS:
            return
        for row in rows:
            word = "_".join(row.get(name, "").casefold().replace("-", " ").split())
            if word in _WORDS and any(_PAID.fullmatch(row[column]) for column in self._amounts if row.get(column)):
                self._rows.setdefault(name, Counter())[row[name]] += 1

    def guesses(self, columns: Mapping[str, str]) -> list[Guess]:
        """Returns a guess for each column with such rows, if there are amounts."""
        if "amount" not in columns:
            return []
        return [
            Guess(
                name,
                "amounts as they are, added up with those of orders and bills",
                f"{counted(words.total(), 'row')} of {', '.join(sorted(words)[:3])} above zero",
                "write them with a minus, or leave such rows out: "
                f"unless: {{{name}: [{', '.join(map(repr, sorted(words)))}]}}",
            )
            for name, words in self._rows.items()
            if columns.get("payment_status") != name
        ]
