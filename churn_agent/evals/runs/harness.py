"""A suite from file to verdicts, and runs on disk held against each other."""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from churn_agent.assessing import perturbing
from churn_agent.assessing.agent import NO_METHOD, ChurnAgent
from churn_agent.content.prompts import PromptTemplate, load_prompt
from churn_agent.domain.snapshot import Snapshot
from churn_agent.errors import InputError
from churn_agent.evals.checks import abstention, calibration, doctor, faithfulness, stability, transferring
from churn_agent.evals.checks.abstention import Abstention, Known
from churn_agent.evals.checks.calibration import Calibration
from churn_agent.evals.checks.doctor import Finding
from churn_agent.evals.checks.faithfulness import Faithfulness, Moved
from churn_agent.evals.checks.stability import Stability
from churn_agent.evals.checks.transferring import FromOthers, Transfer
from churn_agent.evals.runs import planning, report, running, scoreboard, searching
from churn_agent.evals.runs.planning import Planned
from churn_agent.evals.runs.predictions import ABOUT, PREDICTIONS, Prediction, SampleNote, read_notes, read_predictions
from churn_agent.evals.runs.running import Progress, Silent
from churn_agent.evals.runs.scoreboard import Comparison, Figure
from churn_agent.evals.runs.searching import Choice
from churn_agent.evals.runs.suite import ALL, Suite, find_methods, load_suite
from churn_agent.evals.sets import labelled as sets
from churn_agent.evals.sets.labelled import LabelledSet
from churn_agent.files import atomic, strict_json
from churn_agent.learning.examples import Examples
from churn_agent.learning.methods import METHODS, Method
from churn_agent.measuring.comparing import METRICS
from churn_agent.measuring.metrics import Costs
from churn_agent.models.catalogue import catalogue
from churn_agent.outcomes.samples import Sample, fingerprint
from churn_agent.settings import Settings

_USED = "test-sets-used.txt"
_MARKS = "<!-- eval -->", "<!-- /eval -->"
_TRANSFERRED = ("rfm", "tfidf", "embedding", "boosting")


@dataclass(frozen=True)
class RunResult:
    """A finished run."""

    folder: Path
    predictions: Sequence[Prediction]
    figures: Sequence[Figure]
    comparisons: Sequence[Comparison]
    provenance: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {
            "predictions": [each.model_dump(mode="json") for each in self.predictions],
            "metrics": self.figures,
            "comparisons": self.comparisons,
            "provenance": self.provenance,
        }


def run_suite(
    path: Path, *, out: Path, limit: int | None = None, resume: bool = False, progress: Progress | None = None
) -> RunResult:
    """Runs a suite file into a folder. Answers of models are paid once, whatever is interrupted.

    Args:
        limit: most samples of each set; they are drawn in proportion of outcomes, always the same ones.
        resume: keep the predictions that an earlier call finished.

    Raises:
        InputError, DataError: the suite or a set cannot be used.
        Unavailable: a model or a store cannot be used.
    """
    command = f"churn-agent eval run {path}{f' --limit {limit}' if limit else ''}"
    return _run(
        load_suite(path), near=path.parent, out=out, limit=limit, resume=resume, progress=progress, command=command
    )


