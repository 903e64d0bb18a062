"""Prompt files and the taxonomy of signals: versioned, strict data, no logic.

A prompt variant is `MODE/NAME.yaml` in the shipped `prompts/` folder or in a user's folder, which adds to it
(and wins where names meet). Variables are `$name` as in `string.Template`, substituted once.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churn_agent.domain.assessment import Polarity
from churn_agent.errors import FileFormatError, InputError
from churn_agent.files import strict_yaml
from churn_agent.models.base import Message

Mode = Literal["ask", "read", "explain"]
MODES: tuple[Mode, ...] = get_args(Mode)
DEFAULT_PROMPTS: Mapping[str, str] = {"ask": "lettered", "read": "words", "explain": "direct"}


def shipped_folder() -> Path:
    """The `prompts/` folder: of the checkout where there is one, else the copy inside the wheel."""
    package = Path(__file__).parents[1]
    checkout = package.parent
    return checkout / "prompts" if (checkout / "pyproject.toml").is_file() else package / "_prompts"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Example(_Data):
    """One turn and its wanted answer, shown before the real one."""

    user: str
    assistant: str


class PromptQuestion(_Data):
    """A question answered by label log-probabilities."""

    id: str
    text: str
    churn: Annotated[tuple[str, ...], Field(min_length=1)]
    """Labels that mean churn."""
    stay: Annotated[tuple[str, ...], Field(min_length=1)]
    """Labels that mean the customer stays."""
    neither: tuple[str, ...] = ()
    """Labels that mean neither: their probability counts as the prior."""

    @property
    def labels(self) -> tuple[str, ...]:
        return (*self.churn, *self.stay, *self.neither)


class Writing(_Data):
    """What the model is to make of a message before it is asked about."""

    system: str
    examples: tuple[Example, ...] = ()
    """With answers in JSON: `{"text":"..."}`."""


class Translation(Writing):
    """Messages in another language are translated before they are asked about: who leaves whom stands in small words,
    which a small model reads best in the language that it learned most of."""

    language: Annotated[str, Field(pattern="^[a-z]{2}$")]
    """Into which (ISO 639-1)."""


class Check(_Data):
    """Mode `read`: yes/no questions that keep or drop what was proposed.

    In `context` and `question`, `$message` is the sentence that was quoted, and `$definition` the proposed signal's;
    for `leaving`, `staying` and `closing` it is the whole message. Where that names a company, `$company` is a made-up
    name, as it then is in the message (`naming.renamed`); else it is "the company".
    """

    system: str
    context: str
    question: str
    leaving: str
    staying: str
    closing: str | None = None
    """Whether they ask to end it all. Plain requests ("please delete my account") show no wish that a small model would
    call an intention; asked of messages whose words hint at it (`Choice.hinting`)."""
    neutral: Annotated[tuple[str, ...], Field(min_length=1)]
    """Words that say nothing: how far the model leans to yes without cause is measured on them and subtracted
    (contextual calibration, Zhao et al. 2021)."""
    translation: Translation | None = None
    summary: Writing | None = None
    """One sentence on what the writer is going to do, of short messages whose words hint at leaving or that name
    another company. Leaving and staying are asked about it too, and both answers count alike: what a small model has
    written down it reads better (chain of thought, Wei et al. 2022)."""
    least: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Probability of yes, after that subtraction, below which a proposed signal is dropped."""


class Choice(_Data):
    """Mode `read`: signals are proposed by how likely the model takes one word each to be what a sentence shows.

    Nothing is written: one pass over a sentence gives the probabilities of all words.
    """

    words: Mapping[str, str]
    """Signal id -> its word; those that begin with tokens of their own are told apart best."""
    nothing: str
    """The word for a sentence that shows no signal."""
    least: Annotated[float, Field(ge=0, le=1)]
    """Probability, among these words, from which a signal is proposed."""
    most: Annotated[int, Field(ge=1)]
    """Signals proposed for one sentence."""
    silent: Annotated[float, Field(ge=0, le=1)]
    """A message is asked nothing more if all its sentences show nothing with at least this probability."""
    hinting: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Probability of all words about leaving together from which a sentence hints at it."""


class PromptTemplate(_Data):
    """One prompt variant.

    `system` and `examples` are the shared prefix and may use the variables of the book; `user` is the customer's
    turn. What each mode provides is checked when a prompt is loaded, not when it is rendered.
    """

    name: str = ""
    mode: Mode = "read"
    version: int
    tries: str
    """What this variant tries, in a line."""
    system: str
    examples: tuple[Example, ...] = ()
    user: str
    questions: tuple[PromptQuestion, ...] = ()
    """Mode `ask`; several are averaged in log-odds."""
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 200
    think: bool = False
    """Modes `read` and `explain`: the answer opens with a short free thought."""
    choice: Choice | None = None
    check: Check | None = None

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all that shapes the prompt, first 16 hexadecimal digits."""
        return hashlib.sha256(self.model_dump_json(exclude={"tries"}).encode()).hexdigest()[:16]

    @property
    def label(self) -> str:
        """`mode/name@version`, as records and reports name it."""
        return f"{self.mode}/{self.name}@{self.version}"

    def shared(self, variables: Mapping[str, str]) -> tuple[Message, ...]:
        """The messages that are the same for every customer of the company."""
        messages = [Message("system", fill(self.system, variables))]
        for example in self.examples:
            messages += [Message("user", fill(example.user, variables)), Message("assistant", example.assistant)]
        return tuple(messages)


