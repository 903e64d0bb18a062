"""Audits: the draw and its weights, the marks of two people, and shares with exact intervals."""

import csv
import io
from datetime import UTC, date, datetime

import numpy as np
import pytest

from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.errors import FileFormatError, InputError
from churn_agent.history import audits
from churn_agent.history.audits import AuditCard
from churn_agent.measuring import metrics
from churn_agent.outcomes import auditing
from churn_agent.outcomes.audit_marks import import_marks
from churn_agent.reports.audit import phrases, sheet
from churn_agent.reports.language import speaking
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.portfolio.phrases import head
from tests.lookback import small_book


@pytest.fixture
def agent(tmp_path):
    with small_book.make(tmp_path / "book", model=small_book.Counting()) as opened:
        run_batch(opened, tmp_path / "batch.jsonl", BatchSpec(as_of=date(2026, 2, 5)))
        yield opened


def rows_of(agent, drawn):
    return list(csv.DictReader(io.StringIO(sheet.to_csv(agent.store, drawn).removeprefix("\ufeff"), newline="")))


def marked(tmp_path, rows, mark, *, name="marks.csv", delimiter=",", encoding="utf-8"):
    """The file as a person fills it in: `mark` says what is written into a row."""
    path = tmp_path / name
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows({**row, "mark": mark(row)} for row in rows)
    return path


def all_right(row):
    return "none" if row["item"] == "missed" else "right"


def test_equal_weights_give_the_interval_of_clopper_and_pearson():
    parts = np.array([1.0] * 44 + [0.0] * 6)
    weighted, exact = metrics.weighted_share(parts, np.full(50, 3.5)), metrics.share(44, 50)
    assert (weighted.value, weighted.low, weighted.high) == pytest.approx((exact.value, exact.low, exact.high))
    for hits in (0, 50):
        whole = metrics.weighted_share(np.array([1.0] * hits + [0.0] * (50 - hits)), np.ones(50))
        assert (whole.low, whole.high) == pytest.approx((metrics.share(hits, 50).low, metrics.share(hits, 50).high))


def test_unequal_weights_widen_the_interval():
    parts, weights = np.array([1.0, 1, 1, 0] * 5), np.array([9.0, 1, 1, 1] * 5)
    weighted, plain = metrics.weighted_share(parts, weights), metrics.weighted_share(parts, np.ones(20))
    assert weighted.value == pytest.approx(11 / 12)
    assert metrics.effective_size(weights) < 20
    assert weighted.high - weighted.low > plain.high - plain.low


def test_kappa_is_that_of_the_textbook():
    first = np.array([True] * 25 + [False] * 25)
    second = np.array([True] * 20 + [False] * 5 + [True] * 10 + [False] * 15)
    assert metrics.kappa(first, second) == pytest.approx(0.4)
    assert np.isnan(metrics.kappa(first[:20], second[:20]))


def test_weights_add_up_to_the_run_and_the_same_call_draws_the_same_cards(agent):
    drawn = auditing.draw(agent.store, n=12)
    assert len(drawn.cards) == 12
    assert sum(card.weight for card, _ in drawn.cards) == pytest.approx(drawn.of)
    again = auditing.draw(agent.store, n=12)
    assert [card.customer_id for card, _ in again.cards] == [card.customer_id for card, _ in drawn.cards]
    assert len(audits.all_cards(agent.store.history)) == 12
    other = auditing.draw(agent.store, n=12, seed=1)
    assert {card.customer_id for card, _ in other.cards} != {card.customer_id for card, _ in drawn.cards}


def test_small_strata_get_more_places_than_their_share():
    places = auditing._places({"high": 4, "medium": 40, "low": 400}, 50)
    assert places.total() == 50
    assert places["high"] == 4
    assert places["low"] < 50 * 400 / 444
    assert auditing._places({"high": 2, "low": 3}, 50) == {"high": 2, "low": 3}


def card(number, *, weight=1.0, reasons=1, marks=None):
    return AuditCard(
        "a", f"c-{number}", datetime(2026, 3, 1, tzinfo=UTC), "r", number, "low", weight, reasons, ["r1"], 1, marks
    )


def marks(reasons=None, actions=None, missed=None):
    return audits.Marks(reasons or {}, actions or {}, missed)


def measured(agent, *cards):
    run = agent.store.run("latest")
    return auditing._measured(agent.store, "a", [AuditCard(**{**vars(each), "run_id": run.id}) for each in cards])


def test_people_who_disagree_count_half_each(agent):
    found = measured(
        agent,
        card(1, marks={"ana": marks({"r1": "right"}), "ben": marks({"r1": "wrong"})}),
        card(2, marks={"ana": marks({"r1": "right"}), "ben": marks({"r1": "right"})}),
    )
    assert found.cards_right.value == found.reasons_right.value == pytest.approx(0.75)
    assert (found.cards_right.cards, found.agreement[0].items, found.agreement[0].same) == (2, 2, 0.5)


