"""Prompt files: versioned, strict data, no logic.

A prompt variant is `MODE/NAME.yaml` in the shipped `prompts/` folder or in a user's folder, which adds to it
(and wins where names meet). Variables are `$name` as in `string.Template`, substituted once. The thresholds of a prompt
lie beside it, in `NAME.thresholds.yaml`.
"""

import hashlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churn_agent.content.folders import shipped_folder
from churn_agent.content.taxonomy import Taxonomy, load_taxonomy
from churn_agent.content.thresholds import Fit, Thresholds, ThresholdsFile
from churn_agent.errors import FileFormatError, InputError
from churn_agent.files import strict_yaml
from churn_agent.models.base import Message

Mode = Literal["ask", "read", "explain"]
MODES: tuple[Mode, ...] = get_args(Mode)
DEFAULT_PROMPTS: Mapping[str, str] = {"ask": "lettered", "read": "words", "explain": "direct"}


_THRESHOLDS = ".thresholds"
"""Ends the names, before `.yaml`, of files of thresholds."""


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
    call an intention; asked of messages whose words hint at it (`Thresholds.hinting`)."""
    neutral: Annotated[tuple[str, ...], Field(min_length=1)]
    """Words that say nothing: how far the model leans to yes without cause is measured on them and subtracted
    (contextual calibration, Zhao et al. 2021)."""
    translation: Translation | None = None
    summary: Writing | None = None
    """One sentence on what the writer is going to do, of short messages whose words hint at leaving or that name
    another company. Leaving and staying are asked about it too, and both answers count alike: what a small model has
    written down it reads better (chain of thought, Wei et al. 2022)."""

    @model_validator(mode="before")
    @classmethod
    def _holds_no_thresholds(cls, data: Any) -> Any:
        return _without_thresholds(data, ("least",))


class Choice(_Data):
    """Mode `read`: signals are proposed by how likely the model takes one word each to be what a sentence shows.

    Nothing is written: one pass over a sentence gives the probabilities of all words.
    """

    words: Mapping[str, str] = {}
    """Signal id -> its word, for signals that this prompt calls by another word than the taxonomy does."""
    nothing: str
    """The word for a sentence that shows no signal."""

    @model_validator(mode="before")
    @classmethod
    def _holds_no_thresholds(cls, data: Any) -> Any:
        return _without_thresholds(data, ("least", "most", "silent", "hinting"))


def _without_thresholds(data: Any, names: tuple[str, ...]) -> Any:
    """The data of a prompt. Raises `ValueError` where it holds thresholds, as prompts once did."""
    held = [name for name in names if isinstance(data, dict) and name in data]
    if held:
        raise ValueError(f"move {', '.join(map(repr, held))} to NAME{_THRESHOLDS}.yaml, see docs/prompts.md")
    return data


_NOT_SHOWN = {"tries", "earlier", "fits", "thresholds", "fitted"}
"""Fields of a prompt that do not reach the model."""


class EarlierHash(_Data):
    """A hash that this prompt had in a version before, when it was computed over other fields."""

    hash: str
    """As records of that version have it in `prompt_hash`."""
    content: str
    """`content_hash` of the same prompt now. A changed copy of the file has another one, and no earlier hashes."""
    thresholds: str | None = None
    """Hash of the thresholds that it had."""


class _PromptFile(_Data):
    """A prompt variant as its file has it.

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
    earlier: tuple[EarlierHash, ...] = ()
    """Its hashes in versions before."""


