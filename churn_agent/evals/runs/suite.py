"""What is to be compared: sets, ways of asking a language model, classic methods."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from churn_agent.content.prompts import Mode, default_name, list_prompts, load_prompt
from churn_agent.errors import InputError
from churn_agent.files import strict_yaml
from churn_agent.learning.ladder import LEARNED
from churn_agent.learning.methods import Method
from churn_agent.measuring.metrics import Costs
from churn_agent.models.opening import is_stand_in
from churn_agent.settings import Settings

ALL, DEFAULT = "all", "default"
Varied = Literal["evidence_limit", "evidence_tokens"]
"""Settings that a suite can try values of."""


class Ways(BaseModel):
    """Models and prompts of one mode: each combination is one way of asking."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["default", "ask", "read", "explain"] = "default"
    prompts: tuple[str, ...] | Literal["all"] = (DEFAULT,)
    models: tuple[str, ...] = (DEFAULT,)
    sets: tuple[str, ...] | None = None
    """Names of the only sets that they are tried on."""
    limit: Annotated[int, Field(ge=4)] | None = None
    """Samples of each set, if fewer than the suite's."""
    settings: Mapping[Varied, Annotated[tuple[int, ...], Field(min_length=1)]] = {}
    """Values of settings of the agent; every combination counts as one way."""
    repeats: Annotated[int, Field(ge=1, le=50)] = 1
    """How often each sample is judged: beyond the first time with other seeds and the evidence in another order."""


class Suite(BaseModel):
    """A suite file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sets: tuple[str, ...] = ()
    """Paths relative to the suite file, or names."""
    train: str | None = None
    test: str | None = None
    """Two sets instead: all that is learned or chosen by labels is so on the first, and the second is judged once."""
    limit: Annotated[int, Field(ge=4)] | None = None
    """Most samples of a set."""
    ways: tuple[Ways, ...] = (Ways(),)
    baselines: tuple[str, ...] | Literal["all"] = ALL
    seed: int = 0
    delta: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Differences of a metric up to it do not matter."""
    costs: Costs = Costs()
    prices: Mapping[str, tuple[float, float]] = {}
    """Model -> price of a million prompt tokens and of a million output tokens; a model that is not named is free."""

    @property
    def names(self) -> tuple[str, ...]:
        """All sets, those of a pair too."""
        return self.sets or (str(self.train), str(self.test))

    @model_validator(mode="after")
    def _sets_or_a_pair(self) -> "Suite":
        if (self.train is None) != (self.test is None) or bool(self.sets) == bool(self.train):
            raise ValueError("name either sets, or train and test")
        return self


@dataclass(frozen=True)
class Way:
    """One way of asking a language model."""

    mode: Mode
    prompt: str
    model: str
    settings: tuple[tuple[Varied, int], ...] = ()
    repeats: int = 1

    @property
    def label(self) -> str:
        """As reports and files name it."""
        return label_of(self.mode, self.prompt, self.model, dict(self.settings))


def label_of(mode: str, prompt: str, model: str | None, settings: Mapping[Varied, int]) -> str:
    """`mode/prompt model setting=value ...`; without the model if it is None."""
    changed = [f"{name}={value}" for name, value in settings.items()]
    return " ".join([f"{mode}/{prompt}", *([model] if model else []), *changed])


def load_suite(path: Path) -> Suite:
    """Reads a suite file. Raises `FileFormatError`."""
    suite = strict_yaml.load(path, Suite)
    find_methods(suite.baselines)
    return suite


def find_methods(names: Sequence[str] | Literal["all"]) -> list[Method]:
    """Classic methods by name; all are those that need no language model.

    Raises:
        InputError: one does not exist.
    """
    unknown = [] if names == ALL else sorted(set(names) - set(LEARNED))
    if unknown:
        raise InputError(f"unknown classic method {', '.join(unknown)}; choose from {', '.join(LEARNED)}")
    return [method for name, method in LEARNED.items() if name in names or (names == ALL and method.classic)]


def resolve(ways: Ways, settings: Settings) -> Iterator[Way]:
    """The ways themselves, `default` and `all` replaced by what they stand for.

    Raises:
        InputError: there is no such prompt, or a value does not fit its setting.
        FileFormatError: the file of a prompt is not valid.
    """
    mode = settings.mode if ways.mode == DEFAULT else ways.mode
    if ways.prompts == ALL:
        prompts = sorted(name for of, name in list_prompts(settings.prompts_dir) if of == mode)
    else:
        prompts = list(ways.prompts)
    grid: list[list[tuple[Varied, int]]] = [
        [(name, value) for value in values] for name, values in ways.settings.items()
    ]
    for model, prompt, changed in product(ways.models, prompts, product(*grid)):
        of_way = settings.changed(**dict(changed), **({} if model == DEFAULT else {"model": model}))
        name = standard_prompt(mode, of_way) if prompt == DEFAULT else prompt
        load_prompt(mode, name, folder=settings.prompts_dir)
        yield Way(mode, name, of_way.model, changed, ways.repeats)


def standard_prompt(mode: Mode, settings: Settings) -> str:
    """The prompt in the settings if it is one of the mode, otherwise the default one for the model."""
    own = settings.prompt if mode == settings.mode else None
    return own or default_name(mode, settings.prompts_dir, stand_in=is_stand_in(settings))
