"""What is true of every record whatever its messages are, on records composed from readings without a model."""

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.domain.assessment import Assessment, ChurnProbability
from churn_agent.domain.interactions import Label
from churn_agent.history.records import rests_on, stripped
from churn_agent.reports import wording
from churn_agent.scoring.prior import log_odds
from churn_agent.scoring.verdict import ANNOUNCED, LEANING, MENTIONED, Number
from tests.assessing.records import TAXONOMY, record_of, said
from tests.conftest import AS_OF, examples, interaction, snapshot

NOTICE = "I hereby cancel my contract with you by 30 June 2026."
HARMLESS = ("Where can I download the invoice?", "Thanks, noted.", "Please change my address to 4 Lime Court.")
fast = settings(max_examples=examples(25), deadline=None)


def notice(n=0, days_ago=60, **more):
    row = interaction(n, days_ago=days_ago, text=NOTICE, **more)
    return row, said(row, 1.0, leaving_announced=0.95)


def harmless(days, leanings, first=1):
    """Later messages without a signal, and a login on each day."""
    rows, read = [], []
    for n, (day, leaning) in enumerate(zip(days, leanings, strict=False), start=first):
        row = interaction(n, days_ago=day, text=HARMLESS[n % 3])
        rows += [row, interaction(1000 + n, days_ago=day, channel="login", text="")]
        read.append(said(row, leaning))
    return rows, read


def test_an_announcement_is_shown_with_its_end_and_its_quote():
    row, read = notice()
    record = record_of([read], snapshot=snapshot(row))
    assert record.announced.stands
    assert record.announced.ends_on.isoformat() == "2026-06-30"
    assert record.band == "high"
    first = record.reasons[0]
    assert (first.concept, first.polarity) == ("leaving_announced", "risk")
    assert first.citations[0].quote == NOTICE
    assert "retention_call" in [action.playbook_id for action in record.actions]


@fast
@given(
    st.lists(st.integers(0, 59), max_size=30),
    st.lists(st.floats(-4, 0.5), min_size=30, max_size=30),
    st.integers(0, 40),
    st.sampled_from([None, "low", "medium", "high"]),
)
def test_no_harmless_message_and_no_login_lowers_an_announcement(days, leanings, logins, before):
    row, read = notice()
    alone = record_of([read], snapshot=snapshot(row))
    rows, more = harmless(days, leanings)
    rows += [interaction(2000 + n, days_ago=n % 60, channel="login", text="") for n in range(logins)]
    later = record_of([read, *more], snapshot=snapshot(row, *rows), band_before=before)
    assert later.announced.stands
    assert later.band == "high"
    assert later.churn_probability.shown >= alone.churn_probability.shown >= 0.65


def test_an_announcement_that_was_not_shown_to_the_model_again_stands():
    row, read = notice()
    earlier = record_of([read], snapshot=snapshot(row)).announced
    rows, more = harmless(range(12), [-1.0] * 12)
    later = record_of(more, snapshot=snapshot(row, *rows), earlier=earlier)
    assert later.announced == earlier
    assert later.band == "high"


def test_an_announcement_whose_message_is_gone_or_says_something_else_does_not_stand():
    row, read = notice()
    earlier = record_of([read], snapshot=snapshot(row)).announced
    other = interaction(0, days_ago=60, text="I never cancel my contract.")
    gone = interaction(5, days_ago=60, text=NOTICE)
    assert record_of([], snapshot=snapshot(other), earlier=earlier).announced is None
    assert record_of([], snapshot=snapshot(gone), earlier=earlier).announced is None


@pytest.mark.parametrize(
    "words",
    [
        "Please forget my cancellation, I'm staying.",
        "I'd like to withdraw my notice.",
        "We've changed our minds and want to stay with you.",
        "Ich nehme die Kündigung zurück.",
        "Bitte vergessen Sie meine Kündigung.",
        "Wir möchten nun doch bleiben.",
        "I don't want to cancel any more.",
    ],
)
def test_a_retraction_ends_it_and_the_card_says_so(words):
    row, read = notice()
    back = interaction(1, days_ago=5, text=words)
    record = record_of([read, said(back, -1.0)], snapshot=snapshot(row, back))
    assert record.announced.ended_on == AS_OF - timedelta(days=5)
    assert record.band != "high"
    ended = next(reason for reason in record.reasons if reason.concept == ANNOUNCED)
    assert "taken back" in ended.statement
    assert "leaving_announced" not in [reason.concept for reason in record.reasons]


@pytest.mark.parametrize(
    "words",
    [
        "You ignored my cancellation again!",
        "Why did you forget my cancellation?",
        "I'd like to stay with you if you lower the price.",
        "Ihr habt meine Kündigung ignoriert.",
        "Warum wurde meine Kündigung zurückgewiesen?",
        "I would not withdraw my notice for that.",
    ],
)
def test_what_only_sounds_like_a_retraction_ends_nothing(words):
    row, read = notice()
    later = interaction(1, days_ago=5, text=words)
    assert record_of([read, said(later, 0.3)], snapshot=snapshot(row, later)).announced.stands


