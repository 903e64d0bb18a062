"""Whether cards say what a fair reader expects of them: `churn-agent check`, and the table of the test books."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from xml.etree import ElementTree

import numpy as np
from more_itertools import chunked

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.assessing.pipeline import BATCH
from churn_agent.domain.assessment import Assessment
from churn_agent.domain.snapshot import Snapshot
from churn_agent.evals.checks.expectations import FACTS, Expectation
from churn_agent.measuring import metrics
from churn_agent.measuring.metrics import Interval


@dataclass(frozen=True)
class CardCheck:
    """The card of one case, compared with what is expected of it."""

    case: Expectation
    record: Assessment
    missing: tuple[str, ...] = ()
    """Groups of `must` of which the card names nothing, as `price or competitor`."""
    false: tuple[str, ...] = ()
    """Signals and facts that the card names and should not."""
    misplaced: str | None = None
    """What is wrong with the band, or that there is no assessment."""
    unwanted: str | None = None
    """The action that is suggested although none may be."""
    unsuggested: str | None = None
    """The actions of which one should be suggested."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong besides the reasons: no assessment, the band, the actions."""
        return tuple(filter(None, (self.misplaced, self.unwanted, self.unsuggested)))

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.missing or self.false or self.faults)

    @property
    def wrong(self) -> list[str]:
        """What is wrong, one phrase each."""
        missing = [f"does not name {group}" for group in self.missing]
        return [*missing, *(f"names {concept}" for concept in self.false), *self.faults]

    @property
    def score(self) -> float:
        """The number of the card, 0 to 1; 0 without one, and for those whom the lists leave to a person's care."""
        number = self.record.churn_probability
        return number.shown if number and not self.record.care else 0.0


def check_cards(
    cases: Sequence[Expectation],
    agent: ChurnAgent,
    *,
    as_of: date | None = None,
    progress: Callable[[], None] = lambda: None,
) -> list[CardCheck]:
    """Assesses each case and compares its card with what is expected. Records are not stored.

    Args:
        cases: customers of the agent's store, and messages.
        agent: assesses them.
        as_of: day of the assessments; see `ChurnAgent.assess`. A case's own `as_of` goes first.
        progress: called after each case.

    Raises:
        UnknownCustomer, EmptyStore: a case is about a customer without a history.
        Unavailable: the model or the store cannot be used.
    """
    setup, signals = agent.setup(), agent.store.taxonomy.by_id
    of_a_message = replace(setup, method=None)  # trained methods need a history
    checks: dict[int, CardCheck] = {}
    for alone, numbers in (
        (False, [n for n, case in enumerate(cases) if case.text is None]),
        (True, [n for n, case in enumerate(cases) if case.text is not None]),
    ):
        for batch in chunked(numbers, BATCH):
            snapshots = [_snapshot(cases[n], agent, as_of) for n in batch]
            for n, record in zip(batch, agent.judge(snapshots, of_a_message if alone else setup), strict=True):
                checks[n] = check_card(cases[n], record, signals=signals)
                progress()
    return [checks[n] for n in sorted(checks)]


def _snapshot(case: Expectation, agent: ChurnAgent, as_of: date | None) -> Snapshot:
    if case.text is not None:
        return agent.snapshot_of_text(case.text, company=case.company)
    return agent.snapshot(case.id or "", as_of=case.as_of or as_of)


def check_card(case: Expectation, record: Assessment, *, signals: Mapping[str, object]) -> CardCheck:
    """Compares the card of a case with what is expected of it.

    All signals and all facts of risk among the reasons must be expected, if the case says what may be named. A fact
    that speaks for staying, such as a recent order, is never false.

    Args:
        case: the expectation.
        record: the assessment of its customer or message.
        signals: the signals of the taxonomy.
    """
    named = {reason.concept: reason for reason in record.reasons}
    missing = tuple(" or ".join(group) for group in case.must if not any(_says(one, named) for one in group))
    false = {one for one in case.never if _says(one, named)}
    if case.may is not None:
        expected = {concept for one in (*case.may, *(o for g in case.must for o in g)) for concept in _meant_by(one)}
        checked = {c for c, reason in named.items() if c in signals or reason.polarity == "risk"}
        known = {concept for concepts in FACTS.values() for concept in concepts} | set(signals)
        false |= (checked & known) - expected
    return CardCheck(
        case,
        record,
        missing,
        tuple(sorted(false)),
        misplaced=_misplaced(case, record),
        unwanted=_unwanted(case, record),
        unsuggested=_unsuggested(case, record),
    )


def _meant_by(word: str) -> frozenset[str]:
    return FACTS.get(word, frozenset()) | {word}


def _says(word: str, named: Mapping[str, object]) -> bool:
    return not _meant_by(word).isdisjoint(named)


def _misplaced(case: Expectation, record: Assessment) -> str | None:
    wanted = case.wanted_bands
    if record.status != "assessed":
        expected = case.must or wanted not in (None, ("low",))
        return f"no assessment: {record.status_reason}" if expected else None
    if wanted and record.band not in wanted:
        return f"band {record.band or 'none'} instead of {' or '.join(wanted)}"
    return None


