"""Who speaks in the calls of an import: for the guess and the question about the company's people."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from churn_agent.errors import FileFormatError
from churn_agent.ingest.questions import Guess, Question, as_mapping
from churn_agent.ingest.readers.transcripts.people import Staff, is_label
from churn_agent.ingest.readers.transcripts.reading import customer_of, read_calls

_MOST_NAMES = 20


@dataclass
class _Speaker:
    turns: int = 0
    calls: int = 0
    customers: set[str] = field(default_factory=set)


@dataclass
class SpeakerSurvey:
    """The speakers of calls whose side nothing tells."""

    speakers: dict[str, _Speaker] = field(default_factory=lambda: defaultdict(_Speaker))

    @property
    def likely_staff(self) -> tuple[str, ...]:
        """Names in calls of several customers, in the order of their numbers of calls."""
        several = [name for name, seen in self.speakers.items() if len(seen.customers) > 1 and not is_label(name)]
        return tuple(sorted(several, key=lambda name: (-self.speakers[name].calls, name)))

    @property
    def unanswered(self) -> Guess | None:
        """What is taken if nobody answers the question; None if there is no question."""
        question = self.question
        if question is None:
            return None
        names = list(self.likely_staff) or ["NAME"]
        taken = "unknown: their words are stored and not read"
        return Guess(question.about, taken, question.why, as_mapping({"staff": names}))

    @property
    def question(self) -> Question | None:
        """Who of the named speakers is ours; None if there is no such name. An answer may name several, with commas."""
        names = sorted(
            (name for name in self.speakers if not is_label(name)), key=lambda name: (-self.speakers[name].turns, name)
        )
        if not names:
            return None
        evidence = "; ".join(
            f"{name} speaks with {len(self.speakers[name].customers)} customers" for name in self.likely_staff[:3]
        )
        counts = ", ".join(f"{name} ({self.speakers[name].turns})" for name in names[:_MOST_NAMES])
        return Question(
            "speakers of calls",
            f"nothing says which of them are ours, and thus who the customer is. Names and numbers of turns: {counts}."
            + (f" {evidence}." if evidence else ""),
            tuple(
                dict.fromkeys([*([", ".join(self.likely_staff)] if self.likely_staff else []), *names[:_MOST_NAMES]])
            ),
            lambda chosen: {"staff": [name.strip() for name in chosen.split(",") if name.strip()]},
            ", ".join(self.likely_staff) or None,
        )


def survey_speakers(paths: Sequence[Path], staff: Sequence[str], file_name: str | None = None) -> SpeakerSurvey:
    """Counts the speakers of calls in which nobody's side is known. Files that cannot be read are passed over."""
    ours = Staff(staff)
    survey = SpeakerSurvey()
    for path in paths:
        try:
            calls = read_calls(path, ours)
        except FileFormatError:
            continue
        for call in calls:
            sides = ours.sides([turn.speaker for turn in call.turns], call.sides)
            customer = customer_of(path, call, file_name)
            unknown = {turn.speaker for turn in call.turns if turn.speaker and sides[turn.speaker] == "unknown"}
            for name in unknown:
                seen = survey.speakers[name]
                seen.calls += 1
                seen.turns += sum(turn.speaker == name for turn in call.turns)
                seen.customers.update({customer} - {""})
    return survey
