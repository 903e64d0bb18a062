"""Exports of help desks, messengers, bills and stores: by role, by key, week after week."""

import json

import pytest

from churn_agent.ingest.questions import NeedsAnswer
from tests.field.books import answers, customers, lines, put, quotable, spoken, stored


# 22
def zendesk(*comments, status="open", updated="2025-03-01T11:00:00Z", **more):
    ticket = {
        "id": 31, "requester_id": 500, "submitter_id": 500, "collaborator_ids": [501], "status": status,
        "updated_at": updated, "via": {"channel": "mail"}, "subject": "No heat", "comments": list(comments), **more,
    }  # fmt: skip
    return {"tickets": [ticket]}


def comment(number, author, body, **more):
    at = f"2025-03-0{number}T09:00:00Z"
    return {"id": number, "author_id": author, "body": body, "created_at": at, "public": True, **more}


TICKET = (
    comment(1, 500, "The boiler is cold since Friday."),
    comment(2, 88, "We look into it."),
    comment(3, 501, "I am the head of finance here. We will end the contract and go to your rival."),
)


def test_a_colleague_in_copy_speaks_for_the_customer(agent, tmp_path):
    agent.ingest(put(tmp_path / "z.json", zendesk(*TICKET)), mapping="zendesk")
    assert [speaker for speaker, _ in spoken(agent, "500")] == ["customer", "unknown", "customer"]
    assert any("end the contract" in text for text in quotable(agent, "500"))
    assert not any("look into" in text for text in quotable(agent, "500"))


def test_agents_are_known_by_their_role(agent, tmp_path):
    export = zendesk(*TICKET) | {"users": [{"id": 88, "role": "agent"}, {"id": 501, "role": "end-user"}]}
    agent.ingest(put(tmp_path / "z.json", export), mapping="zendesk")
    assert [speaker for speaker, _ in spoken(agent, "500")] == ["customer", "company", "customer"]


def test_a_requester_can_be_an_object_and_lines_can_be_tickets(agent, tmp_path):
    [ticket] = zendesk(TICKET[0])["tickets"]
    del ticket["requester_id"]
    ticket["requester"] = {"id": 500, "name": "Kim", "email": "kim@home.example"}
    agent.ingest(put(tmp_path / "export.jsonl", json.dumps(ticket) + "\n"), mapping="zendesk")
    assert spoken(agent, "500") == [("customer", "No heat\n\nThe boiler is cold since Friday.")]


def test_what_the_help_desk_notes_by_itself_is_nobodys_activity(agent, tmp_path):
    merged = comment(4, -1, "This ticket was merged", via={"channel": "system"})
    agent.ingest(put(tmp_path / "z.json", zendesk(TICKET[0], merged)), mapping="zendesk")
    assert spoken(agent, "500") == [("customer", "No heat\n\nThe boiler is cold since Friday.")]


# 21
def test_a_first_record_without_a_requester_stops_none_of_the_others(agent, tmp_path):
    visitor = zendesk(comment(8, 5, "visitor left"), requester_id=None, id=30)["tickets"]
    export = {"tickets": visitor + zendesk(TICKET[0])["tickets"]}
    summary = agent.ingest(put(tmp_path / "z.json", export), mapping="zendesk")
    assert (summary.added, summary.rejected) == (1, 1)


@pytest.mark.parametrize("field", ["text", "customer_id", "timestamp"])
@pytest.mark.parametrize("form", ["jsonl", "json"])
def test_null_in_the_first_record_is_an_empty_value(agent, tmp_path, field, form):
    rows = [
        {"customer_id": f"k{n}", "timestamp": f"2025-03-0{n}T10:00:00Z", "text": f"words {n}", "role": "user"}
        for n in (1, 2, 3)
    ]
    rows[0][field] = None
    content = json.dumps(rows) if form == "json" else lines(*map(json.dumps, rows))
    agent.ingest(put(tmp_path / f"a.{form}", content))
    assert customers(agent) == ["k2", "k3"]


# 05
CHAT = (
    "k1,2025-03-04T10:00:00Z,user,Kim,I have a question about my bill",
    "k1,2025-03-04T10:01:00Z,agent,Tim,We are sorry that you want to end your contract",
    "k1,2025-03-04T10:02:00Z,bot,Helper,Your cancellation was registered",
)


def test_a_word_for_the_speaker_that_is_not_known_is_named_and_nothing_is_stored(agent, tmp_path):
    rows = [row.replace(",user,", ",requestor,") for row in CHAT]
    with pytest.raises(NeedsAnswer, match="'requestor'") as asked:
        agent.ingest(put(tmp_path / "chat.csv", lines("customer_id,created_at,role,author,text", *rows)))
    assert {"values": {"speaker": {"requestor": "customer"}}} in answers(asked.value.questions[0])
    assert customers(agent) == []


