from dataclasses import replace
from datetime import UTC, datetime, timedelta

from churn_agent.domain.interactions import Interaction, Mark
from churn_agent.domain.snapshot import Card
from churn_agent.ingest.preview import Preview

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CARD = Card(company="Acme", time_zone="Asia/Tokyo")


def row(customer_id, n, text="hi", channel="chat", **more):
    at = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=n)
    values = {"id": f"{n:032}", "customer_id": customer_id, "occurred_at": at, "channel": channel, "text": text}
    return Interaction(**(values | more))


def examples(*rows):
    preview = Preview(CARD)
    for each in rows:
        preview.add(each, NOW)
    return preview.examples()


ROWS = [
    *(row("many", n, f"text {n}") for n in range(4)),
    row("both", 5, "help", speaker="customer"),
    row("both", 6, "sure", speaker="company"),
    row("cut", 7, "stop", marks=(Mark(4, "signature", "\nAna"),)),
    row("paid", 8, "", "order", amount=12.5),
    row("other", 9),
    row("another", 10),
    row("late", 11),
]


def test_five_customers_each_show_something_else():
    found = examples(*ROWS)
    assert [(each.customer_id, each.why) for each in found] == [
        ("many", "most texts: 4"),
        ("both", "words of both sides"),
        ("cut", "[left out] of what is read"),
        ("paid", "an amount"),
        ("late", "the latest"),
    ]
    assert [each.speaker for each in found[1].interactions] == ["customer", "company"]


def test_their_order_in_the_file_does_not_matter():
    def of(rows):
        return {each.customer_id for each in examples(*rows)}

    assert of(ROWS) == of(ROWS[::-1])


def test_a_customer_who_has_it_all_is_shown_once_and_others_fill_the_list():
    all_of_it = [
        row("a", 20, "bye", amount=3.0, marks=(Mark(3, "footer", "x"),), speaker="customer"),
        row("a", 19, "no", speaker="company"),
    ]
    found = examples(*all_of_it, row("b", 1), row("c", 2))
    assert [each.customer_id for each in found] == ["a", "b", "c"]
    assert len(found[0].interactions) == 2


def test_times_are_in_the_zone_of_the_book_and_the_future_is_not_the_latest():
    found = examples(row("a", 1), row("b", 2), row("c", 24 * 365), row("d", 0))
    assert {each.customer_id: each.why for each in found}["b"] == "the latest"
    assert found[0].interactions[0].occurred_at.hour == 10
    assert found[0].interactions[0].occurred_at == ROWS[0].occurred_at + timedelta(hours=1)


def test_a_text_is_shown_before_a_record():
    [found] = examples(row("a", 1, "tea", "order"), row("a", 2, "I leave", "chat"))
    assert found.interactions[0].text == "I leave"


def test_nothing_gives_nothing():
    assert examples() == []


def test_what_comes_late_in_a_large_file_is_shown(monkeypatch):
    monkeypatch.setattr("churn_agent.ingest.preview._FIRST_ROWS", 3)
    found = examples(*ROWS)
    assert {each.customer_id for each in found} >= {"many", "cut", "paid", "late"}


def test_equal_rows_are_equal_examples():
    assert examples(ROWS[0]) == examples(replace(ROWS[0]))