def run_baselines(
    name: str,
    *,
    out: Path,
    methods: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Sequence[Figure]:
    """Classic methods alone on a set, all if none are named. Raises what `run_suite` does."""
    chosen = [method.name for method in find_methods(methods or ALL)]
    suite = Suite(sets=(name,), ways=(), baselines=tuple(chosen))
    command = f"churn-agent eval baselines {name}"
    return _run(suite, near=Path(), out=out, limit=limit, resume=False, progress=progress, command=command).figures


def examine_sets(
    name: str, *, out: Path, delta: float | None, with_model: bool, notify: Callable[[str], None] = lambda what: None
) -> dict[str, list[Finding]]:
    """What is wrong with a set, or with each set of a suite file. Raises what `run_suite` does."""
    settings, path = Settings.load(), Path(name)
    suite = load_suite(path) if path.suffix == ".yaml" else Suite(sets=(name,))
    found: dict[str, list[Finding]] = {}
    for each in suite.names:
        labelled = sets.find_set(
            each, near=path.parent if path.suffix == ".yaml" else Path(), sets_dir=settings.sets_dir
        )
        notify(f"examining {labelled.name}")
        with labelled.open(labelled.store_in(out.parent / "stores")) as agent:
            model = agent.model if with_model else None
            found[labelled.name] = doctor.examine(labelled, agent, delta=delta, limit=suite.limit, model=model)
    return found


def transfer(
    names: Sequence[str],
    *,
    out: Path,
    methods: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
) -> list[Transfer]:
    """Classic methods trained on each set and tested on each. Raises what `run_suite` does.

    Args:
        methods: names of `methods.METHODS`; all that learn and need no fine-tuning if not given.
    """
    chosen = find_methods(methods or _TRANSFERRED)
    progress = progress or Silent()
    return transferring.transfer(_prepared(names, out, limit, chosen, progress), chosen, left_out=progress.left_out)


def transfer_calibration(
    names: Sequence[str], *, out: Path, limit: int | None = None, progress: Progress | None = None
) -> list[FromOthers]:
    """What a calibration learned on all sets but one does for the scores of that one, whose base rate is given.

    Raises:
        InputError: there are not two sets. And what `run_suite` does.
    """
    if len(names) < 2:
        raise InputError("a calibration is learned on other sets than it is tried on: give two or more")
    return transferring.from_others(_prepared(names, out, limit, [METHODS["platt"]], progress or Silent()))


def _prepared(
    names: Sequence[str], out: Path, limit: int | None, methods: Sequence[Method], progress: Progress
) -> dict[str, Examples]:
    return {
        labelled.name: running.examples_of(labelled.name, agent, samples, methods, progress)
        for labelled, agent, samples in _drawn(names, out, limit, progress)
    }


def measure_stability(
    names: Sequence[str], *, out: Path, limit: int | None = None, progress: Progress | None = None
) -> list[Stability]:
    """How far the default way's scores and bands move where nothing that matters has changed. Raises what `run_suite`
    does."""
    progress = progress or Silent()
    found: list[Stability] = []
    for labelled, agent, samples in _drawn(names, out, limit, progress):
        progress.began(labelled.name, len(samples) * perturbing.ways(agent))
        again = perturbing.perturbed(agent, _snapshots(agent, samples), progress=progress.advanced)
        found += stability.measure(labelled.name, again, agent.setup().bands)
    return found


def measure_abstention(
    names: Sequence[str], *, out: Path, limit: int | None = None, progress: Progress | None = None
) -> list[Abstention]:
    """How often facts alone call customers wrongly, by how long they are known. Raises what `run_suite` does."""
    known: dict[str, Known] = {}
    for labelled, agent, samples in _drawn(names, out, limit, progress or Silent()):
        snapshots = _snapshots(agent, samples)
        known[labelled.name] = Known.of(snapshots, np.array([each.churned for each in samples]))
    return abstention.measure(known)


def measure_faithfulness(
    names: Sequence[str],
    *,
    out: Path,
    limit: int | None = None,
    judge: str | None = None,
    progress: Progress | None = None,
) -> list[Faithfulness]:
    """Whether the evidence that the default way cites is what another mode's score rests on. Raises what `run_suite`
    does.

    Args:
        judge: a prompt of mode `ask`; `faithfulness.JUDGE` if not given.
    """
    progress = progress or Silent()
    found: list[Faithfulness] = []
    for labelled, agent, samples in _drawn(names, out, limit, progress):
        progress.began(labelled.name, len(samples))
        other = agent.varied(mode="ask", prompt=judge or faithfulness.JUDGE)
        moved: list[Moved] = []
        for each in agent.read_many(_snapshots(agent, samples)):
            shown = other.evidence(each.customer_id, as_of=each.as_of)
            of_customer = faithfulness.moved(shown, each, other, seed=agent.settings.seed)
            moved += [of_customer] if of_customer else []
            progress.advanced()
        summary = faithfulness.summarise(labelled.name, moved)
        if summary:
            found.append(summary)
        else:
            why = "nobody has cited evidence and as much that is not cited"
            progress.left_out(labelled.name, "faithfulness", why)
    return found


def _drawn(
    names: Sequence[str], out: Path, limit: int | None, progress: Progress
) -> Iterator[tuple[LabelledSet, ChurnAgent, list[Sample]]]:
    """Sets with an agent of the default way and the samples drawn."""
    settings = Settings.load()
    for name in names:
        labelled = sets.find_set(name, near=Path(), sets_dir=settings.sets_dir)
        progress.began(f"{labelled.name}: reading", 1)
        with labelled.open(labelled.store_in(out / "stores"), method=NO_METHOD) as agent:
            yield labelled, agent, sets.draw(labelled.samples(agent), limit)


def _snapshots(agent: ChurnAgent, samples: Sequence[Sample]) -> list[Snapshot]:
    return [agent.store.snapshot(each.customer_id, as_of=each.as_of) for each in samples]


def write_report(*folders: Path, to: Path, delta: float = 0.02, command: str = "") -> None:
    """Writes the page about runs; `.md` gets verdicts and leaderboards alone, between the marks `<!-- eval -->` and
    `<!-- /eval -->`, so that what stands around them is left as it is when it is written again.

    A method that several runs tried is taken from the last of them.

    Raises:
        InputError: a folder holds no run, or the page cannot be written.
    """
    predictions, notes, provenance = _read(folders)
    suite = _suite_of(provenance)
    render = report.to_markdown if to.suffix == ".md" else report.to_html
    page = render(predictions, notes, provenance, delta=delta, costs=suite.costs, prices=suite.prices, command=command)
    if to.suffix == ".md":
        page = _between_marks(page, to) if to.exists() else "\n".join((_MARKS[0], page, _MARKS[1], ""))
    atomic.save(to, page)


def write_summary(*folders: Path, into: Path, delta: float = 0.02) -> None:
    """Puts one line a set between the marks of a Markdown file.

    Raises:
        InputError: a folder holds no run, or the file has no such marks or cannot be written.
    """
    predictions, _, provenance = _read(folders)
    table = report.summary(predictions, provenance, delta=delta, costs=_suite_of(provenance).costs)
    atomic.save(into, _between_marks(table, into))


def _between_marks(new: str, page: Path) -> str:
    """The text of a page with what stands between its two marks replaced."""
    begin, end = _MARKS
    try:
        before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    except OSError as error:
        raise InputError(f"cannot read {str(page)!r}: {error.strerror}") from error
    _, found, after = rest.partition(end)
    if not found:
        raise InputError(f"{str(page)!r} has no lines {begin} and {end} for the table to stand between")
    return f"{before}{begin}\n{new}\n{end}{after}"


def _read(folders: Sequence[Path]) -> tuple[list[Prediction], list[SampleNote], list[dict[str, Any]]]:
    """Predictions, notes and provenance of runs; what several of them tried is taken from the last."""
    predictions = {(p.set, p.method, p.sample_id, p.repeat): p for each in folders for p in read_predictions(each)}
    notes = [note for each in folders for note in read_notes(each)]
    provenance = _about(folders)
    models = {about["default_model"] for about in provenance}
    if len(models) == 1:  # then it goes without saying
        [model] = models
        shown = [p.model_copy(update={"method": p.method.removesuffix(f" {model}")}) for p in predictions.values()]
        return shown, notes, provenance
    return list(predictions.values()), notes, provenance


def _about(folders: Sequence[Path]) -> list[dict[str, Any]]:
    return [_read_about(path) for each in folders if (path := each / ABOUT).exists()]


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about = strict_json.parse(path.read_text(encoding="utf-8"))
        Suite.model_validate(about["suite"])
        if not isinstance(about["sets"], dict) or not isinstance(about["default_model"], str):
            raise TypeError
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is not as this version writes it; run the suite again without --resume") from error
    return about


def _suite_of(provenance: Sequence[dict[str, Any]]) -> Suite:
    """The suite of the last run: its costs and prices hold for a report on several."""
    return Suite.model_validate(provenance[-1]["suite"]) if provenance else Suite(sets=("unknown",))


def search(
    path: Path, *, out: Path, limit: int | None = None, resume: bool = False, progress: Progress | None = None
) -> list[Choice]:
    """Runs a suite and chooses a way for each of its sets. Raises what `run_suite` and `searching.search` do."""
    result = run_suite(path, out=out, limit=limit, resume=resume, progress=progress)
    return searching.search(result.predictions, seed=load_suite(path).seed)


def most_disagreed(
    folder: Path, comparisons: Sequence[Comparison], n: int
) -> list[list[tuple[Prediction, Prediction]]]:
    """For each comparison of a run, what its two methods said about the samples that they rank most differently."""
    made = scoreboard.by_set_and_method(read_predictions(folder))
    return [
        scoreboard.most_disagreed(made[each.set, each.first], made[each.set, each.second], n) for each in comparisons
    ]


def measure_calibration(folder: Path, methods: Sequence[str]) -> list[Calibration]:
    """Whether the probabilities of a run are right as they are.

    Raises:
        InputError: the folder holds no run, or one of the methods judged no set in it that has enough samples.
    """
    predictions, *_ = _read([folder])
    found = calibration.measure(predictions, methods)
    missing = [name for name in methods if name not in {each.method for each in found}]
    if missing:
        tried = ", ".join(dict.fromkeys(each.method for each in predictions))
        raise InputError(f"{str(folder)!r} has too few samples by {missing[0]!r} to judge by; it tried: {tried}")
    return found


def compare(
    *folders: Path,
    metric: str = "auroc",
    against: str | None = None,
    delta: float = 0.02,
    costs: Costs | None = None,
    pooled: bool = False,
    on: Collection[str] = (),
) -> list[Comparison]:
    """Methods of one run against each other (or all against one), or those of the first run against the same ones of
    the others.

    Args:
        against: a method, or `yardstick`: whichever classic method ranks best on a set.
        pooled: mean differences over all sets that both methods were tried on.
        on: the sets to be compared on; all if none are named.
        costs: for the metric `profit`; those of the last run's suite if not given.

    Raises:
        InputError: a folder holds no run, or there is nothing to compare.
    """
    if metric not in METRICS:
        raise InputError(f"no metric {metric!r}; there are: {', '.join(METRICS)}")
    runs = [[p for p in read_predictions(folder) if not on or p.set in on] for folder in folders]
    costs = costs or _suite_of(_about(folders)).costs
    if len(runs) == 1:
        found = scoreboard.compare(runs[0], metric=metric, against=against, delta=delta, costs=costs, pooled=pooled)
    else:
        found = []
        for folder, other in zip(folders[1:], runs[1:], strict=True):
            found += scoreboard.compare_runs(
                runs[0], other, str(folder), metric=metric, delta=delta, costs=costs, pooled=pooled
            )
    if not found:
        raise InputError("there is nothing to compare: no two methods judged the same samples of both outcomes")
    return found


def _run(
    suite: Suite,
    *,
    near: Path,
    out: Path,
    limit: int | None,
    resume: bool,
    progress: Progress | None,
    command: str,
) -> RunResult:
    settings = Settings.load()
    planned = planning.plan(suite, settings, near=near, out=out, limit=limit)
    provenance = _provenance(suite, planned, settings, limit, command)
    about = out / ABOUT
    if not resume:
        (out / PREDICTIONS).unlink(missing_ok=True)
    elif about.exists():
        earlier = _read_about(about)
        _check_same(earlier, provenance, out)
        for name in ("date", "machine"):
            both = [*str(earlier.get(name, "?")).split("; "), provenance[name]]
            provenance[name] = "; ".join(dict.fromkeys(both))
    out.mkdir(parents=True, exist_ok=True)
    used_before = [_used_before(out.parent / _USED, each, suite) for each in planned]
    if suite.test:
        provenance["test_set_used_before"] = used_before[-1]
    atomic.write(about, json.dumps(provenance, indent=2))
    predictions = running.run(planned, suite, settings, out=out, progress=progress)
    atomic.write(about, json.dumps(provenance | {"finished": True}, indent=2))
    figures = scoreboard.measure(predictions, suite.costs, read_notes(out), suite.prices)
    comparisons = scoreboard.compare(predictions, delta=suite.delta, costs=suite.costs)
    return RunResult(out, predictions, figures, comparisons, provenance)


def _provenance(
    suite: Suite, planned: Sequence[Planned], settings: Settings, limit: int | None, command: str
) -> dict[str, Any]:
    models = dict.fromkeys([settings.model, *(way.model for each in planned for way, _ in each.ways)])
    return {
        "churn_agent": version("churn-agent"),
        "libraries": {name: version(name) for name in ("scikit-learn", "numpy", "chromadb", "sentence-transformers")},
        "command": command,
        "suite": suite.model_dump(mode="json"),
        "seed": suite.seed,
        "limit": limit,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": _machine(settings.gpu_layers),
        "sets": {
            each.role + each.labelled.name: {
                "samples": fingerprint(each.samples),
                "n": len(each.samples),
                "of": each.all_samples,
                "files": each.labelled.fingerprint(),
                "development": hashlib.sha256("\n".join(sorted(each.development)).encode()).hexdigest()[:16],
                "split": each.labelled.card.split,
            }
            for each in planned
        },
        "judged": {
            each.name: [*(way.name for way, _ in each.ways), *(method.name for method in find_methods(suite.baselines))]
            for each in planned
        },
        "prompts": {prompt.label: prompt.content_hash for prompt in _prompts(suite, planned, settings)},
        "default_model": settings.model,
        "models": {model: entry.files[0].sha256 for model in models if (entry := catalogue().get(model)) is not None},
        "embedder": settings.embedder,
    }


def _used_before(ledger: Path, planned: Planned, suite: Suite) -> int:
    """How many other suites were judged on this set; this one is noted. A test set that was chosen by is none."""
    own = hashlib.sha256(suite.model_dump_json().encode()).hexdigest()[:16]
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
    used = {line.partition(" ")[2] for line in lines if line.startswith(planned.all_labels)}
    if own not in used:
        with ledger.open("a", encoding="utf-8") as file:
            file.write(f"{planned.all_labels} {own}\n")
    return len(used - {own})


def _machine(gpu_layers: int) -> str:
    """Processor, cores, and whether the local model runs on a GPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    gpu = ", the model on a GPU" if gpu_layers else ""
    return f"{name}, {os.cpu_count()} cores, {platform.system()}{gpu}"


def _prompts(suite: Suite, planned: Sequence[Planned], settings: Settings) -> list[PromptTemplate]:
    """Those of the ways, and the default one if a classic method learns from readings by it."""
    used: dict[tuple[str, str | None], None] = dict.fromkeys(
        (way.mode, way.prompt) for each in planned for way, _ in each.ways
    )
    if any(method.reads for method in find_methods(suite.baselines)):
        used[settings.mode, settings.prompt] = None
    return [load_prompt(mode, name, folder=settings.prompts_dir) for mode, name in used]


def _check_same(earlier: dict[str, Any], now: dict[str, Any], out: Path) -> None:
    """Predictions of other samples or splits, or by other prompts, must not be mixed."""
    for name in earlier["sets"].keys() & now["sets"].keys():
        if earlier["sets"][name] != now["sets"][name]:
            raise InputError(
                f"{str(out)!r} holds a run on other samples of {name!r}; leave --resume out, or give another -o"
            )
    known, used = earlier.get("prompts", {}), now["prompts"]
    changed = [name for name in known.keys() & used.keys() if known[name] != used[name]]
    if changed:
        raise InputError(
            f"prompt {changed[0]} has changed since the run in {str(out)!r}; leave --resume out, or give another -o"
        )
