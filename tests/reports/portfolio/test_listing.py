import json
from datetime import date
from types import SimpleNamespace

import pytest

from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.domain.assessment import Promised
from churn_agent.history import runs
from churn_agent.history.feedback import Feedback
from churn_agent.reports.portfolio import phrases, rows
from churn_agent.reports.portfolio.building import build
from churn_agent.reports.portfolio.holdout import plan
from churn_agent.reports.portfolio.listing import decided, list_of, why_not_listed
from churn_agent.reports.portfolio.markdown import to_markdown

from .conftest import LEAVES, open_agent, quoting

DAY = date(2026, 3, 1)
ENDS = "I will cancel my contract by 31 May 2026"
GRIEF = "My husband passed away last week."


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    """Two who announce that they leave, one with an end; a mourner; a former one; one of whom nobody knows more; one who
    may not be called."""
    folder = tmp_path_factory.mktemp("lists")
    lines = ["customer_id,timestamp,channel,direction,author,text"]
    for id_ in ("soon", "open", "grief", "gone", "quiet", "no_call", "treated"):
        lines += [f"{id_},2025-{month}-10,order,inbound,,1 x tea" for month in ("09", "10")]
        lines.append(f"{id_},2025-11-01,mail,outbound,Ana,We wish you a good autumn")
        lines.append(f"{id_},2025-11-02,mail,inbound,,A question of {id_}")
    lines += [f"soon,2026-02-01,mail,inbound,,{ENDS}", f"open,2026-02-02,mail,inbound,,{LEAVES}"]
    lines += [f"grief,2026-02-03,mail,inbound,,{GRIEF}", f"gone,2026-02-03,mail,inbound,,{LEAVES}"]
    (folder / "rows.csv").write_text("\n".join(lines))
    table = "customer_id,status,do_not_call\n"
    table += "soon,active,no\nopen,active,\ngone,former,\nquiet,active,\nno_call,active,yes\ngrief,active,\n"
    (folder / "customers.csv").write_text(table)
    with open_agent(folder / "store", quoting(LEAVES, ENDS)) as opened:
        opened.ingest([folder / "rows.csv"], customers=folder / "customers.csv")
        opened.store.note_action("treated", "retention_call", date(2026, 2, 25))
        run_batch(opened, folder / "a.jsonl", BatchSpec(as_of=DAY))
        yield opened


def portfolio(agent, **options):
    return build(agent.store, runs.find(agent.history, "latest"), **options)


def ids(accounts):
    return [account.assessment.customer_id for account in accounts]


def test_who_gave_notice_and_who_is_a_warning_are_two_lists(agent):
    made = portfolio(agent)
    assert ids(made.notice_given) == ["soon", "open"]
    assert made.notice_given[0].ends_on == date(2026, 5, 31)
    assert ids(made.early_warnings) == ["quiet"]


def test_whoever_is_on_no_list_is_there_for_a_reason(agent):
    why = {account.assessment.customer_id: account.not_listed for account in portfolio(agent).accounts}
    assert why["gone"] == "former customer"
    assert why["no_call"] == "not to be called"
    assert why["treated"] == "contacted on 2026-02-25"
    assert "attention" in why["grief"]
    assert why["soon"] is why["open"] is why["quiet"] is None


def test_capacity_limits_the_warnings_and_not_the_notices(agent):
    made = portfolio(agent, capacity=0)
    assert ids(made.early_warnings) == []
    assert ids(made.notice_given) == ["soon", "open"] == sorted(ids(made.to_call), reverse=True)


def test_no_plan_draws_lots_about_customers_who_have_given_notice(agent):
    assigned = {one.customer_id for one in plan(portfolio(agent), share=0.5).assignments}
    assert assigned == {"quiet"}


