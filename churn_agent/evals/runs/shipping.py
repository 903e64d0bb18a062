# pyright: reportUnknownLambdaType=false
"""What of a finished run leaves this machine for a tracker.

Predictions go with ids of customers, outcomes and scores; words of customers only if they are asked for.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from churn_agent.content.prompts import PromptTemplate, list_prompts, load_prompt, named
from churn_agent.errors import ChurnAgentError, InputError
from churn_agent.evals.runs import report, scoreboard
from churn_agent.evals.runs.predictions import ABOUT, PREDICTIONS, SAMPLES, Prediction, read_notes, read_predictions
from churn_agent.evals.runs.scoreboard import Figure
from churn_agent.evals.runs.suite import Suite
from churn_agent.files import strict_json
from churn_agent.settings import Settings

Parameters = Mapping[str, str | int | float]
_REPORT = "report.html"


@dataclass(frozen=True)
class Run:
    """A run as it is in its folder."""

    folder: Path
    predictions: Sequence[Prediction]
    about: Mapping[str, Any]
    suite: Suite
    samples: Mapping[str, str]
    """Set -> fingerprint of the samples drawn from it."""
    hash: str
    """Of all that was predicted and how: the same run is known by it, wherever its folder is."""

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Raises `InputError` if the folder holds no run, or one of another version."""
        predictions, path = read_predictions(folder), folder / ABOUT
        try:
            about = strict_json.parse(path.read_text(encoding="utf-8"))
            suite = Suite.model_validate(about["suite"])
            samples = {name: each["samples"] for name, each in about["sets"].items()}
        except OSError as error:
            raise InputError(f"{str(folder)!r} is no finished run: {error.strerror}: {ABOUT}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path} is not as this version writes it; run it again") from error
        if not predictions:
            raise InputError(f"{str(folder)!r} is no finished run: {PREDICTIONS} is empty")
        if not about.get("finished"):
            raise InputError(f"the run in {str(folder)!r} is not finished; go on with: churn-agent eval run --resume")
        told = {name: value for name, value in about.items() if name not in ("date", "machine")}
        content = (folder / PREDICTIONS).read_bytes() + json.dumps(told, sort_keys=True).encode()
        return cls(folder, predictions, about, suite, samples, hashlib.sha256(content).hexdigest()[:16])


@dataclass(frozen=True)
class Prompt:
    """A prompt file, as trackers keep versions of it."""

    template: PromptTemplate
    text: str

    @property
    def name(self) -> str:
        return f"{self.template.mode}.{self.template.name}"


@dataclass(frozen=True)
class Way:
    """A method on a set."""

    name: str
    parameters: Parameters
    metrics: Mapping[str, float]
    prompt: Prompt | None


@dataclass(frozen=True)
class Shipment:
    """All that is sent of a run."""

    name: str
    run_hash: str
    verdict: str
    parameters: Parameters
    ways: Sequence[Way]
    files: Mapping[str, str]

    @property
    def prompts(self) -> list[Prompt]:
        return list({way.prompt.name: way.prompt for way in self.ways if way.prompt}.values())


def gather(run: Run, with_texts: bool, notify: Callable[[str], None]) -> Shipment:
    """Measures a run and packs it.

    Args:
        with_texts: pack words of customers: `samples.jsonl`, the report as it is, and what failures say. Without, a
            report in the folder is drawn again without them.
        notify: is told what is left out.
    """
    suite, predictions = run.suite, run.predictions
    figures = scoreboard.measure(predictions, suite.costs, read_notes(run.folder), suite.prices)
    comparisons = scoreboard.compare(predictions, delta=suite.delta, costs=suite.costs)
    find_prompt = cache(lambda label: _find_prompt(label, run.about.get("prompts", {}).get(label), notify))
    of_all: dict[str, str | int | float] = {"seed": suite.seed, "delta": suite.delta}
    ways: list[Way] = []
    for (name, method), made in scoreboard.by_set_and_method(predictions).items():
        parameters = of_all | {"set": name, "set_hash": run.samples.get(name, ""), "method": method, "mode": "classic"}
        prompt = None
        if made[0].prompt:
            label = made[0].prompt
            prompt, prompt_hash = find_prompt(label)
            parameters |= {"mode": label.partition("/")[0], "prompt": label, "prompt_hash": prompt_hash}
            parameters |= {"model": made[0].model or ""}
        of_way = [figure for figure in figures if (figure.set, figure.method) == (name, method)]
        ways.append(Way(f"{name}: {method}", parameters, _metrics(of_way), prompt))
    names = dict.fromkeys(figure.set for figure in figures)
    about = {name: run.about[name] for name in ("churn_agent", "default_model", "embedder") if name in run.about}
    return Shipment(
        run.folder.resolve().name,
        run.hash,
        "\n\n".join(f"{name}: {report.verdict(name, figures, comparisons)}" for name in names),
        of_all | about | {"sets": ", ".join(run.samples)},
        ways,
        dict(_files(run, with_texts)),
    )


def _metrics(figures: Sequence[Figure]) -> dict[str, float]:
    """By name, with the ends of intervals beside them; without those that are not known."""
    values = {f"n_{figure.split}": float(figure.n) for figure in figures}
    for f in figures:
        values |= {f.metric: f.value, f"{f.metric}_low": f.low, f"{f.metric}_high": f.high}
    return {name: value for name, value in values.items() if value == value}


def _find_prompt(label: str, recorded: str | None, notify: Callable[[str], None]) -> tuple[Prompt | None, str]:
    """The prompt that a run used, if its file is still the same, and the hash of it.

    Args:
        recorded: hash that the run wrote down; where it wrote none, the version must do.
    """
    folder = Settings.load().prompts_dir
    mode, name = named(label)
    try:
        template = load_prompt(mode, name, folder=folder)
    except ChurnAgentError:
        template = None
    if template is None or template.label != label or recorded not in (None, template.content_hash):
        notify(f"{label} is another prompt now, or gone: its text is not sent")
        return None, recorded or ""
    text = list_prompts(folder)[template.mode, name].read_text(encoding="utf-8")
    return Prompt(template, text), template.content_hash


def _files(run: Run, with_texts: bool) -> Iterator[tuple[str, str]]:
    """Name and content of what is sent as a file."""
    if with_texts:
        for name in (PREDICTIONS, ABOUT, _REPORT, SAMPLES):
            if (run.folder / name).exists():
                yield name, (run.folder / name).read_text(encoding="utf-8")
        return
    # why something failed may quote what was asked
    bare = [each.model_copy(update={"status_reason": None, "cited": ()}) for each in run.predictions]
    yield PREDICTIONS, "".join(each.model_dump_json() + "\n" for each in bare)
    yield ABOUT, json.dumps(run.about, indent=2)
    if (run.folder / _REPORT).exists():
        command = f"churn-agent eval report {run.folder} -o {_REPORT}"
        delta, costs = run.suite.delta, run.suite.costs
        yield _REPORT, report.to_html(bare, [], [run.about], delta=delta, costs=costs, command=command)
