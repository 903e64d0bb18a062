from datetime import date

import pytest

from churn_agent.batch.cascade import Top
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.domain.assessment import Citation
from churn_agent.domain.snapshot import Card
from churn_agent.history import book, runs
from churn_agent.reports.portfolio.building import build, find_owner, owners, read
from churn_agent.reports.portfolio.cards import _event
from churn_agent.reports.portfolio.phrases import head
from tests.conftest import interaction

from .conftest import LEAVES, open_agent, quoting


@pytest.fixture
def agent(store):
    with open_agent(store) as opened:
        yield opened


def latest(agent):
    return runs.find(agent.history, "latest")


def test_customers_are_ranked_by_what_is_at_risk(agent):
    found = build(agent.store, latest(agent), capacity=2)
    at_risk = [account.at_risk for account in found.accounts if account.at_risk is not None]
    assert at_risk == sorted(at_risk, reverse=True)
    assert [account.rank for account in found.accounts] == [1, 2, 3, 4, 5, 6]
    assert {a.assessment.customer_id: a.yearly_value for a in found.accounts}["c-6"] is None
    assert found.as_of == date(2026, 3, 1)
    assert all(account.assessment.band in ("high", "medium") for account in found.to_call)


@pytest.mark.parametrize("value", ["-9000", "unknown"])
def test_a_negative_value_ranks_as_an_unknown_one_and_risk_decides(agent, tmp_path, value):
    (tmp_path / "v.csv").write_text("customer_id,yearly_value\n" + "".join(f"c-{n},{value}\n" for n in range(1, 7)))
    agent.ingest([], customers=tmp_path / "v.csv")
    made = build(agent.store, latest(agent))
    assert {account.yearly_value for account in made.accounts} == {None}
    assert {account.at_risk for account in made.accounts} == {None}
    numbers = [account.number for account in made.accounts]
    assert numbers == sorted(numbers, reverse=True)


def test_a_value_counts_as_often_as_its_period_comes_in_a_year(agent, tmp_path):
    periods = "month", "vierteljährlich", "Term", "course", "", "1 year"
    rows = [f"c-{n},100,{period}" for n, period in enumerate(periods, start=1)]
    (tmp_path / "v.csv").write_text("\n".join(["customer_id,fee,fee_period", *rows]))
    agent.ingest([], customers=tmp_path / "v.csv")
    card = agent.store.card.model_copy(
        update={"value_attribute": "fee", "value_period_attribute": "fee_period", "value_periods": {"term": 3}}
    )
    with agent.history.begin() as connection:
        book.set_card(connection, card)
    made = {account.assessment.customer_id: account for account in read(agent.store, latest(agent))}
    assert [made[f"c-{n}"].yearly_value for n in range(1, 7)] == [1200, 400, 300, None, None, 100]
    assert (made["c-4"].left_out, made["c-5"].left_out) == (("100 course",), ("100",))


def test_among_customers_of_equal_value_at_risk_the_riskier_come_first(agent, tmp_path):
    (tmp_path / "v.csv").write_text("customer_id,yearly_value\n" + "".join(f"c-{n},0\n" for n in range(1, 7)))
    agent.ingest([], customers=tmp_path / "v.csv")
    numbers = [account.number for account in build(agent.store, latest(agent)).accounts]
    assert numbers == sorted(numbers, reverse=True)


def test_a_refund_does_not_lower_the_rank_of_who_leaves(tmp_path):
    rows = [
        "customer_id,timestamp,channel,direction,amount,text",
        "big,2024-12-01,order,inbound,9000,yearly order",
        "big,2025-12-10,refund,outbound,-9000,refund of the yearly order",
        f"big,2025-12-20,chat,inbound,,{LEAVES}",
        "small,2025-12-10,order,inbound,5,sticker",
        "small,2025-12-20,chat,inbound,,All is fine with the app today",
    ]
    (tmp_path / "r.csv").write_text("\n".join(rows))
    with open_agent(tmp_path / "refunds", quoting(LEAVES)) as agent:
        agent.ingest([tmp_path / "r.csv"])
        run_batch(agent, tmp_path / "r.jsonl", BatchSpec())
        made = build(agent.store, latest(agent))
    assert [account.assessment.customer_id for account in made.accounts] == ["big", "small"]
    assert not any(account.at_risk is not None and account.at_risk < 0 for account in made.accounts)


def test_capacity_counts_customers_at_risk_wherever_they_stand(agent):
    everybody = build(agent.store, latest(agent), capacity=100)
    risky = [a.rank for a in everybody.accounts if a.assessment.band in ("high", "medium")]
    assert [a.rank for a in everybody.to_call] == risky
    noticed = [a.rank for a in everybody.notice_given]
    warned = [rank for rank in risky if rank not in noticed]
    assert noticed
    assert warned
    assert [a.rank for a in build(agent.store, latest(agent), capacity=1).early_warnings] == warned[:1]
    assert build(agent.store, latest(agent), capacity=0).early_warnings == []


def test_the_timeline_marks_what_is_cited(agent):
    [account] = [a for a in build(agent.store, latest(agent)).accounts if a.assessment.customer_id == "c-1"]
    first = account.timeline[0]
    assert (first.day, first.cited) == (date(2026, 2, 10), True)
    assert first.pieces == [(LEAVES, True)]
    assert not any(event.cited for event in account.timeline[1:])
    assert [day for day, _ in account.earlier] == [date(2026, 1, 15)]