@pytest.mark.parametrize(("signal", "leaning", "stands"), [("renewal", -1.0, False), ("loyalty", -1.0, False),
                                                          ("loyalty", 0.8, True), ("praise", -1.0, True),
                                                          ("problem_solved", -1.0, True)])  # fmt: skip
def test_a_later_wish_to_stay_ends_it_and_thanks_do_not(signal, leaning, stands):
    row, read = notice()
    later = interaction(1, days_ago=5, text="Some kind words of a customer")
    record = record_of([read, said(later, leaning, **{signal: 0.95})], snapshot=snapshot(row, later))
    assert record.announced.stands is stands


def test_a_second_announcement_after_a_retraction_stands_again():
    row, read = notice()
    back = interaction(1, days_ago=30, text="Please forget my cancellation.")
    again = interaction(2, days_ago=3, text="I cancel my contract after all.")
    messages = [read, said(back, -1.0), said(again, 1.0, leaving_announced=0.85)]
    record = record_of(messages, snapshot=snapshot(row, back, again))
    assert record.announced.stands
    assert record.announced.date == AS_OF - timedelta(days=3)


@pytest.mark.parametrize(
    ("strength", "leaning"), [(0.65, 1.0), (0.95, -0.1)], ids=["a weak reading", "a message that leans to staying"]
)
def test_what_is_not_plain_announces_nothing(strength, leaning):
    row, _ = notice()
    assert record_of([said(row, leaning, leaving_announced=strength)], snapshot=snapshot(row)).announced is None


def test_an_outcome_or_a_new_contract_ends_it():
    stayed = Label("c", (AS_OF - timedelta(days=59)).isoformat(), churned=False, horizon_days=30)
    plain = snapshot(interaction(0, days_ago=60, text="I hereby cancel my contract."))
    read = said(plain.interactions[0], 1.0, leaving_announced=0.95)
    assert not record_of([read], snapshot=snapshot(*plain.interactions, outcomes=(stayed,))).announced.stands
    new = {"contract_start": (AS_OF - timedelta(days=10)).isoformat()}
    assert not record_of([read], snapshot=snapshot(*plain.interactions, attributes=new)).announced.stands
    old = {"contract_start": (AS_OF - timedelta(days=400)).isoformat()}
    assert record_of([read], snapshot=snapshot(*plain.interactions, attributes=old)).announced.stands


def test_notice_in_the_outcomes_or_the_table_counts_without_words():
    row = interaction(0, days_ago=60, text=HARMLESS[0])
    given = Label("c", "2026-01-01", True, 90, left_on="2026-06-30", notice_on="2026-02-01")
    record = record_of([said(row, -1.0)], snapshot=snapshot(row, outcomes=(given,)))
    assert record.announced.ends_on.isoformat() == "2026-06-30"
    assert (record.band, record.former) == ("high", None)
    table = {"status": "Gekündigt", "end_date": "2026-04-30"}
    record = record_of([said(row, -1.0)], snapshot=snapshot(row, attributes=table))
    assert record.announced.ends_on.isoformat() == "2026-04-30"


@pytest.mark.parametrize(
    "known",
    [
        {"attributes": {"status": "Former customer"}},
        {"attributes": {"Status": "inaktiv"}},
        {"attributes": {"account status": "cancelled"}},
        {"attributes": {"status": "cancelled", "end_date": "2026-02-28"}},
        {"attributes": {"closed_date": "2026-02-01"}},
        {"outcomes": (Label("c", "2026-01-01", True, 30, left_on="2026-02-10"),)},
        {"outcomes": (Label("c", "2026-01-01", True, 30, kind="lost"),)},
    ],
)
def test_whoever_has_left_gets_no_number_and_no_action(known):
    row, read = notice()
    record = record_of([read], snapshot=snapshot(row, **known))
    assert record.former
    assert (record.status, record.status_reason) == ("abstained", "a former customer")
    assert (record.churn_probability, record.band, record.actions) == (None, None, ())
    assert record.signals
    assert "Former customer" in wording.standing_line(record)


@pytest.mark.parametrize(
    "known",
    [
        {"attributes": {"status": "active"}},
        {"attributes": {"state": "CA"}},
        {"attributes": {"closed_date": "2026-12-01"}},
        {"attributes": {"closed_date": "2025-12-01", "start_date": "2026-01-15"}},
        {"outcomes": (Label("c", "2026-01-01", True, 90, left_on="2026-06-10"),)},
        {"outcomes": (Label("c", "2026-01-01", True, 30, metadata={"source": "derived"}, kind="lost"),)},
    ],
)
def test_a_customer_is_not_taken_for_one_who_has_left(known):
    row = interaction(0, days_ago=60, text=HARMLESS[0])
    assert record_of([said(row, -1.0)], snapshot=snapshot(row, **known)).former is None