@pytest.mark.parametrize("column", ["direction", "role", "author_type", "sender_type"])
def test_words_for_who_speaks_are_asked_about_or_known_and_never_the_customers_by_default(agent, tmp_path, column):
    sides = {"user": "customer", "agent": "company", "bot": "machine"}

    def answer(question):
        return next(side for word, side in sides.items() if f"'{word}'" in question.about)

    file = put(tmp_path / "chat.csv", lines(f"customer_id,created_at,{column},author,text", *CHAT))
    agent.ingest(file, ask=answer)
    assert [speaker for speaker, _ in spoken(agent, "k1")] == ["customer", "company", "machine"]
    assert quotable(agent, "k1") == ["I have a question about my bill"]


# 07
@pytest.mark.parametrize("column", ["type", "source", "event_type"])
def test_a_category_with_prose_is_not_a_channel_of_records(agent, tmp_path, column):
    rows = (
        'k1,2025-03-01,Billing,"You charged me twice again. I am leaving for your rival."',
        'k1,2025-03-05,Account,"Close my account now please, I have had enough."',
        'k2,2025-03-05,Question,"How do I export my data?"',
    )
    file = put(tmp_path / "tickets.csv", lines(f"customer_id,created_at,{column},text", *rows))
    agent.ingest(file, unknown_is="customer")
    assert quotable(agent, "k1") == [
        "You charged me twice again. I am leaving for your rival.",
        "Close my account now please, I have had enough.",
    ]


# 66
def stripe(status, paid):
    invoice = {
        "id": "in_7", "customer": "k1", "created": 1741075200, "amount_due": 3150, "amount_paid": paid,
        "currency": "usd", "billing_reason": "subscription_cycle", "status": status,
    }  # fmt: skip
    return {"object": "list", "data": [invoice]}


def intercom(state, n):
    author = {"type": "user", "name": "Kim"}
    parts = [
        {"id": str(k), "part_type": "comment", "body": f"<p>part {k}</p>", "created_at": 1741075260 + k,
         "author": author}
        for k in range(n)
    ]  # fmt: skip
    conversation = {
        "id": "1", "created_at": 1741075200, "updated_at": 1741075200 + n, "state": state,
        "source": {"body": "<p>Good day</p>", "author": author}, "contacts": {"contacts": [{"id": "k1"}]},
        "conversation_parts": {"conversation_parts": parts},
    }  # fmt: skip
    return {"conversations": [conversation]}


@pytest.mark.parametrize(
    ("mapping", "customer", "before", "after", "n"),
    [
        ("zendesk", "500", zendesk(*TICKET[:2]),
         zendesk(*TICKET, status="closed", updated="2025-03-09T11:00:00Z"), 3),
        ("stripe", "k1", stripe("open", 0), stripe("paid", 3150), 1),
        ("intercom", "k1", intercom("open", 1), intercom("closed", 3), 4),
    ],
)  # fmt: skip
def test_next_weeks_export_brings_what_is_new_and_doubles_nothing(agent, tmp_path, mapping, customer, before, after, n):
    agent.ingest(put(tmp_path / "week1.json", before), mapping=mapping)
    agent.ingest(put(tmp_path / "week2.json", after), mapping=mapping)
    rows = stored(agent, customer)
    assert len(rows) == n
    assert sum(row.amount or 0 for row in rows) == (31.5 if mapping == "stripe" else 0)


# 54
def slack(folder):
    put(folder / "users.json", [
        {"id": "U1", "name": "kim", "real_name": "Kim Roe", "profile": {"email": "kim@home.example"}},
        {"id": "U2", "name": "tim", "real_name": "Tim Fox", "profile": {"email": "tim@warm.example"}},
        {"id": "U3", "name": "bot", "is_bot": True, "profile": {}},
    ])  # fmt: skip
    put(folder / "channels.json", [{"id": "C1", "name": "ext-roe"}])
    put(folder / "ext-roe" / "2026-03-02.json", [
        {"type": "message", "subtype": "channel_join", "user": "U1", "text": "<@U1> has joined", "ts": "1772440000.1"},
        {"type": "message", "user": "U1", "text": "We want to leave you", "ts": "1772440001.1"},
        {"type": "message", "user": "U2", "text": "Why do you want to cancel?", "ts": "1772440002.1"},
        {"type": "message", "subtype": "bot_message", "bot_id": "B1", "text": "Cancel requested", "ts": "1772440003.1"},
        {"type": "message", "user": "U3", "text": "Ticket closed", "ts": "1772440004.1"},
    ])  # fmt: skip
    return folder


