"""Bills and payments in a source: words for their status, and the dates beside them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from churn_agent.domain.interactions import COMPANY_CHANNELS
from churn_agent.domain.payments import DUE_AT, PAID_AT, PAYMENT_STATUSES, STATUS, PaymentStatus
from churn_agent.domain.wording import counted
from churn_agent.ingest.columns import Rule
from churn_agent.ingest.formats.times import TimeFormat, TimeProfile
from churn_agent.ingest.questions import Guess, Question

DATES = (DUE_AT, PAID_AT)
FIELDS = (*DATES, STATUS)
_ONLY_BESIDE_DATES = frozenset({"status", "state", "zustand"})
"""Columns that hold the status of a payment only in tables with due dates or days of payment."""
BILLS = frozenset({*COMPANY_CHANNELS, "order", "payment", "purchase", "renewal", "rent", "transaction"})
"""Channels whose amounts are to be paid."""
NONE = "none"
"""Answer for words that say nothing about a payment."""
_WORDS: Mapping[PaymentStatus, str] = {
    "paid": """paid paid_in_full settled succeeded success successful complete completed cleared captured received
        collected reconciled booked bezahlt gezahlt beglichen ausgeglichen eingegangen erledigt verbucht abgebucht
        eingezogen vollständig_bezahlt""",
    "open": """open unpaid pending outstanding due sent issued not_due processing partially_paid partial partly_paid
        awaiting_payment in_progress planned scheduled geplant offen unbezahlt
        ausstehend fällig faellig versendet gestellt nicht_bezahlt
        teilbezahlt teilweise_bezahlt in_bearbeitung""",
    "overdue": """overdue past_due late dunning in_dunning reminded reminder delinquent in_arrears arrears
        überfällig ueberfaellig angemahnt gemahnt mahnung mahnstufe_1 mahnstufe_2 mahnstufe_3 verzug in_verzug im_verzug
        rückständig inkasso""",
    "failed": """failed failure declined rejected denied error payment_failed card_declined insufficient_funds
        expired_card fehlgeschlagen abgelehnt gescheitert nicht_eingelöst""",
    "returned": """returned bounced chargeback charged_back disputed reversed dd_returned direct_debit_returned
        returned_debit bounced_payment rücklastschrift ruecklastschrift zurückgegeben zurückgebucht
        rückbuchung rückläufer""",
    "written_off": """written_off write_off writeoff uncollectible uncollectable bad_debt abgeschrieben
        ausgebucht uneinbringlich""",
    "credited": """credited credit credit_note refunded refund paid_out gutgeschrieben gutschrift erstattet
        rückerstattet ausgezahlt""",
    "cancelled": """cancelled canceled void voided annulled withdrawn storniert storno annulliert aufgehoben
        zurückgezogen""",
}
_STATUS_OF: Mapping[str, PaymentStatus] = {
    word: status for status, words in _WORDS.items() for word in (*words.split(), status)
}
_NOTHING = frozenset({NONE, "draft", "entwurf", "unknown", "unbekannt", "suspended", "on_hold", "ausgesetzt"})
"""Words that say nothing about a payment."""
_COUNT_NOT: frozenset[PaymentStatus | None] = frozenset({"failed", "returned", "written_off", "credited", "cancelled"})
"""Statuses whose amounts are no payments of the customer."""
_MOST_QUESTIONS = 10
_MOST_WORDS = 500


def status_of(word: str) -> PaymentStatus | None:
    """Returns the status for a word in a source; None for an unknown word.

    Numbers and remarks do not count, as in `Mahnung 2`, `paid (late)` or `credited, not paid out`, unless a remark is
    another status.
    """
    if whole := _STATUS_OF.get(_plain(word)):
        return whole
    parts = (_plain(part) for part in re.sub(r"\([^)]*\)|\b\d+\b", "", word).split(","))
    known: set[PaymentStatus] = {_STATUS_OF[part] for part in parts if part in _STATUS_OF}
    return known.pop() if len(known) == 1 else None


def _plain(word: str) -> str:
    return "_".join(word.casefold().replace("-", " ").replace("_", " ").removeprefix("wc ").split())


def unknown_statuses(counts: Counter[str], known: Mapping[str, str]) -> list[Question]:
    """Returns questions for the words of a column of statuses whose meaning is unknown.

    Args:
        counts: the words of the column and their numbers of rows.
        known: the mapping's own words.
    """
    unknown = [
        (word, n)
        for word, n in counts.most_common()
        if word.strip() and _plain(known.get(word, word)) not in _NOTHING and status_of(known.get(word, word)) is None
    ]
    alone = len(unknown) if len(unknown) <= _MOST_QUESTIONS else _MOST_QUESTIONS - 1
    questions = [_question([word], f"{word!r} ({counted(n, 'row')})") for word, n in unknown[:alone]]
    if rest := unknown[alone:]:
        about = f"{len(rest)} other words ({counted(sum(n for _, n in rest), 'row')}), such as {rest[0][0]!r}"
        questions.append(_question([word for word, _ in rest], about))
    return questions


class PaymentProfile:
    """The columns of due dates, days of payment and statuses of a source."""

    def __init__(self, candidates: Mapping[str, Sequence[str]]) -> None:
        """Creates a profile.

        Args:
            candidates: field of `FIELDS` -> names of columns that may hold it.
        """
        self._dates = {name: TimeProfile(name) for field in DATES for name in candidates[field]}
        self._statuses: dict[str, Counter[str]] = {name: Counter() for name in candidates[STATUS]}
        self.columns = frozenset((*self._dates, *self._statuses))

    def add(self, name: str, column: Sequence[str], of_records: Iterable[bool]) -> None:
        """Adds values of a column.

        Args:
            name: of the column.
            column: its values.
            of_records: whether each value is in a row by a system; the words of other rows are not those of bills.
        """
        if name in self._dates:
            for value, n in Counter(column).items():
                self._dates[name].add(value, n)
        else:
            words = self._statuses[name]
            for value, n in Counter(compress(column, of_records)).items():
                if value in words or len(words) < _MOST_WORDS:
                    words[value] += n

    def settle(
        self,
        columns: dict[str, str],
        rule: Rule,
        order: str | None,
        questions: list[Question],
        guesses: list[Guess],
    ) -> dict[str, TimeFormat]:
        """Decides the formats of dates, and takes columns out that hold something else.

        Args:
            columns: our field -> column; changed in place.
            rule: of the mapping.
            order: order of day and month in the times of the rows, if it is settled.
            questions: receives what has to be asked.
            guesses: receives decisions taken without asking.

        Returns:
            `due_at` and `paid_at` -> format, as far as they have a column.
        """
        day_first = order == "dmy" if order in ("dmy", "mdy") else rule.day_first
        formats: dict[str, TimeFormat] = {}
        for field in DATES:
            if field not in columns:
                continue
            settled = self._dates[columns[field]].settle(day_first)
            if isinstance(settled, Question):
                questions.append(settled)
            elif settled is None:
                column = columns.pop(field)
                taken = f"metadata: it holds no dates, so it is not {field}"
                guesses.append(Guess(column, taken, "most values are not dates", f"columns: {{{field}: null}}"))
            else:
                formats[field] = settled
        if STATUS in columns:
            words = self._statuses[columns[STATUS]]
            asked = unknown_statuses(words, rule.values.get(STATUS, {}))
            lone = columns[STATUS] in _ONLY_BESIDE_DATES and not any(field in columns for field in DATES)
            not_paid = sum(n for word, n in words.items() if status_of(word) in _COUNT_NOT)
            if lone and STATUS not in rule.columns and not_paid and "amount" in columns:
                column = columns[STATUS]
                taken = "metadata: amounts of all rows are added up as paid"
                why = counted(not_paid, "row was not paid, or paid back", "rows were not paid, or paid back")
                guesses.append(Guess(column, taken, why, f"columns: {{{STATUS}: {column}}}"))
            if STATUS not in rule.columns and (lone or len(asked) == sum(1 for word in words if word.strip())):
                del columns[STATUS]
            else:
                questions += asked
        return formats


def _question(words: Sequence[str], about: str) -> Question:
    def answer(option: str) -> dict[str, dict[str, dict[str, str]]]:
        return {"values": {STATUS: dict.fromkeys(words, option)}}

    why = (
        "unknown words: what do they say about the payment? If the column is about something else: "
        f"columns: {{{STATUS}: null}}"
    )
    return Question(f"{STATUS}: {about}", why, (*PAYMENT_STATUSES, NONE), answer)