def test_care_allows_no_action_and_has_a_line_of_its_own():
    row, read = notice()
    grief = interaction(1, days_ago=10, text="My husband died last week.")
    before = record_of([read, said(grief, -0.5)], snapshot=snapshot(row, interaction(1, days_ago=10, text="Hello.")))
    record = record_of([read, said(grief, -0.5)], snapshot=snapshot(row, grief))
    assert before.actions
    assert not record.actions
    assert [flag.kind for flag in record.care] == ["death"]
    assert "person's attention: a death" in wording.care_line(record)


def test_care_changes_neither_number_nor_reasons():
    row, read = notice()
    plain = interaction(1, days_ago=10, text="Hello, there is somebody at the door today.")
    grief = interaction(1, days_ago=10, text="My husband died last week.")
    without = record_of([read, said(plain, -0.5)], snapshot=snapshot(row, plain))
    with_care = record_of([read, said(grief, -0.5)], snapshot=snapshot(row, grief))
    assert with_care.churn_probability == without.churn_probability
    assert with_care.reasons == without.reasons


signals = st.dictionaries(st.sampled_from(sorted(TAXONOMY.by_id)), st.floats(0.5, 1), max_size=3)
readings = st.lists(st.tuples(st.integers(0, 400), st.floats(-4, 4), signals), max_size=8)


def of_random(readings, **more):
    rows = [interaction(n, days_ago=day, text=HARMLESS[n % 3]) for n, (day, _, _) in enumerate(readings)]
    rows = rows or [interaction(0, days_ago=90, text=HARMLESS[0])]
    messages = [said(row, leaning, **found) for row, (_, leaning, found) in zip(rows, readings, strict=False)]
    return record_of(messages, snapshot=snapshot(*rows), **more)


def consistent(record):
    """Fails if number, band, reasons and points contradict one another."""
    number, parts = record.churn_probability, [reason.contribution for reason in record.reasons]
    if any(part is not None for part in parts) or not parts:
        total = record.rest + sum(part or 0.0 for part in parts)
        assert total == pytest.approx(log_odds(number.shown), abs=1e-3)
        start, points = wording.points(record)
        assert start + sum(point or 0 for point in points) == round(100 * number.shown)
        for reason, part in zip(record.reasons, parts, strict=True):
            assert part is None or (part >= 0) == (reason.polarity == "risk") or abs(part) < 1e-9
    if record.band == "low":
        assert not [reason for reason in record.reasons if reason.concept == LEANING and reason.polarity == "risk"]
        leaving = [reason for reason in record.reasons if reason.concept in ("leaving_announced", "leaving_considered")]
        assert all(reason.statement == MENTIONED for reason in leaving)
    if record.announced and record.announced.stands:
        assert record.band == "high"


@fast
@given(readings, st.sampled_from([None, "low", "medium", "high"]))
def test_number_band_and_reasons_never_contradict_one_another(readings, before):
    consistent(of_random(readings, band_before=before))


@fast
@given(readings, st.floats(0.001, 0.999), st.lists(st.floats(-2, 2), min_size=25, max_size=25))
def test_nor_do_they_with_a_trained_method(readings, value, contributions):
    number = ChurnProbability(
        value=value, low=None, high=None, raw=0.5, method="calibrated", calibrated=True, base_rate=0.2, horizon_days=90
    )
    names = [*TAXONOMY.by_id, "recency", "active_days", LEANING]
    consistent(of_random(readings, number=Number(number, dict(zip(names, contributions, strict=False)))))


@fast
@given(readings, st.floats(-6, 6), st.integers(0, 400))
def test_a_message_without_a_signal_moves_the_score_little_and_into_no_other_band(readings, leaning, day):
    rows = [interaction(n, days_ago=d, text=HARMLESS[n % 3]) for n, (d, _, _) in enumerate(readings)]
    new = interaction(len(rows), days_ago=day, text="Where is it?")
    messages = [said(row, lean, **found) for row, (_, lean, found) in zip(rows, readings, strict=True)]
    both = snapshot(*rows, new, interaction(900, days_ago=450, channel="order", text=""))
    before, after = (record_of(some, snapshot=both) for some in (messages, [*messages, said(new, leaning)]))
    moved = after.churn_probability.shown - before.churn_probability.shown
    assert math.fabs(moved) <= 0.05
    assert after.band == before.band


def test_a_record_that_is_stripped_holds_no_flag_and_no_quote():
    row, read = notice()
    grief = interaction(1, days_ago=10, text="My husband died last week.")
    record = record_of([read, said(grief, -0.5)], snapshot=snapshot(row, grief))
    assert rests_on(record, [row.id])
    assert rests_on(record, [grief.id])
    left = stripped(record).model_dump_json()
    assert "husband" not in left
    assert "cancel my contract" not in left


def test_a_stored_record_of_before_still_opens():
    row, read = notice()
    new = record_of([read], snapshot=snapshot(row)).model_dump(mode="json")
    old = {name: value for name, value in new.items() if name not in ("care", "announced", "former", "rest")}
    assert Assessment.model_validate(old).announced is None
