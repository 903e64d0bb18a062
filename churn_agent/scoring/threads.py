"""The end of a thread counts with its beginning: a problem that was solved is worth less than an open one.

A problem in a customer's words is solved if the customer says so later in the same thread, or plainly thanks for the
company's answer there. A thread is what the source names as one conversation, messages with one subject, or else those
of one channel within two weeks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from churn_agent.content.taxonomy import Taxonomy
from churn_agent.domain.assessment import Citation
from churn_agent.domain.interactions import Interaction
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evidence.sessions import thread_of
from churn_agent.ingest.subjects import without_reply_marks
from churn_agent.scoring.standing import ReadMessage

SOLVED_SHARE = 0.3
"""Share of its strength that the signal of a solved problem keeps. Not fitted: a recovered failure leaves some mark
(Smith & Bolton 1998), and less of it than an open one."""
_LONGEST_THREAD = timedelta(days=14)
"""Without a name or a subject, from the problem to the thanks."""
_MOST_WORDS = 10
"""Words of a message that does nothing but thank."""
_THANKS = re.compile(
    r"\b(?:thanks?|thank you|thx|cheers|much appreciated|danke\w*|vielen dank|herzlichen dank|merci|grazie|gracias"
    r"|bedankt|dank (?:je|u))\b",
    re.IGNORECASE,
)
_NOT_THANKS = re.compile(
    r"\?|\b(?:but|still|not|n['’]t|no|nothing|never|again|in advance|however|aber|noch|nicht|nein|nichts|nie|wieder"
    r"|leider|voraus|trotzdem|mais|pas|encore|non|rien|ma|ancora|niente|pero|todavía|nada|maar|niet|nog|niets)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")


def settled(
    messages: Sequence[ReadMessage], snapshot: Snapshot, taxonomy: Taxonomy
) -> tuple[list[ReadMessage], frozenset[str]]:
    """The messages with solved problems at a share of their strength, and the signals whose problems are all solved.

    Args:
        messages: as they were read.
        snapshot: the customer, with the company's answers.
        taxonomy: with the roles `problem` and `solved`.
    """
    rows = {row.id: row for row in snapshot.messages}
    ends = [*_reported_solved(messages, rows, taxonomy), *_thanked(snapshot)]
    solved: set[str] = set()
    open_: set[str] = set()

    def worth_less(message: ReadMessage) -> ReadMessage:
        signals = dict(message.signals)
        for id_, (strength, citation) in message.signals.items():
            if taxonomy.role_of(id_) != "problem" or not citation.verified:
                continue
            row = rows.get(citation.interaction_id)
            if row and any(_ends(thread_end, row, answered) for thread_end, answered in ends):
                signals[id_] = strength * SOLVED_SHARE, citation
                solved.add(id_)
            else:
                open_.add(id_)
        return replace(message, signals=signals)

    return [worth_less(message) for message in messages], frozenset(solved - open_)


def _reported_solved(
    messages: Sequence[ReadMessage], rows: Mapping[str, Interaction], taxonomy: Taxonomy
) -> Iterator[tuple[Interaction, datetime | None]]:
    """Yields the messages by which a problem was solved in the customer's words; no answer before them is needed."""
    cited: list[Citation] = [
        citation
        for message in messages
        for id_, (_, citation) in message.signals.items()
        if citation.verified and taxonomy.role_of(id_) == "solved"
    ]
    for citation in cited:
        if citation.interaction_id in rows:
            yield rows[citation.interaction_id], None


def _thanked(snapshot: Snapshot) -> Iterator[tuple[Interaction, datetime | None]]:
    """Yields the messages that only thank, with the time of the company's latest answer before them in the thread."""
    answers = [row for row in snapshot.interactions if row.speaker == "company" and row.direction != "inbound"]
    for row in snapshot.messages:
        if _only_thanks(row.text):
            before = [
                answer.occurred_at for answer in answers if answer.occurred_at < row.occurred_at and _one(answer, row)
            ]
            if before:
                yield row, max(before)


def _only_thanks(text: str) -> bool:
    return len(_WORD.findall(text)) <= _MOST_WORDS and bool(_THANKS.search(text)) and not _NOT_THANKS.search(text)


def _ends(end: Interaction, problem: Interaction, answered: datetime | None) -> bool:
    """Whether a message ends the thread of a problem; one that thanks does so after an answer to it."""
    later = end.occurred_at > problem.occurred_at and (answered is None or answered > problem.occurred_at)
    return later and _one(problem, end)


def _one(first: Interaction, second: Interaction) -> bool:
    """Whether two interactions are of one thread; `second` is the later one."""
    for name_of in (thread_of, _subject):
        names = name_of(first), name_of(second)
        if all(names):
            return names[0] == names[1]
    near = second.occurred_at - first.occurred_at <= _LONGEST_THREAD
    return near and first.channel.casefold() == second.channel.casefold()


def _subject(row: Interaction) -> str:
    return without_reply_marks(row.metadata.get("subject", "")).casefold()