class PromptTemplate(_PromptFile):
    """One prompt variant, with what it takes from the taxonomy and the thresholds for the model that reads with it."""

    definitions: Mapping[str, str] = {}
    """Signal id -> definition, of the taxonomy, where the prompt shows them to the model. Set when it is loaded."""
    fits: tuple[Fit, ...] = ()
    """Thresholds that are shipped for it. Set when it is loaded."""
    thresholds: Thresholds
    """Those that are in use. Set when it is loaded, and again for the model that reads with it (`content.fits`)."""
    fitted: bool = True
    """Whether the thresholds in use were measured for this prompt and its model, or none are needed."""

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all that reaches the model, with name and version, first 16 hexadecimal digits."""
        shown = self.model_dump_json(exclude=_NOT_SHOWN if self.definitions else {*_NOT_SHOWN, "definitions"})
        return hashlib.sha256(shown.encode()).hexdigest()[:16]

    @property
    def has_thresholds(self) -> bool:
        """Whether thresholds decide what is read in a message."""
        return self.choice is not None or self.check is not None

    @property
    def thresholds_hash(self) -> str | None:
        """Of the thresholds in use; None where none are needed."""
        return self.thresholds.content_hash if self.has_thresholds else None

    @property
    def hashes(self) -> frozenset[str]:
        """The hashes by which records name a prompt that asks the model the same."""
        return frozenset({self.content_hash, *(each.hash for each in self._earlier)})

    @property
    def identity(self) -> str:
        """Names the prompt with its thresholds; runs of one identity can be continued.

        Where versions before knew this prompt, it is the hash that they gave it.
        """
        known = [each.hash for each in self._earlier if each.thresholds == self.thresholds_hash]
        return known[-1] if known else "-".join(filter(None, (self.content_hash, self.thresholds_hash)))

    def made(self, prompt_hash: str, thresholds_hash: str | None) -> bool:
        """Whether a record with these hashes was made with this prompt and these thresholds.

        Args:
            prompt_hash: of the record.
            thresholds_hash: of the record; None where its version knew of none, or the prompt has none.
        """
        if prompt_hash == self.content_hash:
            return thresholds_hash == self.thresholds_hash
        return any(each.hash == prompt_hash and each.thresholds == self.thresholds_hash for each in self._earlier)

    @property
    def _earlier(self) -> list[EarlierHash]:
        return [each for each in self.earlier if each.content == self.content_hash]

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
                if not path.stem.endswith(_THRESHOLDS):
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
    loaded = strict_yaml.load(path, _PromptFile)
    taxonomy = load_taxonomy(folder)
    prompt = _resolved(loaded, path, mode, name, taxonomy)
    if (mode == "ask") != bool(prompt.questions):
        raise FileFormatError(f"{path}: prompts of mode 'ask', and only they, have questions")
    if (prompt.check or prompt.choice) and mode != "read":
        raise FileFormatError(f"{path}: 'check' and 'choice' are for prompts of mode 'read'")
    unknown = set(prompt.choice.words) - set(taxonomy.by_id) if prompt.choice else set[str]()
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


def _resolved(loaded: _PromptFile, path: Path, mode: str, name: str, taxonomy: Taxonomy) -> PromptTemplate:
    """A prompt with what it takes from the taxonomy and from its thresholds."""
    choice = loaded.choice and loaded.choice.model_copy(update={"words": {**taxonomy.words, **loaded.choice.words}})
    fits = _fits(path)
    return PromptTemplate.model_validate(
        loaded.model_dump()
        | {
            "name": name,
            "mode": mode,
            "choice": choice and choice.model_dump(),
            "definitions": taxonomy.definitions if mode == "read" else {},
            "fits": fits,
            "thresholds": (fits or shipped_fits())[0].values,
        }
    )


def _fits(prompt: Path) -> tuple[Fit, ...]:
    """The thresholds beside a prompt; for one without, those of the default prompt, from which it starts."""
    path = prompt.with_name(f"{prompt.stem}{_THRESHOLDS}.yaml")
    return strict_yaml.load(path, ThresholdsFile).fits if path.exists() else ()


@cache
def shipped_fits() -> tuple[Fit, ...]:
    """The thresholds of the default prompt of mode `read`, as shipped; those of the default model come first."""
    return _fits(shipped_folder() / "read" / f"{DEFAULT_PROMPTS['read']}.yaml")
