"""Runs of suites, from the command line, with the scripted model."""

import json
import shutil

import pytest
import yaml

from churn_agent.demo.writing import write_book
from churn_agent.evals import run_suite
from churn_agent.evals.predictions import Prediction, SampleNote, read_predictions
from churn_agent.evals.scoreboard import measure
from churn_agent.measuring.metrics import Costs


def run(cli, suite_file, *options):
    return cli("eval", "run", suite_file, "-o", suite_file.parent / "run", *options)


def test_a_suite_gives_predictions_metrics_comparisons_and_provenance(cli, suite_file):
    result = run(cli, suite_file, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    by_method = {}
    for each in found["predictions"]:
        by_method.setdefault(each["method"], []).append(each)
    assert {name: len(made) for name, made in by_method.items()} == {
        "prior": 60, "recency": 60, "rfm": 60, "tfidf": 60, "boosting": 60, "read/words scripted": 60,
        "ask/" + by_method_prompt(by_method) + " scripted": 40,
    }  # fmt: skip
    assert {each["metric"] for each in found["metrics"]} >= {"auroc", "brier", "f1", "profit", "calibration_error"}
    assert all(0 <= each["p_adjusted"] <= 1 for each in found["comparisons"])
    assert found["provenance"]["sets"]["book"]["n"] == 60
    assert "60 samples" in result.err


def by_method_prompt(by_method):
    [name] = [name for name in by_method if name.startswith("ask/")]
    return name.removeprefix("ask/").removesuffix(" scripted")


def test_a_second_call_keeps_what_was_finished_and_a_cut_off_line_is_done_again(suite_file):
    out = suite_file.parent / "run"
    first = run_suite(suite_file, out=out)
    path = out / "predictions.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-3]) + lines[-3][:20])
    again = run_suite(suite_file, out=out, resume=True)
    key = lambda p: (p.method, p.customer_id)  # noqa: E731
    told = lambda made: sorted([(*key(p), p.churn_probability) for p in made], key=str)  # noqa: E731
    assert told(again.predictions) == told(first.predictions)
    assert path.read_text().startswith(lines[0])


def test_a_run_on_other_samples_is_not_mixed_in(cli, suite_file):
    assert run(cli, suite_file, "--limit", 20).code == 0
    result = run(cli, suite_file, "--resume")
    assert result.code == 2
    assert "other samples" in result.err


def test_a_limit_draws_in_proportion(cli, suite_file):
    found = json.loads(run(cli, suite_file, "--limit", 20, "--json").out)
    assert len({each["customer_id"] for each in found["predictions"]}) == 20


def test_what_fails_is_no_score(cli, suite_file, tmp_path):
    script = tmp_path / "s.json"
    script.write_text(json.dumps({"score": [{"contains": "", "error": "broken"}]}))
    suite = yaml.safe_load(suite_file.read_text())
    suite |= {"ways": [{"mode": "ask", "models": [f"scripted:{script}"]}], "baselines": ["recency"], "limit": 8}
    suite_file.write_text(yaml.safe_dump(suite))
    found = json.loads(run(cli, suite_file, "--json").out)
    failed = [each for each in found["predictions"] if each["status"] == "failed"]
    assert len(failed) == 8
    assert all(each["churn_probability"] is None and "broken" in each["status_reason"] for each in failed)
    [answered] = [m["value"] for m in found["metrics"] if m["metric"] == "answered" and "ask" in m["method"]]
    assert answered == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sets": ["nowhere"]}, "no set 'nowhere'"),
        ({"baselines": ["magic"]}, "no classic method magic"),
        ({"colour": 1}, "unknown key"),
        ({"sets": []}, "sets"),
    ],
)
def test_mistakes_in_a_suite_are_named(cli, suite_file, change, says):
    suite_file.write_text(yaml.safe_dump(yaml.safe_load(suite_file.read_text()) | change))
    result = run(cli, suite_file)
    assert result.code in (2, 3)
    assert says in result.err


