"""Runs sent to MLflow (a database in a folder) and Weights & Biases (offline): no server, no network."""

import json
import shutil
import sys

import mlflow
import numpy as np
import pytest
import wandb
import yaml
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from wandb.apis.public.runs import RunNotFoundError

from churn_agent.content.prompts import load_prompt
from churn_agent.errors import InputError, Unavailable
from churn_agent.evals import run_suite, write_report
from churn_agent.evals.runs.predictions import Prediction, SampleNote
from churn_agent.evals.runs.tracking import log_model, track
from churn_agent.settings import Settings

WORDS = "xylophone complaint"
READ = load_prompt("read", "words")
ABOUT = {
    "churn_agent": "0.1.0",
    "suite": {"sets": ["here/book"], "seed": 3, "delta": 0.05},
    "sets": {"book": {"samples": "5a5a", "n": 40}},
    "default_model": "tiny",
    "embedder": "all-minilm-l6-v2",
    "finished": True,
    "prompts": {READ.label: READ.content_hash},
}


@pytest.fixture(autouse=True)
def _no_trace(monkeypatch, tmp_path):
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path):
    """A run of a language model and a classic method; words of a customer are in samples and in a failure."""
    folder, random = tmp_path / "runs" / "monday", np.random.default_rng(0)
    folder.mkdir(parents=True)
    predictions, notes = [], []
    for i in range(40):
        of = {"set": "book", "customer_id": f"c-{i}", "as_of": "2026-03-01"}
        notes.append(SampleNote(**of, segments={"channel": "chat"}, evidence=[WORDS]))
        common = of | {"churned": i % 4 == 0, "split": "test" if i % 8 < 5 else "development"}
        said = {"churn_probability": float(random.random() / 2 + (i % 4 == 0) / 3)}
        failed = {"churn_probability": None, "status": "failed", "status_reason": f"refused: {WORDS}"}
        named = {"method": "read/words tiny", "prompt": READ.label, "model": "tiny"}
        predictions.append(Prediction(**common, **named, **(said if i else failed)))
        predictions.append(Prediction(**common, method="recency", churn_probability=float(random.random())))
    for name, lines in (("predictions.jsonl", predictions), ("samples.jsonl", notes)):
        (folder / name).write_text("".join(each.model_dump_json() + "\n" for each in lines), encoding="utf-8")
    (folder / "run.json").write_text(json.dumps(ABOUT), encoding="utf-8")
    return folder


def described(folder, **changes):
    (folder / "run.json").write_text(json.dumps(ABOUT | changes), encoding="utf-8")


def runs(uri, project="churn-agent"):
    """(Client, parents, children)."""
    client = MlflowClient(uri)
    found = client.search_runs([client.get_experiment_by_name(project).experiment_id])
    return client, *([r for r in found if ("mlflow.parentRunId" in r.data.tags) == child] for child in (False, True))


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


def end_of_process():
    """W&B's service writes until the process that began it ends, which waits for it."""
    wandb.teardown()


