"""Prompt files: versioned, strict data, no logic.

A prompt variant is `MODE/NAME.yaml` in the shipped `prompts/` folder or in a user's folder, which adds to it
and takes precedence for equal names. Variables are `$name` as in `string.Template`, substituted once. The thresholds of
a prompt are beside it, in `NAME.thresholds.yaml`.
"""

import hashlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churn_agent.content.folders import shipped_folder
from churn_agent.content.taxonomy import Taxonomy, load_taxonomy
from churn_agent.content.thresholds import Fit, Thresholds, ThresholdsFile
from churn_agent.errors import FileFormatError, InputError
from churn_agent.files import strict_yaml
from churn_agent.models.base import Message

Mode = Literal["ask", "read", "explain"]
MODES: tuple[Mode, ...] = get_args(Mode)
DEFAULT_PROMPTS: Mapping[str, str] = {"ask": "lettered", "read": "encoder", "explain": "direct"}
_WITHOUT_SECOND_READER = "words"
"""The default of mode `read` where the second reader cannot be used; other prompts borrow its thresholds."""


_THRESHOLDS = ".thresholds"
"""Suffix, before `.yaml`, of the names of threshold files."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Example(_Data):
    """A sample turn with its expected answer, shown before the real turn."""

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
    """Labels that mean neither; their probability counts as the prior."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels that may answer the question."""
        return (*self.churn, *self.stay, *self.neither)


class Writing(_Data):
    """A text that the model writes from a message before questions about it."""

    system: str
    examples: tuple[Example, ...] = ()
    """With answers in JSON: `{"text":"..."}`."""


class Translation(Writing):
    """Translation of messages in other languages before questions about them.

    Small words say which company a customer leaves, and a small model reads them best in its main training language.
    """

    language: Annotated[str, Field(pattern="^[a-z]{2}$")]
    """Target language (ISO 639-1)."""


class Check(_Data):
    """Mode `read`: yes/no questions that keep or drop proposed signals.

    In `context` and `question`, `$message` is the quoted sentence and `$definition` that of the proposed signal;
    for `leaving`, `staying` and `closing` it is the whole message. Where that names a company, `$company` is an
    invented name, also used in the message (`naming.renamed`); else it is "the company".
    """

    system: str
    context: str
    question: str
    leaving: str
    staying: str
    closing: str | None = None
    """Whether the customer asks to end the contract. Plain requests ("please delete my account") show no wish
    that a small model would call an intention; asked of messages whose words hint at it (`Thresholds.hinting`)."""
    neutral: Annotated[tuple[str, ...], Field(min_length=1)]
    """Words without meaning here: the model's bias to yes is measured on them and subtracted
    (contextual calibration, Zhao et al. 2021)."""
    translation: Translation | None = None
    summary: Writing | None = None
    """One sentence on the writer's intention, for short messages that hint at leaving or name another company. Leaving
    and staying are asked about it too, and both answers count alike: a small model reads its own summary better (chain
    of thought, Wei et al. 2022)."""

    @model_validator(mode="before")
    @classmethod
    def _holds_no_thresholds(cls, data: Any) -> Any:
        return _without_thresholds(data, ("least",))


class Choice(_Data):
    """Mode `read`: signals are proposed by the probability of one word for each signal, for each sentence.

    The model writes nothing: one pass over a sentence gives the probabilities of all words.
    """

    words: Mapping[str, str] = {}
    """Signal id -> word, for signals with another word than in the taxonomy."""
    nothing: str
    """The word for a sentence that shows no signal."""

    @model_validator(mode="before")
    @classmethod
    def _holds_no_thresholds(cls, data: Any) -> Any:
        return _without_thresholds(data, ("least", "most", "silent", "hinting"))


def _without_thresholds(data: Any, names: tuple[str, ...]) -> Any:
    """The data of a prompt. Raises `ValueError` if they contain thresholds, as earlier versions did."""
    fields = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    thresholds = [name for name in names if name in fields]
    if thresholds:
        raise ValueError(f"move {', '.join(map(repr, thresholds))} to NAME{_THRESHOLDS}.yaml; see docs/prompts.md")
    return cast("Any", data)