def test_compare_tells_pairs_and_guards_against_regressions(cli, suite_file, finished):
    out = finished
    pairs = json.loads(cli("eval", "compare", out, "--json").out)
    assert {each["judgement"] for each in pairs} <= {"better", "worse", "equivalent", "cannot tell"}
    assert len(pairs) == 21
    worse = suite_file.parent / "worse"
    worse.mkdir()
    (worse / "predictions.jsonl").write_text(
        "".join(
            p.model_copy(update={"churn_probability": 1 - p.churned}).model_dump_json() + "\n"
            for p in read_predictions(out)
        )
    )
    assert cli("eval", "compare", worse, out).code == 1
    assert cli("eval", "compare", out, out).code == 0
    assert "no run of an eval" in cli("eval", "compare", suite_file.parent, out).err


def test_baselines_alone(cli, book_folder):
    result = cli("eval", "baselines", book_folder, "--method", "prior", "--method", "recency", "--json")
    assert result.code == 0, result.err
    aurocs = {each["method"]: each["value"] for each in json.loads(result.out) if each["metric"] == "auroc"}
    assert set(aurocs) == {"prior", "recency"}
    assert aurocs["prior"] == 0.5
    assert "there are: prior, recency" in cli("eval", "baselines", book_folder, "--method", "magic").err


def test_a_pair_learns_on_the_first_set_and_is_judged_on_the_second(cli, suite_file, tmp_path, book_folder):
    other = tmp_path / "elsewhere" / "book"  # halves of a set are often called alike
    write_book(other, "telecom", 50, seed=9)
    for name in ("interactions", "labels", "customers"):  # the demo's ids begin alike
        path = next(other.glob(f"{name}.*"))
        path.write_text(path.read_text().replace("c-", "d-"))
    suite = {"train": str(book_folder), "test": str(other), "ways": [{"mode": "read", "models": ["scripted"]}]}
    suite_file.write_text(yaml.safe_dump(suite | {"baselines": ["recency", "rfm"]}))
    found = json.loads(run(cli, suite_file, "--json").out)
    assert {each["set"] for each in found["predictions"]} == {"book to book"}
    splits = {each["customer_id"][0]: each["split"] for each in found["predictions"]}
    assert splits == {"c": "train", "d": "test"}
    assert set(found["provenance"]["sets"]) == {"train: book", "test: book"}
    assert {m["n"] for m in found["metrics"] if m["metric"] in ("auroc", "brier")} == {50}
    assert {each["n"] for each in found["comparisons"]} == {50}
    assert found["provenance"]["test_set_used_before"] == 0
    suite_file.write_text(yaml.safe_dump(suite | {"baselines": ["recency"]}))
    assert json.loads(run(cli, suite_file, "--json").out)["provenance"]["test_set_used_before"] == 1


def test_a_pair_must_not_share_customers(cli, suite_file, tmp_path, book_folder):
    shutil.copytree(book_folder, tmp_path / "copy")
    suite_file.write_text(yaml.safe_dump({"train": str(book_folder), "test": str(tmp_path / "copy")}))
    result = run(cli, suite_file)
    assert result.code == 2
    assert "60 customers are in both sets" in result.err


def test_repeats_measure_stability_and_nothing_else(cli, suite_file):
    suite = yaml.safe_load(suite_file.read_text())
    suite |= {"ways": [{"mode": "ask", "models": ["scripted"], "repeats": 3}], "baselines": [], "limit": 20}
    suite_file.write_text(yaml.safe_dump(suite))
    found = json.loads(run(cli, suite_file, "--json").out)
    assert len(found["predictions"]) == 60
    figures = {each["metric"]: each for each in found["metrics"]}
    assert figures["auroc"]["n"] == 20
    assert figures["decisions_turned"]["value"] == figures["score_spread"]["value"] == 0  # the script knows no order


def test_what_a_reader_found_is_held_against_the_gold():
    def prediction(customer, found):
        return Prediction(
            set="s", customer_id=customer, as_of="2026-01-01", churned=True, split="test", method="read", found=found,
            churn_probability=0.5,
        )  # fmt: skip

    def note(customer, gold):
        return SampleNote(set="s", customer_id=customer, as_of="2026-01-01", segments={}, evidence=[], gold=gold)

    figures = measure(
        [prediction("a", {"price": ("t1", "t2"), "praise": ("t3",)}), prediction("b", {})],
        Costs(),
        [note("a", {"price": ("t1",), "loyalty": ("t3",)}), note("b", {"price": ("t4", "t5")})],
    )
    values = {figure.metric: figure.value for figure in figures}
    assert values["signal_precision"] == 1 / 3
    assert values["signal_recall"] == 1 / 4
    assert values["evidence_recall"] == 2 / 4