def _unwanted(case: Expectation, record: Assessment) -> str | None:
    if not (case.without_action and record.actions):
        return None
    why = "has left" if case.left else case.care.replace("_", " ") if case.care else "none is wanted"
    return f"suggests {record.actions[0].playbook_id} ({why})"


def _unsuggested(case: Expectation, record: Assessment) -> str | None:
    suggested = {action.playbook_id for action in record.actions}
    if record.status != "assessed" or not case.actions or suggested & set(case.actions) or _unwanted(case, record):
        return None
    return f"does not suggest {' or '.join(case.actions)}"


# --- over a whole file


@dataclass(frozen=True)
class CardFigures:
    """How the cards of a file do. Shares are 0 to 1, with exact 95% intervals."""

    n: int
    right: Interval
    false: Interval
    """Share of cards that name something false, or suggest an action to somebody who has left or needs care."""
    missed: Interval
    """Share of cards that miss something plain, or a standing announcement (its band is not high)."""
    auroc: Interval | None
    """Of the number, for customers to call against those not to call; None without both."""
    auroc_unannounced: Interval | None
    """The same without those who have announced that they leave."""
    precision_at_capacity: float | None
    """Share of customers to call among the highest numbers, as many as can be called."""
    wrong: Mapping[str, int] = field(default_factory=dict[str, int])
    """Kind of fault -> number of cards."""


def figures(checks: Sequence[CardCheck], *, capacity: int | None = None) -> CardFigures:
    """The figures of the cards of a file.

    Args:
        checks: at least one card.
        capacity: number of customers who can be called; as many as there are to call if not given.
    """
    n = len(checks)
    ranked = [check for check in checks if check.case.call in ("yes", "no")]
    to_call = np.array([check.case.call == "yes" for check in ranked], dtype=bool)
    scores = np.array([check.score for check in ranked])
    unannounced = np.array([check.case.announced is None for check in ranked], dtype=bool)
    precision = None
    if to_call.any():
        calls = min(capacity or int(to_call.sum()), len(ranked))
        precision = float(metrics.called(scores, calls)[to_call].sum() / calls)
    kinds: dict[str, int] = {}
    for check in checks:
        for phrase in dict.fromkeys(check.wrong):
            kinds[phrase] = kinds.get(phrase, 0) + 1
    return CardFigures(
        n=n,
        right=metrics.share(sum(check.right for check in checks), n),
        false=metrics.share(sum(bool(check.false or check.unwanted) for check in checks), n),
        missed=metrics.share(sum(bool(check.missing or check.misplaced) for check in checks), n),
        auroc=_auroc(to_call, scores),
        auroc_unannounced=_auroc(to_call[unannounced], scores[unannounced]),
        precision_at_capacity=precision,
        wrong=dict(sorted(kinds.items(), key=lambda item: -item[1])),
    )


def _auroc(labels: metrics.Labels, scores: metrics.Scores) -> Interval | None:
    return metrics.auroc(labels, scores) if labels.any() and not labels.all() else None


def to_markdown(checks: Sequence[CardCheck], title: str, *, capacity: int | None = None) -> str:
    """The figures, and a table of the cards that are wrong; see `figures`."""
    all_ = figures(checks, capacity=capacity)
    lines = [f"# {title}", "", "| figure | value |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows(all_)), ""]
    wrong = [check for check in checks if not check.right]
    if wrong:
        lines += ["| case | band | number | wrong | expected because |", "|---|---|---|---|---|"]
        for check in wrong:
            cells = (
                check.case.name,
                check.record.band or "none",
                f"{check.score:.2f}",
                "; ".join(check.wrong),
                check.case.why,
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def rows(all_: CardFigures) -> Iterator[tuple[str, str]]:
    """Name and value of each figure, for readers."""
    yield "cards", str(all_.n)
    yield "right", _text(all_.right)
    yield "false", _text(all_.false)
    yield "missed", _text(all_.missed)
    if all_.auroc:
        yield "AUROC of who should be called", _text(all_.auroc)
    if all_.auroc_unannounced:
        yield "the same without announcements", _text(all_.auroc_unannounced)
    if all_.precision_at_capacity is not None:
        yield "precision at capacity", f"{all_.precision_at_capacity:.2f}"


def _text(interval: Interval) -> str:
    if math.isnan(interval.low):
        return f"{interval.value:.2f}"
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def to_junit(checks: Sequence[CardCheck], name: str) -> str:
    """JUnit XML, one test case for each card, as CI systems read it."""
    suite = ElementTree.Element(
        "testsuite", name=name, tests=str(len(checks)), failures=str(sum(not check.right for check in checks))
    )
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=_plain(check.case.name))
        if not check.right:
            failure = ElementTree.SubElement(case, "failure", message=_plain("; ".join(check.wrong)))
            failure.text = _plain(check.case.why)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _plain(text: str) -> str:
    """The text without characters that XML does not allow."""
    return "".join(c if c.isprintable() else " " for c in text)