def test_pieces_of_a_text_are_marked_once_and_long_rests_cut():
    def cited(start, end, *, verified=True):
        return Citation(
            interaction_id="1", label="E1", quote="q", occurred_at=interaction().occurred_at, verified=verified,
            start=start, end=end,
        )  # fmt: skip

    text = "I leave you. Bye now. " + "x" * 500
    event = _event(
        interaction(text=text), [cited(13, 21), cited(0, 12), cited(2, 7), cited(30, 40, verified=False)], Card()
    )
    assert event.pieces[:4] == [
        ("I leave you.", True),
        (" ", False),
        ("Bye now.", True),
        (" " + "x" * 399 + " …", False),
    ]
    assert _event(interaction(text="short"), [], Card()).pieces == [("short", False)]


def test_an_owner_sees_their_customers_alone(agent):
    accounts = read(agent.store, latest(agent))
    assert owners(accounts) == ["Ana", "Ben"]
    found = build(agent.store, latest(agent), owner=find_owner(accounts, "ana", agent.store.card))
    assert {a.owner for a in found.accounts} == {"Ana"}


def test_cards_are_for_the_first(agent):
    found = build(agent.store, latest(agent), cards=2)
    assert [account.timeline is not None for account in found.accounts] == [True, True, False, False, False, False]


def test_drivers_count_customers_and_their_value(agent):
    drivers = {each.concept: each for each in build(agent.store, latest(agent)).drivers}
    assert drivers["leaving_announced"].customers == 1
    assert drivers["leaving_announced"].yearly_value == 100
    assert drivers["recency"].statement == "Has been inactive for a long time."


def test_the_head_says_that_scores_are_no_probabilities_and_who_moved(agent):
    found = build(agent.store, latest(agent))
    said = " ".join(head(found))
    assert "not probabilities" in said
    assert "entered high risk" in said
    assert found.value_at_risk is None


def test_amounts_stand_in_for_a_value_that_no_attribute_names(agent, tmp_path):
    (tmp_path / "plain.yaml").write_text("company: Acme\n")
    (tmp_path / "more.csv").write_text(
        "customer_id,timestamp,channel,text,amount\nc-2,2025-09-01,order,tea,30\nc-2,2024-01-01,order,tea,500\n"
    )
    agent.ingest([tmp_path / "more.csv"], card=tmp_path / "plain.yaml")
    found = {a.assessment.customer_id: a.yearly_value for a in build(agent.store, latest(agent)).accounts}
    assert (found["c-2"], found["c-1"]) == (30, None)


def test_who_was_only_screened_comes_after_those_who_were_assessed(agent, tmp_path):
    run_batch(agent, tmp_path / "c.jsonl", BatchSpec(as_of=date(2026, 3, 1), top=Top(count=2)))
    found = build(agent.store, latest(agent))
    assert [account.number is None for account in found.accounts] == [False, False, True, True, True, True]
    assert found.counted("screened") == 4
    assert "2 were assessed in full" in " ".join(head(found))


def report_on(store, tmp_path, header, *rows, **card):
    (tmp_path / "people.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    with open_agent(store) as agent:
        now = agent.store.card.model_copy(update=card)
        with agent.history.begin() as connection:
            book.set_card(connection, now)
        agent.ingest([], customers=tmp_path / "people.csv")
        built = build(agent.store, latest(agent))
    return {account.assessment.customer_id: account for account in built.accounts}, head(built)


def test_values_in_other_currencies_are_in_no_sum_and_named(store, tmp_path):
    rows = "c-1,100,USD", "c-2,200,€", "c-3,300,EUR"
    by_id, lines = report_on(store, tmp_path, "customer_id,yearly_value,deal_currency", *rows)
    assert [by_id[f"c-{n}"].yearly_value for n in (1, 2, 3)] == [None, 200, 300]
    assert "Amounts of 1 customer are in other currencies or not one number, and are not in any sum: USD 100." in lines


def test_without_a_currency_on_the_card_the_most_frequent_one_counts(store, tmp_path):
    rows = "c-1,100,USD", "c-2,200,USD", "c-3,300,EUR"
    header = "customer_id,yearly_value,yearly_value_currency"
    by_id, _ = report_on(store, tmp_path, header, *rows, currency="")
    assert [by_id[f"c-{n}"].yearly_value for n in (1, 2, 3)] == [100, 200, None]


def test_a_contract_in_two_currencies_is_named(store, tmp_path):
    rows = "c-1,100,USD", "c-1,50,EUR"
    header = "customer_id,yearly_value,currency"
    by_id, lines = report_on(store, tmp_path, header, *rows, combine={"yearly_value": "sum"})
    assert by_id["c-1"].yearly_value is None
    assert any(line.endswith("not in any sum: USD 100 + EUR 50.") for line in lines)


def test_paid_amounts_in_other_currencies_are_named(store, tmp_path):
    rows = (
        "customer_id,timestamp,channel,text,amount,currency",
        "c-1,2026-02-02,order,tea,70,USD",
        "c-1,2026-02-03,order,tea,5,EUR",
    )
    (tmp_path / "orders.csv").write_text("\n".join(rows), encoding="utf-8")
    with open_agent(store) as agent:
        agent.ingest(tmp_path / "orders.csv")
    by_id, lines = report_on(store, tmp_path, "customer_id,owner", "c-1,Ana", value_attribute=None)
    assert by_id["c-1"].yearly_value == 5
    assert any(line.endswith("not in any sum: USD 70.") for line in lines)


def test_the_next_of_several_renewals_is_reported(store, tmp_path):
    rows = "c-1,2025-04-01", "c-1,2026-08-01", "c-1,2026-05-01"
    by_id, _ = report_on(store, tmp_path, "customer_id,renewal_date", *rows)
    assert by_id["c-1"].days_to_renewal == 61
