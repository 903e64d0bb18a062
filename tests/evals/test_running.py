"""Runs of suites, from the command line, with the scripted model."""

import csv
import json
import shutil
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import yaml

from churn_agent.demo.writing import write_book
from churn_agent.evals import run_suite
from churn_agent.evals.runs import execution
from churn_agent.evals.runs.comparing import compare_methods
from churn_agent.evals.runs.predictions import Prediction, SampleNote, read_predictions
from churn_agent.evals.runs.scoreboard import measure
from churn_agent.measuring.metrics import Costs
from churn_agent.settings import Settings


def run(cli, suite_file, *options):
    return cli("eval", "run", suite_file, "-o", suite_file.parent / "run", *options)


@pytest.mark.slow
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
    assert found["provenance"]["command"].startswith("churn-agent eval run ")
    assert found["provenance"]["sets"]["book"]["files"]


def by_method_prompt(by_method):
    [name] = [name for name in by_method if name.startswith("ask/")]
    return name.removeprefix("ask/").removesuffix(" scripted")


@pytest.mark.slow
def test_a_second_call_keeps_what_was_finished_and_a_cut_off_line_is_done_again(suite_file, finished):
    out = finished
    first = read_predictions(out)
    path = out / "predictions.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-3]) + lines[-3][:20])
    about = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(about | {"machines": ["another"], "started": "2020-01-01T00:00:00Z"}))
    again = run_suite(suite_file, settings=Settings.load(), out=out, resume=True)
    assert again.log.machines == ("another", *about["machines"])
    assert again.log.started == datetime(2020, 1, 1, tzinfo=UTC)
    assert again.log.finished
    key = lambda p: (p.method, p.customer_id)  # noqa: E731
    told = lambda made: sorted([(*key(p), p.churn_probability) for p in made], key=str)  # noqa: E731
    assert told(again.predictions) == told(first)
    assert path.read_text().startswith(lines[0])


@pytest.mark.slow
def test_what_a_suite_has_ceased_to_name_is_kept_but_not_shown(cli, light_suite_file, tmp_path):
    out = tmp_path / "run"
    fewer = yaml.safe_load(light_suite_file.read_text())
    more = fewer | {"baselines": ["recency", "prior"]}

    def methods(suite):
        light_suite_file.write_text(yaml.safe_dump(suite))
        return {
            p.method for p in run_suite(light_suite_file, settings=Settings.load(), out=out, resume=True).predictions
        }

    assert methods(more) == {"recency", "prior"}
    kept = (out / "predictions.jsonl").read_text()
    assert methods(fewer) == {"recency"}
    assert cli("eval", "report", out, "-o", tmp_path / "report.md").code == 0
    assert "| prior |" not in (tmp_path / "report.md").read_text()
    assert methods(more) == {"recency", "prior"}
    assert (out / "predictions.jsonl").read_text() == kept


def test_a_run_on_other_samples_is_not_mixed_in(cli, light_suite_file):
    assert run(cli, light_suite_file, "--limit", 20).code == 0
    result = run(cli, light_suite_file, "--resume")
    assert result.code == 2
    assert "other samples" in result.err


def test_a_limit_draws_in_proportion(cli, light_suite_file):
    found = json.loads(run(cli, light_suite_file, "--limit", 20, "--json").out)
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
        ({"baselines": ["magic"]}, "unknown classic method magic"),
        ({"colour": 1}, "unknown key"),
        ({"sets": []}, "sets"),
    ],
)
def test_mistakes_in_a_suite_are_named(cli, suite_file, change, says):
    suite_file.write_text(yaml.safe_dump(yaml.safe_load(suite_file.read_text()) | change))
    result = run(cli, suite_file)
    assert result.code in (2, 3)
    assert says in result.err


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ({"settings": {"evidence_limit": [5, 0]}}, "setting 'evidence_limit' cannot be 0: "),
        ({"settings": {"evidence_tokens": [10]}}, "setting 'evidence_tokens' cannot be 10: "),
        ({"prompts": ["magic"]}, "no prompt 'magic' for mode 'read'"),
    ],
)
def test_a_way_that_cannot_be_tried_stops_a_suite_before_anything_runs(cli, suite_file, way, message):
    suite = yaml.safe_load(suite_file.read_text())
    suite |= {"ways": [{"mode": "ask", "models": ["scripted"]}, {"mode": "read", "models": ["scripted"]} | way]}
    suite_file.write_text(yaml.safe_dump(suite))
    before = sorted(suite_file.parent.iterdir())
    result = run(cli, suite_file)
    assert result.code == 2
    [error] = [line for line in result.err.splitlines() if not line.startswith("\u00b7")]
    assert message in error
    assert sorted(suite_file.parent.iterdir()) == before