def test_unclear_marks_and_cards_nobody_looked_at_do_not_count(agent):
    found = measured(
        agent,
        card(1, marks={"ana": marks({"r1": "unclear"})}),
        card(2, marks={"ana": marks({"r1": "right", "r2": "wrong"}, missed=["price"])}, reasons=2),
        card(3, marks={}),
    )
    assert (found.drawn, found.marked, found.cards_right.cards) == (3, 2, 1)
    assert found.cards_right.value == 0
    assert found.reasons_right.value == 0.5
    assert (found.quoted_right.value, found.quoted_right.items) == (1, 1)  # r2 quotes nobody
    assert found.actions_right is None
    assert found.missed == {"price": 1}


def test_marks_of_one_kind_alone_say_that_kappa_cannot_tell(agent):
    both = {"ana": marks({"r1": "right"}), "ben": marks({"r1": "right"})}
    found = measured(agent, card(1, marks=both), card(2, marks=both))
    assert found.agreement[0].kappa is None
    assert "cannot tell" in phrases.lines(found)[-1]


def test_two_people_mark_and_the_next_report_says_so(agent, tmp_path):
    drawn = auditing.draw(agent.store, n=10)
    rows = rows_of(agent, drawn)
    # A spreadsheet in German saves semicolons.
    import_marks(agent.store, marked(tmp_path, rows, all_right, delimiter=";", encoding="utf-8-sig"), person="ana")
    first_reason = next(row for row in rows if row["item"] == "r1")
    ben = marked(tmp_path, rows, lambda row: "falsch" if row is first_reason else all_right(row))
    done = import_marks(agent.store, ben, person="ben")
    assert (done.cards, done.marks) == (10, len(rows))
    found = auditing.audit(agent.store)
    assert found.people == ["ana", "ben"]
    assert found.cards_right.value < 1
    assert found.agreement[0].items == sum(row["item"] != "missed" for row in rows)
    [line] = [line for line in head(build(agent.store, agent.store.run("latest"))) if line.startswith("Audit of")]
    assert "reasons right on" in line
    assert "another model" not in line
    with speaking("de"):
        assert "Prüfung" in phrases.head_line(found, current=False)


def test_an_import_again_replaces_the_marks_of_that_person(agent, tmp_path):
    rows = rows_of(agent, auditing.draw(agent.store, n=5))
    import_marks(
        agent.store, marked(tmp_path, rows, lambda row: "none" if row["item"] == "missed" else "wrong"), person="ana"
    )
    import_marks(agent.store, marked(tmp_path, rows, all_right), person="ana")
    assert auditing.audit(agent.store).cards_right.value == 1


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("card", "99", "'99'"),
        ("audit", "nope", "'nope'"),
        ("item", "r9", "'r9'"),
        ("mark", "perhaps", "'perhaps'"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_stored(agent, tmp_path, column, value, named):
    rows = [row for row in rows_of(agent, auditing.draw(agent.store, n=5)) if row["item"] != "missed"]
    filled = [{**row, "mark": "right"} for row in rows]
    filled[-1][column] = value
    path = marked(tmp_path, filled, lambda row: row["mark"])
    with pytest.raises(FileFormatError, match=named):
        import_marks(agent.store, path, person="ana")
    assert auditing.audit(agent.store) is None


def test_an_unknown_signal_is_refused_with_the_known_ones(agent, tmp_path):
    rows = rows_of(agent, auditing.draw(agent.store, n=5))
    path = marked(tmp_path, rows, lambda row: "price, weather" if row["item"] == "missed" else "")
    with pytest.raises(FileFormatError, match="no signal 'weather'; choose from"):
        import_marks(agent.store, path, person="ana")


def test_a_forgotten_customer_keeps_the_figure_and_loses_the_name(agent, tmp_path):
    drawn = auditing.draw(agent.store, n=10)
    rows = rows_of(agent, drawn)
    import_marks(agent.store, marked(tmp_path, rows, all_right), person="ana")
    before = auditing.audit(agent.store)
    gone = drawn.cards[0][0].customer_id
    agent.store.forget(gone)
    after = auditing.audit(agent.store)
    assert after.cards_right == before.cards_right
    assert gone not in {each.customer_id for each in audits.all_cards(agent.store.history)}
    done = import_marks(agent.store, marked(tmp_path, rows, all_right), person="ben")
    assert done.forgotten == 1


def test_an_audit_of_another_prompt_is_said_to_be_one(agent, tmp_path):
    import_marks(agent.store, marked(tmp_path, rows_of(agent, auditing.draw(agent.store, n=5)), all_right), person="a")
    found = auditing.audit(agent.store)
    assert "another model" in phrases.head_line(found, current=False)


def test_a_run_without_assessed_customers_is_refused(tmp_path, agent):
    with pytest.raises(InputError, match="no audit 'x'"):
        auditing.audit(agent.store, "x")
