"""What the sources of an import mean: the first pass over their rows, and the questions that it leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churn_agent.domain.snapshot import Card
from churn_agent.domain.wording import counted
from churn_agent.ingest.columns import ColumnMapping
from churn_agent.ingest.matching import ids_question
from churn_agent.ingest.options import Progress
from churn_agent.ingest.people import is_address_or_domain
from churn_agent.ingest.profiling import RuleProfile, Understanding
from churn_agent.ingest.questions import Ask, Guess, NeedsAnswer, Question, merged
from churn_agent.ingest.readers.base import Row, batches
from churn_agent.ingest.readers.mail import survey_own
from churn_agent.ingest.readers.transcripts import survey_speakers
from churn_agent.ingest.sources import Source, calls_of, mails_of, open_rows

_MOST_ROUNDS = 5
"""Most rounds of questions: an answer can lead to another question."""
_KEPT_ROWS = 100_000
_KEPT_CHARACTERS = 40_000_000
"""Most rows kept for the second pass, and their size: about 150 MB."""


@dataclass(frozen=True)
class Understood:
    """The sources of an import, as they will be read."""

    mapping: ColumnMapping
    """The mapping with all answers."""
    rules: Mapping[str, Mapping[int, Understanding]]
    """Source -> rule of the mapping -> columns and formats."""
    rows: Mapping[str, int]
    """Source -> number of rows."""
    guesses: tuple[Guess, ...]
    kept: dict[int, list[list[Row]]]
    """`id` of a source (data frames share a name) -> its rows in batches. Sources with too many rows are not in it, and
    it is empty if the answers may change how sources are read."""

    def as_mapping(self) -> dict[str, Any]:
        """Returns the mapping as understood: with it, the same sources are read in the same way, and nothing is asked.

        Columns and formats are those in which the sources agree; others are found in each source as before.
        """
        dumped = self.mapping.model_dump(exclude_defaults=True, mode="json")
        first = [rules[0] for rules in self.rules.values() if 0 in rules]
        if not first:
            return dumped
        agreed = first[0].columns.items()
        columns: dict[str, str | None] = {
            name: column for name, column in agreed if all(of.columns.get(name) == column for of in first)
        }
        taken = {name for of in first for name in of.columns}
        columns |= dict.fromkeys(sorted({name for of in first for name in of.unused} - taken))
        formats: dict[str, Any] = {}
        decimals = {of.amounts.decimal for of in first if of.amounts}
        if len(decimals) == 1:
            formats["decimal"] = decimals.pop()
        orders = {of.times.order for of in first if of.times}
        if len(orders) == 1 and orders <= {"dmy", "mdy"}:
            formats["day_first"] = orders.pop() == "dmy"
        return formats | merged({"columns": columns}, dumped)


def understand(
    sources: Sequence[Source],
    mapping: ColumnMapping,
    progress: Progress,
    ask: Ask | None,
    others: Sequence[Source] = (),
    *,
    card: Card,
) -> Understood:
    """Reads all rows once and decides what they mean.

    Args:
        sources: sources of interactions.
        mapping: the user's mapping.
        progress: called with the source, the amount read and the total.
        ask: answers questions.
        others: sources of attributes, labels, measurements and aliases, whose ids are compared.
        card: card of the book, which says in which channels systems write.

    Raises:
        DataError: a source is unusable.
        NeedsAnswer: a question was not answered.
    """
    noted: dict[str, Guess] = {}
    own = _whose_mails(sources, mapping, noted)
    if own:
        mapping = answered(mapping, [own], ask)
    mapping = _with_staff(sources, mapping, ask, noted)
    kept = _Kept()
    profiles = {source.name: _profile(source, mapping, card, progress, noted, kept) for source in sources}
    read_with = mapping
    with_point = {
        name: set[str]().union(*(profile.ids_with_point for profile in of.values())) for name, of in profiles.items()
    }
    alike = ids_question(sources, others, mapping, with_point)
    if alike:
        mapping = answered(mapping, [(next(iter(profiles)), alike)], ask)
    rules, questions, guesses = _settled(sources, mapping, profiles)
    for _ in range(_MOST_ROUNDS):
        if not questions:
            break
        mapping = answered(mapping, questions, ask)
        rules, questions, guesses = _settled(sources, mapping, profiles)
    guesses = noted | guesses
    rows = {name: sum(profile.rows for profile in of.values()) for name, of in profiles.items()}
    return Understood(mapping, rules, rows, tuple(guesses.values()), kept.rows if mapping == read_with else {})


class _Kept:
    """Rows of the first pass, so that a mailbox or a workbook of a usual size is not read again."""

    def __init__(self) -> None:
        self.rows: dict[int, list[list[Row]]] = {}
        self._rows = self._characters = 0

    def add(self, source: Source, batch: list[Row]) -> bool:
        """Keeps rows of a source. Returns whether there is room; if not, nothing of the source is kept."""
        self._rows += len(batch)
        self._characters += sum(sum(map(len, row.values.values())) for row in batch)
        if self._rows <= _KEPT_ROWS and self._characters <= _KEPT_CHARACTERS:
            self.rows.setdefault(id(source), []).append(batch)
            return True
        self.rows.pop(id(source), None)
        return False


Profiles = Mapping[str, Mapping[int, RuleProfile]]
"""Source -> rule of the mapping -> profile of its rows."""


def _settled(
    sources: Sequence[Source], mapping: ColumnMapping, profiles: Profiles
) -> tuple[dict[str, dict[int, Understanding]], list[tuple[str, Question]], dict[str, Guess]]:
    """Settles columns and formats of all sources. Returns them with the questions that are left, and the guesses."""
    rules: dict[str, dict[int, Understanding]] = {source.name: {} for source in sources}
    questions: dict[str, tuple[str, Question]] = {}
    guesses: dict[str, Guess] = {}
    for source in sources:
        for number, profile in profiles[source.name].items():
            profile.rule = mapping.rules[number]
            if not profile.rows:
                continue
            understanding, asked, guessed = profile.settle(source.name, complete=source.complete_header)
            rules[source.name][number] = understanding
            questions |= {question.about: (source.name, question) for question in asked}
            guesses |= {guess.about: guess for guess in guessed}
    return rules, list(questions.values()), guesses


def _whose_mails(
    sources: Sequence[Source], mapping: ColumnMapping, noted: dict[str, Guess]
) -> tuple[str, Question] | None:
    """Returns a question for the company's side of mailboxes, unless the mapping names a side that is in them."""
    mails = mails_of(sources)
    if not mails:
        return None
    survey = survey_own(mails, mapping.own)
    unseen = ", ".join(survey.unseen)
    if len(survey.unseen) < len(mapping.own):
        if named := ", ".join(filter(is_address_or_domain, survey.unseen)):
            about, taken = f"own: {named}", "nobody's in the mailbox"
            noted[about] = Guess(about, taken, f"in none of {counted(survey.mails, 'mail')}", "own: [ANOTHER]")
        return None
    guess = survey.guess
    sides = [", ".join(guess.own)] if guess else []
    sides += [side for side, _ in survey.candidates if side not in sides]
    if not sides:
        return None
    if guess:
        evidence = f"the mailbox seems to be that of {sides[0]} ({guess.evidence})"
        why = f"{evidence}. Confirm it (--yes) or name your side (--own)."
    else:
        counts = ", ".join(f"{side} (in {n} of {counted(survey.mails, 'mail')})" for side, n in survey.candidates)
        why = f"the mails do not show which side is yours; they are from and to {counts}. Name it (--own)."

    if unseen:
        why = f"no mail is from or to {unseen} (--own): {why}"

    def answer(option: str) -> dict[str, list[str]]:
        return {"own": [*kept, *(name.strip() for name in option.split(","))]}

    kept = mapping.own if len(sources) > len(mails) else ()  # names that may be in the other sources

    question = Question("own addresses", why, tuple(sides), answer, sides[0] if guess else None)
    return str(mails[0]), question