def everything(folder):
    """All bytes below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.slow
def test_mlflow_gets_a_parent_and_a_child_for_each_method_on_each_set(cli, folder, tmp_path):
    result = cli("eval", "track", folder, "--to", "mlflow", "--uri", tmp_path / "tracked", "--json")
    assert result.code == 0, result.err
    client, [parent], children = runs(result.json["where"])
    assert parent.info.run_id == result.json["run"]
    assert parent.info.run_name == "monday"
    assert parent.data.params == {
        "churn_agent": "0.1.0", "default_model": "tiny", "embedder": "all-minilm-l6-v2", "sets": "book", "seed": "3",
        "delta": "0.05",
    }  # fmt: skip
    assert "AUROC" in parent.data.tags["mlflow.note.content"]
    assert {each.data.tags["mlflow.parentRunId"] for each in children} == {parent.info.run_id}
    assert {each.info.status for each in (parent, *children)} == {"FINISHED"}
    by_method = {each.data.params["method"]: each for each in children}
    assert by_method["recency"].data.params["mode"] == "classic"
    read = by_method["read/words tiny"].data
    assert read.params == {
        "set": "book", "set_hash": "5a5a", "method": "read/words tiny", "mode": "read", "prompt": READ.label,
        "prompt_hash": READ.content_hash, "model": "tiny", "seed": "3", "delta": "0.05",
    }  # fmt: skip
    assert read.metrics["answered"] == 39 / 40
    assert read.metrics["auroc_low"] <= read.metrics["auroc"] <= read.metrics["auroc_high"]
    assert {"brier", "f1", "calibration_error", "profit", "n_all", "n_test"} <= read.metrics.keys()
    assert "calibration_error_low" not in read.metrics
    files = {each.path for each in client.list_artifacts(parent.info.run_id)}
    assert files == {"predictions.jsonl", "run.json"} == set(result.json["files"])


@pytest.mark.slow
def test_prompts_are_versions_that_runs_are_linked_to(folder, tmp_path):
    uri = str(tmp_path / "tracked")
    tracked = track(folder, "mlflow", uri=uri)
    described(folder, default_model="other")
    track(folder, "mlflow", uri=uri)
    client, parents, children = runs(tracked.where)
    assert len(parents) == 2
    [version] = client.search_prompt_versions("churn-agent.read.words")
    assert READ.system.splitlines()[0] in version.template
    assert client.load_prompt(f"prompts:/churn-agent.read.words@{READ.content_hash}").version == version.version
    linked = [json.loads(each.data.tags.get("mlflow.linkedPrompts", "[]")) for each in children]
    assert sorted(map(len, linked)) == [0, 0, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("recorded", ["0" * 16, None])
def test_a_prompt_that_has_changed_is_not_sent_as_the_one_that_was_used(folder, tmp_path, recorded):
    """Told by the hash in the run, or where it holds none, by the version."""
    described(folder, prompts={READ.label: recorded} if recorded else {})
    if not recorded:
        text = (folder / "predictions.jsonl").read_text(encoding="utf-8")
        other = text.replace(f'"prompt_version":{READ.version}', '"prompt_version":99')
        (folder / "predictions.jsonl").write_text(other, encoding="utf-8")
    told = []
    tracked = track(folder, "mlflow", uri=str(tmp_path / "tracked"), notify=told.append)
    client, _, children = runs(tracked.where)
    assert any("was changed or deleted" in each for each in told)
    assert not client.search_prompts()
    assert {each.data.params.get("prompt_hash") for each in children} == {recorded or "", None}


@pytest.mark.slow
@pytest.mark.parametrize("to", ["mlflow", "wandb"])
def test_words_of_customers_leave_only_when_asked_for(folder, tmp_path, to):
    write_report(folder, to=folder / "report.html")
    assert WORDS in (folder / "report.html").read_text(encoding="utf-8")
    track(folder, to, uri=str(tmp_path / "bare"))
    end_of_process()
    sent = everything(tmp_path / "bare")
    assert WORDS.encode() not in sent
    assert b"Leaderboard" in sent
    assert b'"customer_id":"c-7"' in sent
    tracked = track(folder, to, uri=str(tmp_path / "full"), with_texts=True)
    end_of_process()
    assert tracked.files == ("predictions.jsonl", "run.json", "report.html", "samples.jsonl")
    assert everything(tmp_path / "full").count(WORDS.encode()) == everything(folder).count(WORDS.encode())


@pytest.mark.slow
@pytest.mark.parametrize("to", ["mlflow", "wandb"])
def test_the_same_run_is_not_sent_twice(cli, folder, tmp_path, to):
    command = ("eval", "track", folder, "--to", to, "--uri", tmp_path / "tracked")
    assert cli(*command).code == 0
    # W&B's own service may still write its log, so there the runs are counted.
    sent = everything if to == "mlflow" else lambda place: sorted(place.rglob("offline-run-*"))
    before = sent(tmp_path / "tracked")
    assert before
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    again = cli("eval", "track", copy, *command[3:])
    assert again.code == 2
    assert "already sent to" in again.err
    assert len(again.err.splitlines()) == 2  # a note that it starts, and why not
    assert sent(tmp_path / "tracked") == before
    described(folder, seed=4)
    assert cli(*command).code == 0


@pytest.mark.slow
def test_what_an_interrupted_call_left_in_mlflow_is_replaced(folder, tmp_path, monkeypatch):
    uri = str(tmp_path / "tracked")
    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_text", raising(OSError("disk full")))
        with pytest.raises(Unavailable, match=r"MLflow at sqlite.*disk full"):
            track(folder, "mlflow", uri=uri)
    tracked = track(folder, "mlflow", uri=uri)
    _, [parent], children = runs(tracked.where)
    assert parent.info.run_id == tracked.run
    assert len(children) == 2


def test_weights_and_biases_offline_keeps_all_in_the_folder(cli, folder, tmp_path):
    result = cli("eval", "track", folder, "--to", "wandb", "--uri", tmp_path / "tracked", "--project", "leavers")
    assert result.code == 0, result.err
    assert "wandb sync" in result.out
    end_of_process()
    made = sorted((tmp_path / "tracked" / "wandb").glob("offline-run-*"), key=lambda path: len(path.name))
    assert len(made) == 3
    parent, *ways = (everything(each) for each in made)
    for part in (b"monday", b"leavers", READ.content_hash.encode(), b"prompt.read.words", b"eval-run.", b"AUROC"):
        assert part in parent
    [read] = [each for each in ways if b"read/words tiny" in each]
    for part in (b"book: read/words tiny", b"prompt_hash", b"set_hash", b"auroc_low", b"profit_high"):
        assert part in read
    assert READ.user.splitlines()[0].encode() in everything(tmp_path / "tracked" / "artifacts")
    assert not (tmp_path / "home").exists() or WORDS.encode() not in everything(tmp_path / "home")


@pytest.mark.parametrize(("state", "refused"), [("finished", True), ("crashed", False), (None, False)])
def test_a_server_of_weights_and_biases_is_asked_whether_it_has_the_run(folder, monkeypatch, state, refused):
    class Api:
        def __init__(self, overrides):
            assert overrides == {"base_url": "https://wandb.test"}

        def run(self, path):
            assert path.startswith("churn-agent/")
            if state is None:
                raise RunNotFoundError("no such run")
            return type("Run", (), {"state": state})

    monkeypatch.setattr(wandb, "Api", Api)
    monkeypatch.setattr(wandb, "init", raising(wandb.Error("not reached")))
    wanted, says = (InputError, "another --project") if refused else (Unavailable, "W&B at https://wandb.test.*reached")
    with pytest.raises(wanted, match=says):
        track(folder, "wandb", uri="https://wandb.test")


@pytest.mark.parametrize("to", ["mlflow", "wandb"])
def test_a_missing_extra_is_one_line_with_the_command(cli, folder, monkeypatch, to):
    monkeypatch.setitem(sys.modules, to, None)
    result = cli("eval", "track", folder, "--to", to)
    assert result.code == 4
    assert result.err.splitlines()[-1] == (f"churn-agent: {to} is not installed; run: pip install 'churn-agent[{to}]'")


@pytest.mark.parametrize(
    ("to", "uri", "says"),
    [
        ("mlflow", "nosuch://me:secret@host/x", "MLflow at nosuch://host/x cannot be used"),
        ("mlflow", "file:./mlruns", "maintenance mode"),
        ("wandb", "localhost:8080", "W&B at localhost:8080 cannot be used"),
        ("wandb", "http://127.0.0.1:9", "W&B at http://127.0.0.1:9 cannot be used: No API key configured"),
    ],
)
def test_a_tracker_that_cannot_be_used_is_named_without_passwords(cli, folder, to, uri, says):
    result = cli("eval", "track", folder, "--to", to, "--uri", uri)
    assert result.code == 4
    assert says in result.err
    assert "secret" not in result.err


def test_what_is_no_finished_run_is_named(cli, folder, tmp_path):
    command = ("--to", "mlflow", "--uri", tmp_path / "tracked")
    assert "is not the folder of a run" in cli("eval", "track", tmp_path, *command).err
    described(folder, suite={"colour": 1})
    assert "is not a log of this version" in cli("eval", "track", folder, *command).err
    (folder / "run.json").unlink()
    missing = cli("eval", "track", folder, *command)
    assert missing.code == 2
    assert "is not a finished run: cannot read run.json (No such file or directory)" in missing.err
    assert not (tmp_path / "tracked").exists()


@pytest.mark.slow
def test_a_run_that_a_suite_made_can_be_sent(suite_file, tmp_path):
    suite = yaml.safe_load(suite_file.read_text(encoding="utf-8")) | {"baselines": ["recency"]}
    suite_file.write_text(yaml.safe_dump(suite), encoding="utf-8")
    out = tmp_path / "made"
    run_suite(suite_file, settings=Settings.load(), out=out, limit=12)
    tracked = track(out, "mlflow", uri=str(tmp_path / "tracked"))
    _, _, children = runs(tracked.where)
    modes = [each.data.params["mode"] for each in children]
    assert {"classic", "read", "ask"} == set(modes)
    assert all(len(each.data.params["prompt_hash"]) == 16 for each in children if each.data.params["mode"] != "classic")


@pytest.mark.slow
def test_a_fitted_pipeline_becomes_a_model_that_can_be_loaded_again(tmp_path):
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10) % 2
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    before = mlflow.get_tracking_uri()
    try:
        address = log_model(pipeline, uri=str(tmp_path / "tracked"), name="rfm")
        again = mlflow.sklearn.load_model(address)
    finally:
        mlflow.set_tracking_uri(before)
    np.testing.assert_array_equal(again.predict_proba(x), pipeline.predict_proba(x))