def test_a_mode_that_does_not_exist_stops_a_suite_with_one_line(cli, suite_file, monkeypatch):
    monkeypatch.setenv("CHURN_AGENT_MODE", "guess")
    suite = yaml.safe_load(suite_file.read_text()) | {"ways": [{"models": ["scripted"]}]}
    suite_file.write_text(yaml.safe_dump(suite))
    result = run(cli, suite_file)
    assert result.code == 2
    assert "setting 'mode' cannot be 'guess'" in result.err


def test_the_prompt_of_a_classic_method_that_reads_stands_in_the_provenance(suite_file, monkeypatch):
    monkeypatch.setattr(execution, "execute", lambda *planned, **options: [])
    monkeypatch.setenv("CHURN_AGENT_MODEL", "scripted")
    monkeypatch.setenv("CHURN_AGENT_PROMPT", "direct")
    suite = yaml.safe_load(suite_file.read_text()) | {"ways": [], "baselines": ["platt", "recency"], "limit": 30}
    suite_file.write_text(yaml.safe_dump(suite))
    result = run_suite(suite_file, settings=Settings.load(), out=suite_file.parent / "run")
    assert list(result.log.prompts) == ["read/direct@1"]


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
    assert cli("eval", "compare", worse, out, "--pooled").code == 1
    assert cli("eval", "compare", out, "--pooled", "--disagreements", 1).code == 2
    assert (
        cli("eval", "compare", out, "--set", pairs[0]["set"], "--json").out == cli("eval", "compare", out, "--json").out
    )
    assert "nothing to compare" in cli("eval", "compare", out, "--set", "another").err
    assert cli("eval", "compare", out, out).code == 0
    assert "is not the folder of a run" in cli("eval", "compare", suite_file.parent, out).err


def test_who_two_ways_disagree_on_is_shown_side_by_side_with_what_they_cited(cli, finished):
    [pair] = json.loads(cli("eval", "compare", finished, "--against", "recency", "--disagreements", 2, "--json").out)[
        -1:
    ]
    assert len(pair["disagreements"]) == 2
    assert {"first", "second", "customer_id", "churned"} <= pair["disagreements"][0].keys()
    cited = [p.model_copy(update={"cited": ("Complains. “late again”",)}) for p in read_predictions(finished)]
    (finished / "predictions.jsonl").write_text("".join(p.model_dump_json() + "\n" for p in cited))
    told = cli("eval", "compare", finished, "--against", "recency", "--disagreements", 1).out
    assert "    Complains. “late again”\n" in told
    assert cli("eval", "compare", finished, finished, "--disagreements", 1).code == 2


def test_a_sample_is_on_the_same_side_however_many_are_drawn(cli, light_suite_file):
    def splits(limit):
        found = json.loads(run(cli, light_suite_file, "--limit", limit, "--json").out)
        return {p["customer_id"]: p["split"] for p in found["predictions"]}

    few, many = splits(20), splits(50)
    shared = few.keys() & many.keys()
    assert len(shared) > 10
    assert all(few[each] == many[each] for each in shared)


@pytest.mark.slow
def test_of_a_set_that_is_split_by_time_no_customer_is_on_both_sides(suite_file, book_folder, tmp_path):
    folder = tmp_path / "twice"
    shutil.copytree(book_folder, folder)
    [labels] = folder.glob("labels.*")
    header, *rows = list(csv.reader(labels.open(encoding="utf-8", newline="")))
    day = header.index("as_of")
    earlier = [[*row[:day], f"{date.fromisoformat(row[day]) - timedelta(days=40)}", *row[day + 1 :]] for row in rows]
    with labels.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows[:40], *earlier[35:]])
    card = yaml.safe_load((folder / "card.yaml").read_text()) if (folder / "card.yaml").exists() else {}
    (folder / "set.yaml").write_text(yaml.safe_dump({"book": card, "split": "time"}))
    suite = {"sets": [str(folder)], "ways": [], "baselines": ["recency", "rfm", "tfidf"]}
    suite_file.write_text(yaml.safe_dump(suite))
    made = run_suite(suite_file, settings=Settings.load(), out=tmp_path / "out").predictions
    sides = {}
    for p in made:
        sides.setdefault(p.customer_id, set()).add(p.split)
    assert all(len(each) == 1 for each in sides.values())
    of_split = {split: [p.as_of for p in made if p.split == split] for split in ("development", "test")}
    assert max(of_split["development"]) < min(of_split["test"])
    assert {p.method for p in made if p.split == "test"} == {"recency", "rfm", "tfidf"}


def test_baselines_alone(cli, book_folder):
    result = cli("eval", "baselines", book_folder, "--method", "prior", "--method", "recency", "--json")
    assert result.code == 0, result.err
    aurocs = {each["method"]: each["value"] for each in json.loads(result.out) if each["metric"] == "auroc"}
    assert set(aurocs) == {"prior", "recency"}
    assert aurocs["prior"] == 0.5
    assert "choose from prior, recency" in cli("eval", "baselines", book_folder, "--method", "magic").err


@pytest.mark.slow
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