_NOT_SHOWN = {"tries", "earlier", "fits", "thresholds", "fitted"}
"""Fields of a prompt that do not reach the model."""


class EarlierHash(_Data):
    """A hash of this prompt in an earlier version, which computed it over other fields."""

    hash: str
    """`prompt_hash` in records of that version."""
    content: str
    """Present `content_hash` of the same prompt. In a changed copy of the file it differs, so this entry is ignored."""
    thresholds: str | None = None
    """Hash of its thresholds in that version."""


class _PromptFile(_Data):
    """A prompt variant, as in its file.

    `system` and `examples` are the shared prefix and may use the variables of the book; `user` is the customer's
    turn. Variables are checked when a prompt is loaded, not when it is rendered.
    """

    name: str = ""
    mode: Mode = "read"
    version: int
    tries: str
    """The idea of this variant, in one line."""
    system: str
    examples: tuple[Example, ...] = ()
    user: str
    questions: tuple[PromptQuestion, ...] = ()
    """Mode `ask`; several are averaged in log-odds."""
    max_tokens: Annotated[int, Field(ge=1, le=4096)] = 200
    think: bool = False
    """Modes `read` and `explain`: the answer starts with a short free thought."""
    choice: Choice | None = None
    second_reader: bool = False
    """Mode `read`: whether the second reader proposes signals. The thresholds then need a `combiner`."""
    check: Check | None = None
    earlier: tuple[EarlierHash, ...] = ()
    """Its hashes in earlier versions."""


class PromptTemplate(_PromptFile):
    """One prompt variant, with definitions from the taxonomy and thresholds for the model in use."""

    definitions: Mapping[str, str] = {}
    """Signal id -> definition, from the taxonomy, if the prompt shows them to the model. Set when it is loaded."""
    fits: tuple[Fit, ...] = ()
    """Its shipped thresholds. Set when it is loaded."""
    thresholds: Thresholds
    """The thresholds in use. Set when it is loaded, and again for the model in use (`content.fitted_thresholds`)."""
    fitted: bool = True
    """Whether the thresholds in use were measured for this prompt and its model, or none are needed."""

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over all text that reaches the model, with name and version, first 16 hexadecimal digits."""
        empty = {name for name in ("definitions", "second_reader") if not getattr(self, name)}
        shown = self.model_dump_json(exclude=_NOT_SHOWN | empty)
        return hashlib.sha256(shown.encode()).hexdigest()[:16]

    @property
    def has_thresholds(self) -> bool:
        """Whether readings of messages depend on thresholds."""
        return self.choice is not None or self.check is not None

    @property
    def thresholds_hash(self) -> str | None:
        """Hash of the thresholds in use; None if none are needed."""
        return self.thresholds.content_hash if self.has_thresholds else None

    @property
    def hashes(self) -> frozenset[str]:
        """The hashes by which records name a prompt that asks the model the same."""
        return frozenset({self.content_hash, *(entry.hash for entry in self._earlier)})

    @property
    def identity(self) -> str:
        """Names the prompt with its thresholds; runs of one identity can be continued.

        If earlier versions had this prompt, it is their hash.
        """
        known = [entry.hash for entry in self._earlier if entry.thresholds == self.thresholds_hash]
        return known[-1] if known else "-".join(filter(None, (self.content_hash, self.thresholds_hash)))

    def made(self, prompt_hash: str, thresholds_hash: str | None) -> bool:
        """Whether a record with these hashes was made with this prompt and these thresholds.

        Args:
            prompt_hash: of the record.
            thresholds_hash: of the record; None if its version had none, or the prompt has none.
        """
        if prompt_hash == self.content_hash:
            return thresholds_hash == self.thresholds_hash
        return any(entry.hash == prompt_hash and entry.thresholds == self.thresholds_hash for entry in self._earlier)

    @property
    def _earlier(self) -> list[EarlierHash]:
        return [entry for entry in self.earlier if entry.content == self.content_hash]

    @property
    def label(self) -> str:
        """`mode/name@version`, as in records and reports."""
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
    """Substitutes `$name` once; variables in substituted values are left alone."""
    return Template(template).substitute(variables)


def list_prompts(folder: Path | None = None) -> dict[tuple[Mode, str], Path]:
    """All prompt variants: (mode, name) -> file; `folder` is the user's own."""
    prompts: dict[tuple[Mode, str], Path] = {}
    for root in (shipped_folder(), folder):
        for mode in MODES:
            for path in sorted((root / mode).glob("*.yaml")) if root else []:
                if not path.stem.endswith(_THRESHOLDS):
                    prompts[mode, path.stem] = path
    return prompts


