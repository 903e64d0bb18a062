"""What is to be compared: sets, ways of asking a language model, classic methods."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from churn_agent import strict_yaml
from churn_agent.errors import InputError
from churn_agent.evals.classic import METHODS, Method
from churn_agent.evals.metrics import Costs
from churn_agent.prompts import DEFAULT_PROMPTS, list_prompts
from churn_agent.settings import Settings

ALL, DEFAULT = "all", "default"


class Ways(BaseModel):
    """Models and prompts of one mode: every pair of them is a way."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["default", "ask", "read", "explain"] = "default"
    prompts: tuple[str, ...] | Literal["all"] = (DEFAULT,)
    models: tuple[str, ...] = (DEFAULT,)
    sets: tuple[str, ...] | None = None
    """Names of the only sets that they are tried on."""
    limit: Annotated[int, Field(ge=4)] | None = None
    """Samples of each set, if fewer than the suite's."""


class Suite(BaseModel):
    """A suite file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sets: Annotated[tuple[str, ...], Field(min_length=1)]
    """Paths relative to the suite file, or names."""
    limit: Annotated[int, Field(ge=4)] | None = None
    """Most samples of a set."""
    ways: tuple[Ways, ...] = (Ways(),)
    baselines: tuple[str, ...] | Literal["all"] = ALL
    seed: int = 0
    delta: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Differences of a metric up to it do not matter."""
    costs: Costs = Costs()
    evidence_limit: int | None = None
    evidence_tokens: int | None = None


@dataclass(frozen=True)
class Way:
    """One way of asking a language model."""

    mode: str
    prompt: str
    model: str

    @property
    def name(self) -> str:
        return f"{self.mode}/{self.prompt} {self.model}"


def load_suite(path: Path) -> Suite:
    """Reads a suite file. Raises `FileFormatError`."""
    suite = strict_yaml.load(path, Suite)
    find_methods(suite.baselines)
    return suite


def find_methods(names: Sequence[str] | Literal["all"]) -> list[Method]:
    """Classic methods by name. Raises `InputError` for one that does not exist."""
    unknown = [] if names == ALL else sorted(set(names) - set(METHODS))
    if unknown:
        raise InputError(f"no classic method {', '.join(unknown)}; there are: {', '.join(METHODS)}")
    return [method for name, method in METHODS.items() if names == ALL or name in names]


def resolve(ways: Ways, settings: Settings) -> Iterator[Way]:
    """The ways themselves, `default` and `all` replaced by what they stand for."""
    mode = settings.mode if ways.mode == DEFAULT else ways.mode
    if ways.prompts == ALL:
        prompts = sorted(name for of, name in list_prompts(settings.prompts_dir) if of == mode)
    else:
        standard = (settings.prompt if mode == settings.mode else None) or DEFAULT_PROMPTS[mode]
        prompts = [standard if name == DEFAULT else name for name in ways.prompts]
    for model in ways.models:
        for prompt in prompts:
            yield Way(mode, prompt, settings.model if model == DEFAULT else model)