@pytest.mark.slow
def test_repeats_measure_stability_and_nothing_else(cli, suite_file):
    suite = yaml.safe_load(suite_file.read_text())
    suite |= {"ways": [{"mode": "ask", "models": ["scripted"], "repeats": 3}], "baselines": [], "limit": 20}
    suite_file.write_text(yaml.safe_dump(suite))
    found = json.loads(run(cli, suite_file, "--json").out)
    assert len(found["predictions"]) == 60
    figures = {each["metric"]: each for each in found["metrics"]}
    assert figures["auroc"]["n"] == 20
    assert figures["decisions_turned"]["value"] == figures["score_spread"]["value"] == 0  # the script knows no order


def predictions(scores, labels, method="m", **more):
    given = {"set": "s", "as_of": "2026-01-01", "split": "test"} | more
    return [
        Prediction(customer_id=f"c{i}", churned=bool(label), method=method, churn_probability=float(score), **given)
        for i, (score, label) in enumerate(zip(scores, labels, strict=True))
    ]


def test_sets_are_pooled_and_the_yardstick_is_the_best_classic_method_of_each():
    random = np.random.default_rng(0)
    made, labels = [], {name: random.random(80) < 0.4 for name in "ab"}
    for name, noises in (("a", {"m": 0.4, "tfidf": 0.6, "rfm": 9.0}), ("b", {"m": 0.8, "tfidf": 9.0, "rfm": 0.9})):
        for method, noise in noises.items():
            scores = 1 / (1 + np.exp(random.normal(0, noise, 80) - labels[name]))
            made += predictions(scores, labels[name], method, set=name)
    each = {(c.set, c.first): c.conclusion.difference for c in compare_methods(made, against="yardstick")}
    assert each["a", "tfidf"].value == each["b", "rfm"].value == 0
    [pooled] = [c for c in compare_methods(made, against="yardstick", pooled=True) if c.first == "m"]
    of_m = [each["a", "m"], each["b", "m"]]
    assert (pooled.set, pooled.second, pooled.conclusion.difference.n) == ("a + b", "yardstick", 160)
    assert pooled.conclusion.difference.value == pytest.approx(np.mean([d.value for d in of_m]))
    # The error of a mean of two independent estimates.
    assert pooled.conclusion.difference.standard_error == pytest.approx(
        np.std(random.normal([[d.value for d in of_m]], [[d.standard_error for d in of_m]], (200_000, 2)).mean(axis=1)),
        rel=0.02,
    )


def test_a_method_that_was_asked_about_the_training_set_alone_has_no_figures():
    assert measure(predictions([0.1, 0.9], [False, True], split="train"), Costs()) == []


def test_how_far_scores_are_spread_makes_no_difference_to_their_calibration():
    random = np.random.default_rng(0)
    labels = random.random(200) < 0.4
    log_odds = random.normal(size=200) + labels
    found = []
    for scale in (1.0, 0.01):
        scores = 1 / (1 + np.exp(-scale * log_odds))
        made = predictions(scores, labels)
        made = [p.model_copy(update={"split": "development"}) if i % 2 else p for i, p in enumerate(made)]
        found.append({f.metric: f.value for f in measure(made, Costs())})
    assert found[0]["brier"] == pytest.approx(found[1]["brier"], abs=1e-4)
    assert found[0]["calibration_slope"] == pytest.approx(found[1]["calibration_slope"], rel=1e-2)


def test_figures_have_intervals_and_are_of_all_who_were_asked():
    labels = np.arange(40) % 2 == 0
    made = predictions(labels * 0.5 + 0.2, labels, quotes=2, verified_quotes=1, seconds=1.0)
    made[0] = made[0].model_copy(update={"churn_probability": None, "status": "abstained"})
    figures = {f.metric: f for f in measure(made, Costs())}
    assert (figures["answered"].n, figures["answered"].value) == (40, 39 / 40)
    assert figures["answered"].low < 39 / 40 < figures["answered"].high < 1
    assert figures["abstained"].value == 1 / 40
    assert (figures["verified_quotes"].low, figures["verified_quotes"].high) == (0.5, 0.5)
    assert figures["area_under_risk_coverage"].low <= figures["area_under_risk_coverage"].high


def test_money_is_what_tokens_cost():
    made = predictions([0.2, 0.8], [False, True], model="x", prompt_tokens=1000, output_tokens=100)
    [money] = [f.value for f in measure(made, Costs(), prices={"x": (2.0, 10.0)}) if f.metric == "money_each"]
    assert money == pytest.approx((1000 * 2 + 100 * 10) / 1e6)


def test_a_file_of_a_run_that_is_broken_is_named(cli, finished):
    (finished / "run.json").write_text("{")
    result = cli("eval", "report", finished, "-o", finished / "r.html")
    assert result.code == 2
    assert "run.json is not a log of this version" in result.err
    (finished / "predictions.jsonl").write_bytes(b"\xff\xfe\n")
    assert "predictions.jsonl:1 is not a line of a run" in cli("eval", "compare", finished).err


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
