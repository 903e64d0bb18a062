"""A suite from file to verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churn_agent.content.prompts import Mode
from churn_agent.evals.runs import execution, planning, provenance, scoreboard
from churn_agent.evals.runs.comparing import Comparison, compare_methods
from churn_agent.evals.runs.log import RunLog, find_log, write_log
from churn_agent.evals.runs.predictions import PREDICTIONS, SAMPLES, Prediction, read_notes
from churn_agent.evals.runs.progress import Progress
from churn_agent.evals.runs.scoreboard import Figure
from churn_agent.evals.runs.suite import ALL, Suite, Ways, find_methods, load_suite
from churn_agent.files.overwriting import check_lines
from churn_agent.settings import Settings

STORES = "stores"
"""Name of the folder, beside those of runs, that holds the stores of sets where no other is named."""


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    folder: Path
    predictions: Sequence[Prediction]
    figures: Sequence[Figure]
    comparisons: Sequence[Comparison]
    log: RunLog

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "predictions": [prediction.model_dump(mode="json") for prediction in self.predictions],
            "metrics": self.figures,
            "comparisons": self.comparisons,
            "provenance": self.log.model_dump(mode="json"),
        }


def run_suite(
    path: Path,
    *,
    settings: Settings,
    out: Path,
    stores: Path | None = None,
    limit: int | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Runs a suite file into a folder. Answers of models are cached, even if the run is interrupted.

    Args:
        path: the suite file; paths in it are relative to its folder.
        settings: of models and prompts, as `assess` takes them. Their store is not used.
        out: folder of the run.
        stores: folder of the stores that sets are imported into, one each; `stores` beside `out` if not given.
        limit: most samples of each set; they are drawn in proportion of outcomes, always the same ones.
        resume: keep the predictions that an earlier call finished.
        progress: receives the events of the run.

    Raises:
        InputError, DataError: the suite or a set cannot be used.
        Unavailable: a model or a store cannot be used.
    """
    command = f"churn-agent eval run {path}{f' --limit {limit}' if limit else ''}"
    return _Call(settings, out, stores or out.parent / STORES, limit, resume, progress, command).run(
        load_suite(path), near=path.parent
    )


def run_baselines(
    name: str,
    *,
    settings: Settings,
    out: Path,
    stores: Path | None = None,
    methods: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Sequence[Figure]:
    """Runs classic methods alone on a set.

    Args:
        name: name or path of the set.
        settings: see `run_suite`.
        out: see `run_suite`.
        stores: see `run_suite`.
        methods: names of methods; all that need no language model if not given.
        limit: see `run_suite`.
        progress: see `run_suite`.

    The errors raised are those of `run_suite`.
    """
    baselines = tuple(method.name for method in find_methods(methods or ALL))
    suite = Suite(sets=(name,), ways=(), baselines=baselines)
    call = _Call(
        settings, out, stores or out.parent / STORES, limit, False, progress, f"churn-agent eval baselines {name}"
    )
    return call.run(suite, near=Path()).figures


def run_prompts(
    prompts: Sequence[tuple[Mode, str]],
    on: str,
    *,
    settings: Settings,
    out: Path,
    stores: Path | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> RunResult:
    """Runs prompts with the model of the settings on a set, without classic methods.

    Args:
        prompts: mode and name of each.
        on: name or path of the set.
        settings: see `run_suite`.
        out: see `run_suite`.
        stores: see `run_suite`.
        limit: see `run_suite`.
        progress: see `run_suite`.

    The errors raised are those of `run_suite`.
    """
    ways = tuple(Ways(mode=mode, prompts=(name,)) for mode, name in prompts)
    names = " ".join(f"{mode}/{name}" for mode, name in prompts)
    command = f"churn-agent eval compare {names} --set {on}{f' --limit {limit}' if limit else ''}"
    call = _Call(settings, out, stores or out.parent / STORES, limit, False, progress, command)
    return call.run(Suite(sets=(on,), ways=ways, baselines=()), near=Path())


@dataclass(frozen=True)
class _Call:
    """One call on the folder of a run."""

    settings: Settings
    out: Path
    stores: Path
    limit: int | None
    resume: bool
    progress: Progress | None
    command: str

    def run(self, suite: Suite, *, near: Path) -> RunResult:
        plan = planning.plan(suite, self.settings, near=near, stores=self.stores, limit=self.limit)
        log = provenance.describe(suite, plan, self.settings, limit=self.limit, command=self.command)
        for name in (PREDICTIONS, SAMPLES):
            check_lines(self.out / name, {"set", "customer_id"}, "runs of churn-agent eval")
        if not self.resume:
            (self.out / PREDICTIONS).unlink(missing_ok=True)
        elif earlier := find_log(self.out):
            log = log.continuing(earlier, self.out)
        self.out.mkdir(parents=True, exist_ok=True)
        used_before = [provenance.note_use(self.out.parent, planned, suite) for planned in plan]
        if suite.test:
            log = log.model_copy(update={"test_set_used_before": used_before[-1]})
        judged = [each for each in plan if not each.only_learned_on]
        trials = {each.name: provenance.note_trials(self.out.parent, each, self.settings) for each in judged}
        log = log.model_copy(update={"trials": trials})
        write_log(self.out, log)
        predictions = execution.execute(plan, suite, self.settings, out=self.out, progress=self.progress)
        log = log.model_copy(update={"finished": True, "ended": provenance.now()})
        write_log(self.out, log)
        figures = scoreboard.measure(predictions, suite.costs, read_notes(self.out), suite.prices)
        comparisons = compare_methods(predictions, delta=suite.delta, costs=suite.costs)
        return RunResult(self.out, predictions, figures, comparisons, log)
