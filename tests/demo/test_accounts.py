"""The demo company's accounts: leavers of each kind, real-looking texts, and a churn that words and facts rank in part."""

import csv
import re
from datetime import date, timedelta
from statistics import mean

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from churn_agent.content.care import load_care
from churn_agent.demo import letters
from churn_agent.demo.accounts import example, simulate
from churn_agent.demo.state import AS_OF, HORIZON_DAYS
from churn_agent.demo.writing import write_book
from churn_agent.evidence.kind_of_book import kind_of

BY_SYSTEMS = {"invoice", "newsletter"}


@pytest.fixture(scope="module")
def accounts():
    return list(simulate(400, seed=7))


def given(account):
    return account.notice_on is not None and account.notice_on <= AS_OF < account.left_on


def former(account):
    return account.left_on is not None and account.left_on <= AS_OF


def words_of(account):
    return [event for event in account.events if event.theme]


def logins(account):
    return [week.values["logins"] for week in account.measurements]


def test_the_same_seed_gives_the_same_accounts_and_a_larger_book_begins_alike():
    first, again, larger = (list(simulate(n, seed=3)) for n in (20, 20, 30))
    assert first == again == larger[:20]
    assert first != list(simulate(20, seed=4))


def test_every_kind_of_leaver_is_in_the_book(accounts):
    n = len(accounts)
    silent = [one for one in accounts if given(one) and all(event.theme != "notice" for event in one.events)]
    to_come = [one for one in accounts if one.notice_on and one.notice_on > AS_OF]
    assert 0.02 < sum(map(former, accounts)) / n < 0.12
    assert 0.04 < sum(map(given, accounts)) / n < 0.15
    assert 0.04 < len(to_come) / n < 0.2
    assert silent
    assert any(event.theme == "retraction" for one in accounts if not one.churned for event in one.events)
    assert all(one.notice_on is None or one.notice_on <= AS_OF + timedelta(days=HORIZON_DAYS + 7) for one in accounts)


def test_leaving_follows_the_contract(accounts):
    left = [one for one in accounts if one.left_on]
    assert all((one.left_on - one.notice_on).days >= 30 for one in left)
    assert all(
        max(event.at.date() for event in one.events) <= min(one.left_on, AS_OF) + timedelta(days=9) for one in left
    )
    yearly = [one for one in accounts if one.attributes["contract"] == "12 months" and not one.left_on]
    assert all(0 < (date.fromisoformat(one.attributes["renewal_date"]) - AS_OF).days <= 365 for one in yearly)


def test_usage_falls_before_an_account_leaves(accounts):
    def change(one):
        weeks = logins(one)
        return sum(weeks[-4:]) / max(sum(weeks[-16:-4]) / 3, 1)

    long = [one for one in accounts if len(one.measurements) >= 20]
    assert mean(change(one) for one in long if given(one)) < 0.85
    stay = mean(change(one) for one in long if not one.churned)
    assert mean(change(one) for one in long if one.churned and one.notice_on > AS_OF) < stay - 0.04


def test_one_account_in_two_hundred_needs_care_and_none_of_them_leaves(accounts):
    bereaved = [one for one in accounts if any(event.theme == "care" for event in one.events)]
    assert [one.customer_id for one in bereaved] == ["c-161", "c-361"]
    assert not any(one.churned for one in bereaved)
    rules = load_care()
    assert all(
        "death" in rules.kinds_of(event.text) for one in bereaved for event in one.events if event.theme == "care"
    )
    others = [event for one in accounts for event in words_of(one) if event.theme != "care"]
    assert not [event.text for event in others if rules.kinds_of(event.text)]


def test_texts_are_varied_and_complete(accounts):
    said = [event.text for one in accounts for event in one.events if event.channel not in BY_SYSTEMS]
    assert len(set(said)) / len(said) >= 0.75
    mails = [event.text for one in accounts for event in one.events if event.theme and event.channel == "email"]
    assert len(set(mails)) / len(mails) >= 0.9
    assert not [text for text in said if re.search(r"[{}]|  |\bNone\b|\.\.(?!\.)", text)]
    assert not [text for text in mails if re.search(r"\n\n[a-z]", text) and not text.startswith(("Hallo", "Guten"))]


