"""Who speaks in the calls of an import: for the guesses and questions about the company's people."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from churn_agent.domain.wording import counted
from churn_agent.errors import FileFormatError
from churn_agent.ingest.questions import Guess, Question, as_mapping
from churn_agent.ingest.readers.transcripts.people import Staff, is_label
from churn_agent.ingest.readers.transcripts.reading import customer_of, read_calls
from churn_agent.ingest.readers.transcripts.turns import Call

_MOST_NAMES = 20
_MOST_FILES = 10
"""Most files whose labels are asked about."""
_BEGINNING = 60
"""Most characters of a speaker's first words in a question."""
_UNREAD = "unknown: their words are stored and not read"


@dataclass
class _Speaker:
    turns: int = 0
    calls: int = 0
    customers: set[str] = field(default_factory=set[str])


@dataclass
class SpeakerSurvey:
    """The speakers of calls whose side nothing tells."""

    speakers: dict[str, _Speaker] = field(default_factory=lambda: defaultdict(_Speaker))
    """Names of people -> where they speak."""
    labelled: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """File without its ending -> label of a tool -> numbers of turns and first words. A label such as SPEAKER_00 is
    another person in each file."""
    shared: Counter[str] = field(default_factory=Counter[str])
    """Labels that the list of staff names for all files -> number of files that have it."""

    @property
    def likely_staff(self) -> tuple[str, ...]:
        """Names in calls of several customers, in the order of their numbers of calls."""
        several = [name for name, seen in self.speakers.items() if len(seen.customers) > 1]
        return tuple(sorted(several, key=lambda name: (-self.speakers[name].calls, name)))

    @property
    def questions(self) -> list[tuple[Question, Guess]]:
        """Who of the speakers is ours, with the note for the case that nobody answers."""
        named = self._named()
        return ([named] if named else []) + [self._labels(*file) for file in list(self.labelled.items())[:_MOST_FILES]]

    @property
    def notes(self) -> Iterator[Guess]:
        """Yields what is not asked: labels of many more files, and labels that count as ours in all files."""
        rest = list(self.labelled)[_MOST_FILES:]
        if rest:
            line = as_mapping({"staff": [f"{rest[0]}/{next(iter(self.labelled[rest[0]]))}"]})
            yield Guess(f"speakers of {counted(len(rest), 'more file')}", _UNREAD, "they have labels, not names", line)
        for label, files in self.shared.items():
            if files > 1:
                evidence = "tools number the speakers of each file anew"
                line = as_mapping({"staff": [f"FILE/{label}"]})
                yield Guess(f"speaker {label}", f"yours in all {files} files", evidence, line)

    def _named(self) -> tuple[Question, Guess] | None:
        """Who of the named speakers is ours; None if nobody is named. An answer may name several, with commas."""
        names = sorted(self.speakers, key=lambda name: (-self.speakers[name].turns, name))
        if not names:
            return None
        likely = ", ".join(self.likely_staff)
        evidence = "; ".join(
            f"{name} speaks with {len(self.speakers[name].customers)} customers" for name in self.likely_staff[:3]
        )
        counts = ", ".join(f"{name} ({self.speakers[name].turns})" for name in names[:_MOST_NAMES])
        question = Question(
            "speakers of calls",
            f"nothing says which of them are ours, and thus who the customer is. Names and numbers of turns: {counts}."
            + (f" {evidence}." if evidence else ""),
            tuple(dict.fromkeys([*([likely] if likely else []), *names[:_MOST_NAMES]])),
            lambda chosen: {"staff": [name.strip() for name in chosen.split(",") if name.strip()]},
            likely or None,
        )
        line = as_mapping({"staff": list(self.likely_staff) or ["NAME"]})
        return question, Guess(question.about, _UNREAD, question.why, line)

    @staticmethod
    def _labels(file: str, labels: dict[str, str]) -> tuple[Question, Guess]:
        """Which of the labels in a file is ours."""
        spoken = "; ".join(f"{label} {words}" for label, words in labels.items())
        question = Question(
            f"speakers of {file}",
            f"nothing says which of them is ours: {spoken}.",
            tuple(labels),
            lambda chosen: {"staff": [f"{file}/{chosen}"]},
        )
        return question, Guess(question.about, _UNREAD, question.why, as_mapping({"staff": [f"{file}/LABEL"]}))


def survey_speakers(paths: Sequence[Path], staff: Sequence[str], file_name: str | None = None) -> SpeakerSurvey:
    """Counts the speakers of calls in which nobody's side is known. Files that cannot be read are passed over."""
    survey = SpeakerSurvey()
    for path in paths:
        ours, everywhere = Staff(staff, path.stem), Staff(staff)
        try:
            calls = read_calls(path, ours)
        except FileFormatError:
            continue
        labels = {turn.speaker for call in calls for turn in call.turns if is_label(turn.speaker)}
        survey.shared.update(label for label in labels if label in everywhere)
        for call in calls:
            _add(survey, path, call, ours, customer_of(path, call, file_name))
    return survey


def _add(survey: SpeakerSurvey, path: Path, call: Call, ours: Staff, customer: str) -> None:
    turns = Counter(turn.speaker for turn in call.turns)
    sides = ours.sides(turns, call.sides)
    unknown = [name for name in turns if name and sides[name] == "unknown"]
    for name in unknown:
        if is_label(name):
            continue
        seen = survey.speakers[name]
        seen.calls += 1
        seen.turns += turns[name]
        seen.customers.update({customer} - {""})
    if len(unknown) > 1 and all(map(is_label, unknown)):
        for name in unknown:
            first = next(turn.text for turn in call.turns if turn.speaker == name)
            words = first if len(first) <= _BEGINNING else f"{first[:_BEGINNING]}…"
            survey.labelled.setdefault(path.stem, {}).setdefault(name, f"({counted(turns[name], 'turn')}: {words!r})")
