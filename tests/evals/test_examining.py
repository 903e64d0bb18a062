"""Each planted fault is found, and a clean set passes."""

import csv
from datetime import date, timedelta

import numpy as np
import pytest

from churn_agent.evals.checks import examining
from churn_agent.evals.sets.labelled import find_set
from churn_agent.models.base import LabelScores
from churn_agent.models.scripted import ScriptedModel
from churn_agent.settings import Settings

WORDS = "the order came late again and nobody could tell me when my refund will be here this week or next".split()
AS_OF = date(2026, 3, 1)


def write(folder, rows, labels):
    folder.mkdir(parents=True, exist_ok=True)
    for name, header, table in (
        ("interactions.csv", ("customer_id", "timestamp", "channel", "text"), rows),
        ("labels.csv", ("customer_id", "as_of", "churned"), labels),
    ):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *table])


def clean(n=300, seed=0):
    """Churn shows in how long customers have been silent, and nowhere else."""
    random = np.random.default_rng(seed)
    rows, labels = [], []
    for i in range(n):
        id_ = f"k{random.integers(10**6, 10**7)}{i:03}"
        churned = bool(random.random() < 0.37)
        silent = int(random.integers(0, 60) + 40 * churned)
        for days in (silent, silent + int(random.integers(5, 90))):
            at = AS_OF - timedelta(days=days)
            rows.append((id_, f"{at}T10:{i % 60:02}", "chat", " ".join(random.permutation(WORDS)[:12])))
        labels.append((id_, AS_OF, int(churned)))
    return rows, labels


def outcome_in_records(rows, labels):
    gone = {id_ for id_, _, churned in labels if churned}
    return rows + [(id_, f"{AS_OF}T01:00", "event", "Account closed.") for id_ in sorted(gone)[::2]], labels


def dates_after_as_of(rows, labels):
    gone = {id_ for id_, _, churned in labels if churned}
    return [(i, t, c, f"{x} since 2026-04-02" if i in gone else x) for i, t, c, x in rows], labels


def numbered_by_outcome(rows, labels):
    order = sorted(labels, key=lambda row: row[2])
    new = {row[0]: f"c{n:05}" for n, row in enumerate(order)}
    return [(new[row[0]], *row[1:]) for row in rows], [(new[row[0]], *row[1:]) for row in labels]


def same_words(rows, labels):
    return [(i, t, c, "please tell me when the parcel I ordered will come") for i, t, c, _ in rows], labels


def same_customers(rows, labels):
    twin = {row[0]: f"z{row[0]}" for row in labels[:100]}
    return (
        rows + [(twin[row[0]], *row[1:]) for row in rows if row[0] in twin],
        labels + [(twin[row[0]], *row[1:]) for row in labels[:100]],
    )


def few(rows, labels):
    kept = {row[0] for row in labels[:30]}
    return [row for row in rows if row[0] in kept], labels[:30]


def round_base_rate(rows, labels):
    gone, stayed = ([row for row in labels if row[2] == outcome] for outcome in (1, 0))
    chosen = gone[:20] + stayed[:180]
    kept = {row[0] for row in chosen}
    return [row for row in rows if row[0] in kept], chosen


def shuffled(rows, labels):
    random = np.random.default_rng(3)
    outcomes = random.permutation([row[2] for row in labels])
    return rows, [(id_, day, int(o)) for (id_, day, _), o in zip(labels, outcomes, strict=True)]


def examine(tmp_path, rows, labels, **options):
    write(tmp_path / "planted", rows, labels)
    labelled = find_set("planted", near=tmp_path)
    with labelled.open(tmp_path / "s", Settings.load()) as agent:
        return examining.examine(labelled, agent, **options)


@pytest.mark.slow
def test_a_clean_set_passes(tmp_path):
    assert examine(tmp_path, *clean()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plant", "check", "weight"),
    [
        (outcome_in_records, "outcome in the text", "fault"),
        (dates_after_as_of, "later than as_of", "fault"),
        (numbered_by_outcome, "identifiers predict", "fault"),
        (same_words, "duplicates over splits", "fault"),
        (same_customers, "duplicate customers", "fault"),
        (few, "too small", "warning"),
        (round_base_rate, "base rate set by hand", "warning"),
        (shuffled, "nothing to find", "fault"),
    ],
)
def test_a_planted_fault_is_found(tmp_path, plant, check, weight):
    found = examine(tmp_path, *plant(*clean()))
    assert (check, weight) in {(finding.check, finding.weight) for finding in found}


class Parrot(ScriptedModel):
    """Continues every text as it goes on, or has never seen any."""

    def __init__(self, knows):
        super().__init__()
        self.knows = knows

    def score_labels(self, requests):
        for request in requests:
            own, copy = request.questions[0].labels
            yield LabelScores(request.id, {"end": {own: -0.1 if self.knows else -40.0, copy: -50.0}})


def test_a_set_that_the_model_knows_by_heart_is_found(tmp_path):
    rows, labels = clean(60)
    assert "memorised" in {f.check for f in examine(tmp_path, rows, labels, model=Parrot(knows=True))}


def test_a_set_that_the_model_has_never_seen_is_not(tmp_path):
    rows, labels = clean(60)
    assert "memorised" not in {f.check for f in examine(tmp_path, rows, labels, model=Parrot(knows=False))}


@pytest.mark.slow
def test_a_difference_that_was_asked_for_and_cannot_be_shown_is_a_fault(tmp_path):
    rows, labels = clean(300)
    found = {(f.check, f.weight) for f in examine(tmp_path, rows, labels, delta=0.02)}
    assert ("too small", "fault") in found
    found = {(f.check, f.weight) for f in examine(tmp_path, rows, labels, limit=40)}
    assert ("too small", "warning") in found


@pytest.mark.slow
def test_outcomes_in_answers_of_the_company_are_found(tmp_path):
    folder, (rows, labels) = tmp_path / "told", clean()
    write(folder, rows, labels)
    churned = {customer for customer, _, outcome in labels if int(outcome)}
    told = [
        (customer, f"{AS_OF - timedelta(days=1)}", "chat", "outbound", "Your account was closed as you wished.")
        for customer in sorted(churned)
    ]
    with (folder / "interactions.csv").open("w", newline="", encoding="utf-8") as file:
        header = ("customer_id", "timestamp", "channel", "direction", "text")
        csv.writer(file).writerows([header, *((c, t, ch, "inbound", x) for c, t, ch, x in rows), *told])
    labelled = find_set(str(folder), near=tmp_path)
    with labelled.open(tmp_path / "store", Settings.load()) as agent:
        found = examining.examine(labelled, agent)
    assert ("outcome in the text", "fault") in {(f.check, f.weight) for f in found}


@pytest.mark.slow
def test_the_command_leaves_with_3_on_faults(cli, tmp_path):
    write(tmp_path / "bad", *numbered_by_outcome(*clean()))
    result = cli("eval", "doctor", tmp_path / "bad")
    assert result.code == 3
    assert "identifiers predict" in result.out
    write(tmp_path / "good", *clean())
    result = cli("eval", "doctor", tmp_path / "good")
    assert (result.code, result.out) == (0, "good: no problems found\n")
