"""The log of a run, and runs that `churn-agent` 0.1.0 wrote (`old_run/`, made by its code)."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from churn_agent.errors import InputError
from churn_agent.evals.runs.log import RunLog, SetLog, find_log, read_log, write_log
from churn_agent.evals.runs.predictions import Writer, read_predictions
from churn_agent.evals.runs.shipping import Run

OLD_RUN = Path(__file__).parent / "old_run"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def old_run(tmp_path):
    return Path(shutil.copytree(OLD_RUN, tmp_path / "run"))


def described(folder, **changes):
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps(content | changes), encoding="utf-8")


def test_a_log_of_version_1_is_converted(old_run):
    assert "version" not in json.loads((old_run / "run.json").read_text(encoding="utf-8"))
    log = find_log(old_run)
    assert (log.version, log.churn_agent, log.finished, log.started) == (2, "0.1.0", True, None)
    assert log.command == "churn-agent eval run small.yaml"
    assert log.suite.sets == ("book",)
    assert log.dates == ("2026-11-30",)
    assert len(log.machines) == 1
    assert log.sets["book"].n == 8
    assert log.judged["book"] == ("read/words scripted", "ask/lettered scripted evidence_limit=2", "prior", "recency")
    assert log.prompts.keys() == {"read/words@4", "ask/lettered@1"}
    assert log.settings == {}


def test_days_and_machines_of_a_resumed_run_of_version_1_are_told_apart(old_run):
    described(old_run, date="2026-11-27; 2026-11-28", machine="one, 2 cores; another, 4 cores")
    log = find_log(old_run)
    assert log.dates == ("2026-11-27", "2026-11-28")
    assert log.machines == ("one, 2 cores", "another, 4 cores")


def test_a_run_of_version_1_is_reported_compared_and_sent_under_its_old_hash(cli, old_run, tmp_path):
    assert cli("eval", "report", old_run, "-o", tmp_path / "r.md").code == 0
    report = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "| read/words scripted | 8 |" in report
    assert "run on 2026-11-30 on " in report
    assert cli("eval", "compare", old_run, "--against", "recency").code in (0, 2)
    assert Run.read(old_run).hash == "08f25ecbd8e7eb52"


def test_a_log_is_read_as_it_was_written(tmp_path):
    log = RunLog(
        suite={"sets": ["book"]},
        sets={"book": SetLog(samples="5a5a", n=40, of=60)},
        default_model="tiny",
        started="2026-01-02T03:04:05Z",
        machines=("a; b",),
        test_set_used_before=0,
    )
    write_log(tmp_path, log)
    assert find_log(tmp_path) == log
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["version"] == 2


def test_every_field_of_a_log_says_what_it_is():
    source = Path(__file__).parents[2].joinpath("churn_agent", "evals", "runs", "log.py").read_text(encoding="utf-8")
    for model in (RunLog, SetLog):
        for name in model.model_fields:
            _, _, after = source.partition(f"\n    {name}: ")
            assert after.split("\n")[1].startswith('    """'), name


def test_the_same_run_elsewhere_and_later_is_known_by_its_hash(old_run):
    before = Run.read(old_run).hash
    described(old_run, date="2030-01-01", machine="another", started="2030-01-01T00:00:00Z")
    assert Run.read(old_run).hash == before
    described(old_run, embedder="another")
    assert Run.read(old_run).hash != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 3}, r"written by a newer churn-agent \(log version 3\)"),
        ({"version": 2, "colour": 1}, "is not a log of this version"),
        ({"suite": {"colour": 1}}, "is not a log of this version"),
        ({"sets": ["book"]}, "is not a log of this version"),
        ({"default_model": None}, "is not a log of this version"),
    ],
)
def test_a_log_that_cannot_be_used_is_named(old_run, change, message):
    described(old_run, **change)
    for read in (find_log, read_log, read_predictions):
        with pytest.raises(InputError, match=message):
            read(old_run)


def test_predictions_of_version_1_name_way_prompt_model_and_settings(old_run):
    lines = [json.loads(line) for line in (old_run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()]
    predictions = read_predictions(old_run)
    assert [p.method for p in predictions] == [line["method"] for line in lines]
    assert [p.prompt_label for p in predictions] == [line["prompt"] for line in lines]
    assert [p.model_id for p in predictions] == [line["model"] for line in lines]
    by_method = {p.method: p for p in predictions}
    way = by_method["ask/lettered scripted evidence_limit=2"]
    assert (way.kind, way.mode, way.prompt, way.prompt_version, way.model) == ("way", "ask", "lettered", 1, "scripted")
    assert way.settings == {"evidence_limit": 2}
    assert way.short_method == "ask/lettered"
    assert (by_method["recency"].kind, by_method["recency"].name) == ("classic", "recency")


def test_a_run_of_version_1_is_continued_as_one_of_version_2(old_run):
    before = read_predictions(old_run)
    assert Writer(old_run).predictions == before
    lines = (old_run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["kind"] for line in lines} == {"way", "classic"}
    assert read_predictions(old_run) == before
    earlier = find_log(old_run)
    now = earlier.model_copy(update={"dates": ("2030-01-01",), "machines": ("another",), "started": NOW})
    both = now.continuing(earlier, old_run)
    assert (both.dates, both.started) == (("2026-11-30", "2030-01-01"), None)
    assert both.machines == (*earlier.machines, "another")
    with pytest.raises(InputError, match="prompt read/words@4 has changed since the run in"):
        now.model_copy(update={"prompts": {"read/words@4": "0"}}).continuing(earlier, old_run)
    with pytest.raises(InputError, match="holds a run on other samples of 'book'"):
        now.model_copy(update={"sets": {"book": SetLog(samples="0")}}).continuing(earlier, old_run)