def _with_staff(
    sources: Sequence[Source], mapping: ColumnMapping, ask: Ask | None, noted: dict[str, Guess]
) -> ColumnMapping:
    """Asks who of the speakers of calls is the company's. Without an answer they stay unknown, which is noted."""
    survey = survey_speakers(calls_of(sources), (*mapping.own, *mapping.staff), mapping.file_name)
    staff: list[str] = []
    for question, unanswered in survey.questions:
        answer = ask(question) if ask else None
        if answer is None:
            noted[question.about] = unanswered
        else:
            staff += question.answer(answer)["staff"]
    noted |= {guess.about: guess for guess in survey.notes}
    return mapping.model_copy(update={"staff": (*mapping.staff, *staff)}) if staff else mapping


def _profile(
    source: Source, mapping: ColumnMapping, card: Card, progress: Progress, noted: dict[str, Guess], kept: _Kept
) -> dict[int, RuleProfile]:
    profiles = {number: RuleProfile(rule, card) for number, rule in enumerate(mapping.rules)}

    def note(guess: Guess) -> None:
        noted.setdefault(guess.about, guess)

    rows = open_rows(source, mapping, mapping.own, lambda done, all_: progress(source.name, done, all_), note)
    room = True
    for batch in batches(rows):
        room = room and kept.add(source, batch)
        by_rule: dict[int, list[Row]] = {}
        for row in batch:
            if not row.problem:
                by_rule.setdefault(row.rule, []).append(row)
        for rule, of_rule in by_rule.items():
            profiles[rule].add(of_rule)
    return profiles


def answered(mapping: ColumnMapping, questions: Sequence[tuple[str, Question]], ask: Ask | None) -> ColumnMapping:
    """Returns the mapping with the answers to questions about sources. Raises `NeedsAnswer`."""
    part: dict[str, Any] = mapping.model_dump(exclude_unset=True)
    unanswered: list[tuple[str, Question]] = []
    for source, question in questions:
        option = ask(question) if ask else None
        if option is None:
            unanswered.append((source, question))
        else:
            part = merged(part, question.answer(option))
    if unanswered:
        [(source, _), *_] = unanswered
        raise NeedsAnswer(source, [question for _, question in unanswered])
    return ColumnMapping.model_validate(part)