def named(label: str) -> tuple[str, str]:
    """(mode, name) of a `PromptTemplate.label`."""
    mode, _, name = label.partition("@")[0].partition("/")
    return mode, name


def find_prompt(text: str, folder: Path | None = None) -> tuple[Mode, str]:
    """Returns (mode, name) of a prompt that a user names as `mode/name`, or as `name` if one mode alone has it.

    Raises:
        InputError: there is no such prompt, or several modes have one of that name.
    """
    known = list_prompts(folder)
    found = [key for key in known if text in (key[1], "/".join(key))]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"several prompts are called {text!r}: {', '.join(map('/'.join, found))}; give the mode, too")
    raise InputError(f"no prompt {text!r}; choose from {', '.join(map('/'.join, known))}")


def default_name(mode: Mode, folder: Path | None = None, *, stand_in: bool = False) -> str:
    """The prompt that a mode uses unless another is named.

    The second reader knows the shipped signals only. With other signals, and for a stand-in for a model, mode `read`
    uses a prompt without it.

    Args:
        mode: of the prompt.
        folder: of the user's own prompts and signals.
        stand_in: the model is a stand-in, such as the scripted one.
    """
    name = DEFAULT_PROMPTS[mode]
    if mode == "read" and (stand_in or load_taxonomy(folder).by_id.keys() != load_taxonomy().by_id.keys()):
        return _WITHOUT_SECOND_READER
    return name


def load_prompt(mode: str, name: str | None = None, *, folder: Path | None = None) -> PromptTemplate:
    """Loads a prompt variant; without a name, the mode's default.

    Raises:
        InputError: the mode or prompt does not exist; the message lists those that do.
        FileFormatError: the file is not a valid prompt; the message names file, line and key.
    """
    if mode not in MODES:
        raise InputError(f"unknown mode {mode!r}; choose one of {', '.join(MODES)}")
    available = list_prompts(folder)
    name = name or default_name(mode, folder)  # type: ignore[arg-type]
    path = available.get((mode, name))  # type: ignore[arg-type]
    if path is None:
        names = ", ".join(sorted(n for m, n in available if m == mode))
        raise InputError(f"no prompt {name!r} for mode {mode!r}; choose one of {names}")
    loaded = strict_yaml.load(path, _PromptFile)
    taxonomy = load_taxonomy(folder)
    prompt = _resolved(loaded, path, mode, name, taxonomy)
    if (mode == "ask") != bool(prompt.questions):
        raise FileFormatError(f"{path}: only prompts of mode 'ask' can have questions, and they need at least one")
    if (prompt.check or prompt.choice or prompt.second_reader) and mode != "read":
        raise FileFormatError(f"{path}: 'check', 'choice' and 'second_reader' are for prompts of mode 'read'")
    if prompt.second_reader and (prompt.choice or not prompt.check):
        raise FileFormatError(f"{path}: with 'second_reader' a prompt needs a 'check' and cannot have a 'choice'")
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
        raise FileFormatError(
            f"{path}: unknown variables {', '.join(sorted(unknown))}; use those of mode {mode!r}: {known}"
        )
    return prompt


def _resolved(loaded: _PromptFile, path: Path, mode: str, name: str, taxonomy: Taxonomy) -> PromptTemplate:
    """A prompt with its words and definitions from the taxonomy, and its thresholds."""
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
    """The thresholds in the file beside a prompt; empty without such a file."""
    path = prompt.with_name(f"{prompt.stem}{_THRESHOLDS}.yaml")
    return strict_yaml.load(path, ThresholdsFile).fits if path.exists() else ()


@cache
def shipped_fits() -> tuple[Fit, ...]:
    """The shipped thresholds that prompts without their own borrow; those of the default model come first."""
    return _fits(shipped_folder() / "read" / f"{_WITHOUT_SECOND_READER}.yaml")