def test_every_message_of_the_data_is_written_by_somebody(accounts):
    texts = letters.load()
    lines = {one if isinstance(one, str) else one[0] for messages in texts.themes.values() for one in messages["en"]}
    said = "\n".join(event.text.casefold() for one in accounts for event in words_of(one))
    unused = [line for line in lines if max(re.split(r"\{\w+\}", line.casefold()), key=len).strip() not in said]
    assert len(unused) <= len(lines) / 20, unused


def test_some_accounts_write_german(accounts):
    german = [one for one in accounts if one.language == "de"]
    assert 0.08 < len(german) / len(accounts) < 0.25
    assert {one.attributes["country"] for one in german} == {"Germany", "Austria"}


def test_colleagues_answer_and_a_newsletter_goes_to_everybody(accounts):
    answers = [event for one in accounts for event in one.events if event.direction == "outbound"]
    staff = {*letters.load().owners, *letters.load().support}
    assert {event.author for event in answers if event.channel in ("email", "ticket", "chat")} <= staff
    assert all(event.speaker == "machine" for event in answers if event.channel == "newsletter")


@pytest.mark.slow
@pytest.mark.parametrize(("told_by", "most"), [("words", 0.85), ("facts", 0.93)])
def test_words_and_facts_rank_the_leavers_and_do_not_give_them_away(told_by, most):
    """Among those who have not given notice; the day of the renewal says much, as it does under contracts."""
    book = [one for one in simulate(1500, seed=7) if not (given(one) or former(one))]
    churned = [one.churned for one in book]
    if told_by == "words":
        rows = [" ".join(event.text for event in words_of(one)) for one in book]
        model = make_pipeline(TfidfVectorizer(min_df=3, ngram_range=(1, 2), sublinear_tf=True), LogisticRegression())
    else:
        rows = [facts(one) for one in book]
        model = HistGradientBoostingClassifier(max_depth=3, learning_rate=0.05, max_iter=80)
    ranked = cross_val_predict(model, rows, churned, cv=5, method="predict_proba")[:, 1]
    assert 0.6 <= roc_auc_score(churned, ranked) <= most


def facts(one):
    weeks = logins(one)
    seats = [week.values["seats"] for week in one.measurements]
    late = [event for event in one.events if event.channel == "invoice" and event.paid is None]
    return [
        sum(weeks[-4:]) / max(sum(weeks[-16:-4]), 1),
        sum(weeks[-4:]) / seats[-1],
        seats[-1] / seats[0],
        (date.fromisoformat(one.attributes["renewal_date"]) - AS_OF).days,
        one.attributes["contract"] == "12 months",
        len(late),
    ]


def test_the_account_that_is_shown_has_troubles_and_good_news_of_late(accounts):
    [shown] = [one for one in accounts if one.customer_id == example(accounts)]
    late = {event.theme for event in words_of(shown) if (AS_OF - event.at.date()).days <= 90}
    assert shown.language == "en"
    assert shown.notice_on is None
    assert len(late & {"angry", "fading", "price", "rival", "unresolved", "contact_left"}) >= 2
    assert late & {"growth", "praise", "solved"}


def test_a_book_of_accounts_is_read_with_contracts_usage_bills_and_outcomes(agent, tmp_path):
    write_book(tmp_path / "book", "software", 40)
    summary = agent.ingest([tmp_path / "book"])
    assert (summary.customers, summary.labels, summary.rejected) == (40, 40, 0)
    assert summary.measurements > 1000
    card = agent.store.card
    assert "SYNTHETIC" in card.note
    with (tmp_path / "book" / "interactions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert max(row["timestamp"][:10] for row in rows) <= AS_OF.isoformat()
    snapshot = agent.store.snapshot("c-101", as_of=AS_OF)
    assert kind_of(snapshot)[0] == "contract"
    assert {"name", "owner", "renewal_date", "monthly_value"} <= snapshot.attributes.keys()
    speakers = {row.channel: row.speaker for row in snapshot.interactions}
    assert speakers["newsletter"] == "machine"
    assert all(row.speaker == "company" for row in snapshot.interactions if row.author == snapshot.attributes["owner"])