def test_each_row_says_who_spoke_last_and_what_is_open(agent):
    by_id = {row["customer_id"]: row for row in rows.rows(portfolio(agent), {})}
    assert by_id["soon"]["list"] == "notice given"
    assert by_id["soon"]["ends_on"] == date(2026, 5, 31)
    assert (by_id["soon"]["last_contact_by"], by_id["soon"]["last_contact_on"]) == ("Ana", date(2025, 11, 1))
    assert by_id["soon"]["unanswered"] == 2
    assert by_id["gone"]["former"]
    assert by_id["quiet"]["list"] == "early warnings"


def test_no_data_file_says_who_needs_care(agent):
    made = portfolio(agent)
    for text in (rows.to_jsonl(made, {}), rows.to_csv(made, {})):
        assert "attention" not in text
        assert "passed away" not in text
    assert not {"care", "death"} & json.loads(rows.to_jsonl(made, {}).splitlines()[0]).keys()


def test_former_customers_come_last_and_count_in_no_band(agent):
    made = portfolio(agent)
    assert ids(made.accounts)[-1] == "gone"
    assert made.accounts[-1].assessment.band is None
    bands = [account.assessment.band for account in made.accounts if account.assessment.customer_id != "gone"]
    assert made.bands["high"] == bands.count("high")
    head = " ".join(phrases.head(made))
    assert "1 former customer is on no list" in head
    assert "too little is known" not in head


def test_markdown_has_both_lists(agent):
    text = to_markdown(portfolio(agent), {})
    assert "## Notice given (2)" in text
    assert "Ends on 2026-05-31" in text
    assert "## Early warnings: call first (1)" in text
    assert "gone" not in text


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"decision": "none"}, "nothing for now"),
        ({"verdict": "already known"}, "already known"),
        ({"decision": "retention_call"}, "an action is decided"),
        ({"verdict": "agree"}, None),
    ],
)
def test_what_a_manager_decided_takes_a_customer_off_the_lists_for_a_while(said, why):
    nobody = SimpleNamespace(former=None, care=(), promised=None)
    lately, long_ago = (Feedback(customer_id="c", as_of=day, **said) for day in (date(2026, 2, 20), date(2025, 12, 1)))
    assert why_not_listed(nobody, {}, None, decided([lately], DAY).get("c")) == why
    assert why_not_listed(nobody, {}, None, decided([long_ago], DAY).get("c")) is None


@pytest.mark.parametrize("concept", ["active_days", "days_to_renewal", "tenure"])
def test_under_a_contract_few_active_days_or_a_renewal_alone_are_no_reason_to_call(concept):
    few = SimpleNamespace(concept=concept, polarity="risk")
    other = SimpleNamespace(concept="price", polarity="risk")
    for reasons, bound, listed in (
        ([few], True, None),
        ([few], False, "early warnings"),
        ([few, other], True, "early warnings"),
        ([], False, None),
    ):
        record = SimpleNamespace(announced=None, reasons=reasons)
        assert list_of(record, None, worth_a_call=True, bound=bound) == listed


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"do_not_call": "yes"}, "not to be called"),
        ({"do_not_contact": "yes"}, "not to be contacted"),
        ({"opt_out_email": "yes"}, None),
        ({"may_email": "no", "may_call": "yes"}, None),
    ],
)
def test_the_list_of_calls_has_nobody_who_refuses_calls(attributes, why):
    nobody = SimpleNamespace(former=None, care=(), promised=None)
    assert why_not_listed(nobody, attributes, None, None) == why


@pytest.mark.parametrize(
    ("due", "why"),
    [
        (DAY, "promised for 2026-03-01 by Ana"),
        (date(2026, 2, 27), None),
        (date(2026, 3, 9), "promised for 2026-03-09 by Ana"),
    ],
)
def test_until_a_promise_is_due_somebody_is_on_the_case(due, why):
    record = SimpleNamespace(former=None, care=(), as_of=DAY, promised=Promised(due=due, by="Ana"))
    assert why_not_listed(record, {}, None, None) == why