def test_a_slack_export_tells_people_from_bots_and_joins(agent, tmp_path):
    agent.ingest(slack(tmp_path / "export"), mapping="slack", own=["@warm.example"], yes=True)
    [customer] = customers(agent)
    said = spoken(agent, customer)
    assert ("customer", "We want to leave you") in said
    assert ("company", "Why do you want to cancel?") in said
    assert not [text for speaker, text in said if speaker == "customer" and text != "We want to leave you"]
    assert quotable(agent, customer) == ["We want to leave you"]


# 56
def test_reviews_are_read_with_their_titles_and_stars_alone_are_kept(agent, tmp_path):
    rows = (
        "k1,2025-03-01,I ended my plan,Too dear,1 star,We are sorry",
        "k2,2025-03-01,,,5,",
        "k3,2025-03-02,Gone to your rival,,1,",
    )
    summary = agent.ingest(put(tmp_path / "reviews.csv", lines("user_id,date,title,review,rating,reply", *rows)))
    assert (summary.added, summary.empty) == (3, 0)
    assert spoken(agent, "k1") == [("customer", "I ended my plan\n\nToo dear")]
    assert spoken(agent, "k3") == [("customer", "Gone to your rival")]
    ratings = [
        next((fact.value for fact in agent.assess(id_).facts if fact.name == "last_rating"), None)
        for id_ in ("k1", "k2", "k3")
    ]
    assert ratings == [1, 5, 1]


def test_a_trustpilot_export_is_read_with_our_reply_as_ours(agent, tmp_path):
    header = "Review Created (UTC),Review Username,Review Stars,Review Title,Review Content,Company Reply"
    row = "2025-03-01 10:00:00,Kim,1,Never again,I left,We regret that you left"
    agent.ingest(put(tmp_path / "t.csv", lines(header, row)), mapping="trustpilot")
    [customer] = customers(agent)
    assert [(speaker, text) for speaker, text in spoken(agent, customer) if speaker == "customer"] == [
        ("customer", "Never again\n\nI left")
    ]
    assert "We regret that you left" not in quotable(agent, customer)


def test_a_google_play_export_reads_the_review_and_not_our_reply(agent, tmp_path):
    header = (
        "Package Name,Reviewer Language,Device,Review Submit Date and Time,Review Submit Millis Since Epoch,"
        "Star Rating,Review Title,Review Text,Developer Reply Date and Time,Developer Reply Text,Review Link"
    )
    row = (
        "com.warm,de,pixel,2025-03-01T10:00:00Z,1740823200000,1,,Seit dem Update geht nichts. Ich wechsle.,"
        "2025-03-02T10:00:00Z,We are sorry that you leave.,https://play.example/r?reviewId=9"
    )
    agent.ingest(put(tmp_path / "g.csv", lines(header, row)), mapping="google_play")
    [customer] = customers(agent)
    assert spoken(agent, customer)[0] == ("customer", "Seit dem Update geht nichts. Ich wechsle.")
    assert "We are sorry that you leave." not in quotable(agent, customer)


# 78
def test_a_lead_who_became_a_user_is_one_customer_also_next_week(agent, tmp_path):
    rows = [
        {"customer_id": "lead-4", "timestamp": "2025-01-01T10:00:00Z", "text": "Is there a trial?", "role": "user"},
        {"customer_id": "user-7", "timestamp": "2025-02-01T10:00:00Z", "text": "I want to leave", "role": "user"},
    ]
    file = put(tmp_path / "a.json", rows)
    agent.ingest(file)
    agent.store.merge_customers("lead-4", "user-7")
    assert agent.ingest(file).added == 0
    assert customers(agent) == ["user-7"]
    assert [text for _, text in spoken(agent, "user-7")] == ["Is there a trial?", "I want to leave"]


def test_ids_joined_by_a_mapping_are_not_split_by_an_import_without_it(agent, tmp_path):
    rows = [
        {"customer_id": "lead-4", "timestamp": "2025-01-01T10:00:00Z", "text": "Is there a trial?", "role": "user"},
        {"customer_id": "user-7", "timestamp": "2025-02-01T10:00:00Z", "text": "I want to leave", "role": "user"},
    ]
    file = put(tmp_path / "a.json", rows)
    agent.ingest(file, mapping=put(tmp_path / "m.yaml", "values: {customer_id: {lead-4: user-7}}"))
    agent.ingest(file)
    assert sum(len(stored(agent, id_)) for id_ in customers(agent)) == 2
