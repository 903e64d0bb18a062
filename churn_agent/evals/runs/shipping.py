# pyright: reportUnknownLambdaType=false
"""The parts of a finished run that are sent to a tracker.

Predictions are sent with ids of customers, outcomes and scores; words of customers only on request.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from churn_agent.content.prompts import PromptTemplate, list_prompts, load_prompt
from churn_agent.errors import ChurnAgentError, InputError
from churn_agent.evals.runs.evaluation import Evaluation
from churn_agent.evals.runs.log import LOG, RunLog, read_log
from churn_agent.evals.runs.page import to_html
from churn_agent.evals.runs.predictions import PREDICTIONS, SAMPLES, Prediction, read_notes, read_predictions
from churn_agent.evals.runs.scoreboard import Figure
from churn_agent.evals.runs.scored import by_set_and_method

Parameters = Mapping[str, str | int | float]
_REPORT = "report.html"


@dataclass(frozen=True)
class Run:
    """A run as it is in its folder."""

    folder: Path
    predictions: Sequence[Prediction]
    log: RunLog
    hash: str
    """Of the predictions and how they were made: it identifies a run, wherever its folder is."""

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Raises `InputError` if the folder holds no finished run, or one of another version."""
        predictions, (log, content) = read_predictions(folder), read_log(folder)
        if not predictions:
            raise InputError(f"{str(folder)!r} is not a finished run: {PREDICTIONS} is empty")
        if not log.finished:
            raise InputError(
                f"the run in {str(folder)!r} is not finished; resume it with: churn-agent eval run --resume"
            )
        hashed = (folder / PREDICTIONS).read_bytes() + json.dumps(content, sort_keys=True).encode()
        return cls(folder, predictions, log, hashlib.sha256(hashed).hexdigest()[:16])


@dataclass(frozen=True)
class Prompt:
    """A prompt file, as trackers keep versions of it."""

    template: PromptTemplate
    text: str

    @property
    def name(self) -> str:
        """`mode.name`, without the version."""
        return f"{self.template.mode}.{self.template.name}"


@dataclass(frozen=True)
class MethodOnSet:
    """A method on a set: a child run of a tracker."""

    name: str
    parameters: Parameters
    metrics: Mapping[str, float]
    prompt: Prompt | None


@dataclass(frozen=True)
class Shipment:
    """Everything that is sent of a run."""

    name: str
    run_hash: str
    conclusion: str
    parameters: Parameters
    methods: Sequence[MethodOnSet]
    files: Mapping[str, str]

    @property
    def prompts(self) -> list[Prompt]:
        """Of all methods, each once."""
        return list({method.prompt.name: method.prompt for method in self.methods if method.prompt}.values())


def gather(run: Run, prompts_dir: Path | None, with_texts: bool, notify: Callable[[str], None]) -> Shipment:
    """Measures a run and packs it.

    Args:
        run: the run.
        prompts_dir: folder of the user's prompts, as `Settings.prompts_dir`.
        with_texts: pack words of customers: `samples.jsonl`, the report as it is, and the texts of failures. Without,
            a report in the folder is drawn again without them.
        notify: called with a line about each part that is left out.
    """
    log = run.log
    evaluation = Evaluation.of(run.predictions, read_notes(run.folder), [log], delta=log.suite.delta)

    @cache
    def find_prompt(label: str, mode: str, name: str) -> tuple[Prompt | None, str]:
        return _find_prompt(label, mode, name, log, prompts_dir, notify)

    of_all: dict[str, str | int | float] = {"seed": log.suite.seed, "delta": log.suite.delta}
    methods: list[MethodOnSet] = []
    for (name, method), predictions in by_set_and_method(run.predictions).items():
        set_hash = log.sets[name].samples if name in log.sets else ""
        parameters = of_all | {"set": name, "set_hash": set_hash, "method": method, "mode": "classic"}
        first, prompt = predictions[0], None
        if first.prompt_label:
            prompt, prompt_hash = find_prompt(first.prompt_label, first.mode, first.prompt)
            parameters |= {"mode": first.mode or "", "prompt": first.prompt_label, "prompt_hash": prompt_hash}
            parameters |= {"model": first.model_id or ""}
        figures = [f for f in evaluation.figures if (f.set, f.method) == (name, method)]
        methods.append(MethodOnSet(f"{name}: {method}", parameters, _metrics(figures), prompt))
    about = {"churn_agent": log.churn_agent, "default_model": log.default_model, "embedder": log.embedder}
    return Shipment(
        run.folder.resolve().name,
        run.hash,
        "\n\n".join(f"{name}: {evaluation.conclusion(name)}" for name in evaluation.sets),
        of_all | {name: value for name, value in about.items() if value} | {"sets": ", ".join(log.sets)},
        methods,
        dict(_files(run, with_texts)),
    )


def _metrics(figures: Sequence[Figure]) -> dict[str, float]:
    """By name, with the ends of intervals beside them; without those that are not known."""
    values = {f"n_{figure.split}": float(figure.n) for figure in figures}
    for f in figures:
        values |= {f.metric: f.value, f"{f.metric}_low": f.low, f"{f.metric}_high": f.high}
    return {name: value for name, value in values.items() if value == value}


def _find_prompt(
    label: str, mode: str, name: str, log: RunLog, folder: Path | None, notify: Callable[[str], None]
) -> tuple[Prompt | None, str]:
    """The prompt that a run used, if its file is still the same, and its hash.

    A run that has not noted the hash is only known by the version of the prompt.
    """
    recorded = log.prompts.get(label)
    try:
        template = load_prompt(mode, name, folder=folder)
    except ChurnAgentError:
        template = None
    if template is None or template.label != label or recorded not in (None, template.content_hash):
        notify(f"{label} was changed or deleted since the run: its text is not sent")
        return None, recorded or ""
    text = list_prompts(folder)[template.mode, name].read_text(encoding="utf-8")
    return Prompt(template, text), template.content_hash


def _files(run: Run, with_texts: bool) -> Iterator[tuple[str, str]]:
    """Name and content of each file that is sent."""
    if with_texts:
        for name in (PREDICTIONS, LOG, _REPORT, SAMPLES):
            if (run.folder / name).exists():
                yield name, (run.folder / name).read_text(encoding="utf-8")
        return
    # The reason of a failure may quote the prompt.
    bare = [p.model_copy(update={"status_reason": None, "cited": ()}) for p in run.predictions]
    yield PREDICTIONS, "".join(p.model_dump_json() + "\n" for p in bare)
    yield LOG, run.log.model_dump_json(indent=2)
    if (run.folder / _REPORT).exists():
        command = f"churn-agent eval report {run.folder} -o {_REPORT}"
        yield _REPORT, to_html(Evaluation.of(bare, [], [run.log], delta=run.log.suite.delta), command=command)
