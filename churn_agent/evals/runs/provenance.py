"""What the log of a run holds, collected before the run starts."""

import hashlib
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from churn_agent.content.prompts import PromptTemplate, load_prompt
from churn_agent.evals.runs.log import RunLog, SetLog
from churn_agent.evals.runs.planning import Planned
from churn_agent.evals.runs.suite import Suite, Way, find_methods, standard_prompt
from churn_agent.models.catalogue import catalogue
from churn_agent.models.opening import without_runtime
from churn_agent.outcomes.samples import fingerprint
from churn_agent.settings import Settings

_LIBRARIES = ("scikit-learn", "numpy", "chromadb", "sentence-transformers")
_SETTINGS = ("mode", "prompt", "evidence_tokens", "evidence_limit", "evidence_order", "context_tokens",
             "least_days_known", "gpu_layers", "seed")  # fmt: skip
"""Without paths, addresses and keys: the log may be sent to others."""
_LEDGER = "test-sets-used.txt"
_TRIALS = "trials.txt"


def describe(suite: Suite, plan: Sequence[Planned], settings: Settings, *, limit: int | None, command: str) -> RunLog:
    """The log of a run that starts now. Raises `InputError` or `FileFormatError` if a prompt cannot be used."""
    models = dict.fromkeys([settings.model, *(way.model for planned in plan for way, _ in planned.ways)])
    baselines, started = [method.name for method in find_methods(suite.baselines)], now()
    return RunLog(
        churn_agent=version("churn-agent"),
        libraries={name: version(name) for name in _LIBRARIES},
        command=command,
        suite=suite,
        limit=limit,
        settings={name: getattr(settings, name) for name in _SETTINGS},
        started=started,
        dates=(f"{started:%Y-%m-%d}",),
        machines=(_machine(settings.gpu_layers),),
        sets={planned.role + planned.labelled.name: _of_set(planned) for planned in plan},
        judged={planned.name: (*(way.label for way, _ in planned.ways), *baselines) for planned in plan},
        prompts={prompt.label: prompt.content_hash for prompt in _prompts(suite, plan, settings)},
        default_model=settings.model,
        models={model: entry.files[0].sha256 for model in models if (entry := catalogue().get(without_runtime(model)))},
        embedder=settings.embedder,
    )


def now() -> datetime:
    """In UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def note_use(folder: Path, planned: Planned, suite: Suite) -> int:
    """Notes in the folder of runs that a suite is judged on a set, and counts the other suites that were before.

    Whatever was chosen by one of those has seen the set, so it is not an unseen test set any more.
    """
    ledger = folder / _LEDGER
    own = hashlib.sha256(suite.model_dump_json().encode()).hexdigest()[:16]
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
    suites = {line.split()[-1] for line in lines if line.startswith(f"{planned.all_labels} ")}
    if own not in suites:
        with ledger.open("a", encoding="utf-8") as file:
            file.write(f"{planned.all_labels} {own}\n")
    return len(suites - {own})


def note_trials(folder: Path, planned: Planned, settings: Settings) -> int:
    """Notes in the folder of runs which ways are tried on a set, and counts all that have been, these included.

    A way is a prompt with its wording, a model and settings. The best of many looks better than it is.
    """
    ledger = folder / _TRIALS
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
    before = {line.split()[-1] for line in lines if line.startswith(f"{planned.all_labels} ")}
    own = {_trial(way, settings): way.label for way, _ in planned.ways}
    with ledger.open("a", encoding="utf-8") as file:
        file.writelines(f"{planned.all_labels} {trial}\n" for trial in own if trial not in before)
    return len(before | own.keys())


def _trial(way: Way, settings: Settings) -> str:
    prompt = load_prompt(way.mode, way.prompt, folder=settings.prompts_dir)
    return hashlib.sha256(f"{way.label} {prompt.content_hash}".encode()).hexdigest()[:16]


def _of_set(planned: Planned) -> SetLog:
    return SetLog(
        samples=fingerprint(planned.samples),
        n=len(planned.samples),
        of=planned.all_samples,
        files=planned.labelled.fingerprint(),
        development=hashlib.sha256("\n".join(sorted(planned.development)).encode()).hexdigest()[:16],
        split=planned.labelled.description.split,
    )


def _prompts(suite: Suite, plan: Sequence[Planned], settings: Settings) -> list[PromptTemplate]:
    """Those of the ways, and the default one if a method learns from readings, which are made by it."""
    used: dict[tuple[str, str], None] = dict.fromkeys(
        (way.mode, way.prompt) for planned in plan for way, _ in planned.ways
    )
    if any(method.reads for method in find_methods(suite.baselines)):
        used[settings.mode, standard_prompt(settings.mode, settings)] = None
    return [load_prompt(mode, name, folder=settings.prompts_dir) for mode, name in used]


def _machine(gpu_layers: int) -> str:
    """Processor, cores, system, and whether the local model runs on a GPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    gpu = ", the model on a GPU" if gpu_layers else ""
    return f"{name}, {os.cpu_count()} cores, {platform.system()}{gpu}"
