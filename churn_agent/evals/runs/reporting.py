"""Reports on runs as files: a page, Markdown, or a table in a Markdown file."""

from collections.abc import Sequence
from pathlib import Path

from churn_agent.errors import InputError
from churn_agent.evals.runs.evaluation import Evaluation
from churn_agent.evals.runs.log import RunLog, find_logs
from churn_agent.evals.runs.markdown import summary, to_markdown
from churn_agent.evals.runs.page import to_html
from churn_agent.evals.runs.predictions import Prediction, SampleNote, read_notes, read_predictions
from churn_agent.files import atomic

_MARKS = "<!-- eval -->", "<!-- /eval -->"


def read_runs(folders: Sequence[Path]) -> tuple[list[Prediction], list[SampleNote], list[RunLog]]:
    """Combines runs. A method that is in several runs is taken from the last.

    If all have the same default model, the labels of its ways do not name it.

    Raises:
        InputError: a folder holds no run, or one of another version.
    """
    predictions = {(p.set, p.method, p.sample_id, p.repeat): p for folder in folders for p in read_predictions(folder)}
    notes = [note for folder in folders for note in read_notes(folder)]
    logs = find_logs(folders)
    default_models = {log.default_model for log in logs}
    shown = [p.model_copy(update={"model": None}) if {p.model} == default_models else p for p in predictions.values()]
    return shown, notes, logs


def write_report(*folders: Path, to: Path, delta: float = 0.02, command: str = "") -> None:
    """Writes the page about runs; `.md` gets conclusions and leaderboards alone.

    These stand between the marks `<!-- eval -->` and `<!-- /eval -->`, so that a Markdown file can be written again
    without a change to the text around them. A method that several runs tried is taken from the last of them.

    Args:
        folders: of the runs.
        to: the file.
        delta: differences of AUROCs up to it do not matter.
        command: that the reader would type to get it again.

    Raises:
        InputError: a folder holds no run, or the page cannot be written.
    """
    evaluation = Evaluation.of(*read_runs(folders), delta=delta)
    if to.suffix == ".md":
        page = to_markdown(evaluation, command=command)
        page = _between_marks(page, to) if to.exists() else "\n".join((_MARKS[0], page, _MARKS[1], ""))
    else:
        page = to_html(evaluation, command=command)
    atomic.save(to, page)


def write_summary(*folders: Path, into: Path, delta: float = 0.02) -> None:
    """Puts one line a set between the marks of a Markdown file.

    Args:
        folders: of the runs.
        into: the file.
        delta: differences of AUROCs up to it do not matter.

    Raises:
        InputError: a folder holds no run, or the file has no such marks or cannot be written.
    """
    evaluation = Evaluation.of(*read_runs(folders), delta=delta)
    atomic.save(into, _between_marks(summary(evaluation), into))


def _between_marks(new: str, page: Path) -> str:
    """The text of a page with the part between its two marks replaced."""
    begin, end = _MARKS
    try:
        before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    except OSError as error:
        raise InputError(f"cannot read {str(page)!r}: {error.strerror}") from error
    _, mark, after = rest.partition(end)
    if not mark:
        raise InputError(f"{str(page)!r} has no lines {begin} and {end} to write the table between")
    return f"{before}{begin}\n{new}\n{end}{after}"