_OF_HISTORIES = frozenset(
    {"company", "domain", "churn_means", "horizon_days", "base_rate", "facts", "evidence", "as_of"}
)
_VARIABLES: Mapping[str, frozenset[str]] = {
    "ask": _OF_HISTORIES,
    "read": frozenset({"company", "domain", "signals", "message", "channel", "date", "definition"}),
    "explain": _OF_HISTORIES | {"actions"},
}


def fill(template: str, variables: Mapping[str, str]) -> str:
    """Substitutes `$name` once; what is put in is not looked at again."""
    return Template(template).substitute(variables)


def list_prompts(folder: Path | None = None) -> dict[tuple[Mode, str], Path]:
    """All prompt variants: (mode, name) -> file; `folder` is the user's own."""
    found: dict[tuple[Mode, str], Path] = {}
    for root in (shipped_folder(), folder):
        for mode in MODES:
            for path in sorted((root / mode).glob("*.yaml")) if root else []:
                found[mode, path.stem] = path
    return found


def named(label: str) -> tuple[str, str]:
    """(mode, name) of a `PromptTemplate.label`."""
    mode, _, name = label.partition("@")[0].partition("/")
    return mode, name


def load_prompt(mode: str, name: str | None = None, *, folder: Path | None = None) -> PromptTemplate:
    """Loads a prompt variant; without a name, the mode's default.

    Raises:
        InputError: there is no such mode or prompt; the message lists those that exist.
        FileFormatError: the file is not a valid prompt; the message names file, line and key.
    """
    if mode not in MODES:
        raise InputError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
    available = list_prompts(folder)
    name = name or DEFAULT_PROMPTS[mode]
    path = available.get((mode, name))  # type: ignore[arg-type]
    if path is None:
        names = ", ".join(sorted(n for m, n in available if m == mode))
        raise InputError(f"no prompt {name!r} for mode {mode!r}; there are: {names}")
    loaded = strict_yaml.load(path, PromptTemplate)
    prompt = PromptTemplate.model_validate(loaded.model_dump() | {"name": name, "mode": mode})
    if (mode == "ask") != bool(prompt.questions):
        raise FileFormatError(f"{path}: prompts of mode 'ask', and only they, have questions")
    if (prompt.check or prompt.choice) and mode != "read":
        raise FileFormatError(f"{path}: 'check' and 'choice' are for prompts of mode 'read'")
    unknown = set(prompt.choice.words) - set(load_taxonomy().by_id) if prompt.choice else set[str]()
    if unknown:
        raise FileFormatError(f"{path}: 'choice' has words for unknown signals: {', '.join(sorted(unknown))}")
    texts = [prompt.system, prompt.user, *(e.user for e in prompt.examples), *(q.text for q in prompt.questions)]
    if prompt.check:
        texts += [
            prompt.check.system,
            prompt.check.context,
            prompt.check.question,
            prompt.check.leaving,
            prompt.check.staying,
            prompt.check.closing or "",
            *(each.system for each in (prompt.check.translation, prompt.check.summary) if each),
        ]
    unknown = {v for text in texts for v in Template(text).get_identifiers()} - _VARIABLES[mode]
    if unknown:
        known = ", ".join(sorted(_VARIABLES[mode]))
        raise FileFormatError(f"{path}: unknown variables {', '.join(sorted(unknown))}; mode {mode!r} has {known}")
    return prompt


class SignalDefinition(_Data):
    """A concept of the taxonomy."""

    id: str
    polarity: Polarity
    definition: str
    """As the language model is told; `$company` is filled in."""
    statement: str
    """As a reader of reports is told; `$company` is filled in."""
    queries: Annotated[tuple[str, ...], Field(min_length=1)]
    """Phrases that find candidate messages by meaning."""


class Taxonomy(_Data):
    """All signals, by id."""

    version: int
    neutral_queries: Annotated[tuple[str, ...], Field(min_length=1)]
    """What messages say that shows no signal."""
    signals: tuple[SignalDefinition, ...]

    @model_validator(mode="after")
    def _ids_are_unique(self) -> "Taxonomy":
        if len(self.by_id) != len(self.signals):
            raise ValueError("signal ids repeat")
        return self

    @cached_property
    def by_id(self) -> dict[str, SignalDefinition]:
        return {signal.id: signal for signal in self.signals}

    @cached_property
    def phrases(self) -> dict[Polarity | Literal["neutral"], list[str]]:
        """The query phrases by what they show."""
        found: dict[Polarity | Literal["neutral"], list[str]] = {"neutral": list(self.neutral_queries)}
        for signal in self.signals:
            found.setdefault(signal.polarity, []).extend(signal.queries)
        return found

    def listing(self, names: Mapping[str, str] | None = None) -> str:
        """The signals as prompts show them, one a line, by their ids or by `names` (then only those that have one)."""
        lines = "\n".join(
            f"- {names[signal.id] if names else signal.id}: {signal.definition}"
            for signal in self.signals
            if names is None or signal.id in names
        )
        return fill(lines, {"company": "the company"})


def load_taxonomy() -> Taxonomy:
    """The shipped taxonomy, `prompts/signals.yaml`."""
    return strict_yaml.load(shipped_folder() / "signals.yaml", Taxonomy)
