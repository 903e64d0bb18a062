"""The shipped mappings on exports in the shape that the vendors document: who speaks, what is read, what is kept."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from churn_agent.errors import DataError
from churn_agent.evidence.facts import compute
from churn_agent.history import interactions
from churn_agent.ingest.columns import load_mapping, shipped_mappings

DAY = "2026-02-01T10:00:00Z"


def ticket(*comments, **more):
    return {
        "id": 1,
        "requester_id": 100,
        "subject": "Outage",
        "via": {"channel": "mail"},
        "comments": list(comments),
        **more,
    }


def comment(number, author, body, **more):
    return {
        "id": number,
        "author_id": author,
        "body": body,
        "created_at": f"2026-02-01T10:0{number}:00Z",
        "public": True,
        **more,
    }


ZENDESK = [
    comment(1, 100, "It is down."),
    comment(2, 7, "We look."),
    comment(3, 101, "I am the CFO. We terminate."),
    comment(4, 7, "They are angry", public=False),
    comment(5, 100, "It is down again."),
]
USERS = [
    {"id": 7, "role": "agent", "name": "Tim"},
    {"id": 100, "role": "end-user", "name": "Ana"},
    {"id": 101, "role": "end-user", "name": "Cy"},
]


def stored(agent, customer_id):
    return interactions.of_customer(agent.history, customer_id, until=datetime(2100, 1, 1, tzinfo=UTC))


def spoken(agent, customer_id):
    return [(row.channel, row.speaker, row.text) for row in stored(agent, customer_id)]


def ingest(agent, path, content, mapping, **options):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return agent.ingest(path, mapping=mapping, **options)


READ = [
    ("ticket", "customer", "Outage\n\nIt is down."),
    ("ticket", "company", "We look."),
    ("ticket", "customer", "I am the CFO. We terminate."),
    ("note", "company", "They are angry"),
    ("ticket", "customer", "It is down again."),
]


@pytest.mark.parametrize("where", ["in the document", "in a file beside it"])
def test_zendesk_roles_tell_agents_from_end_users(agent, tmp_path, where):
    export = {"tickets": [ticket(*ZENDESK)]}
    if where == "in the document":
        export["users"] = USERS
    else:
        (tmp_path / "users.json").write_text(json.dumps({"users": USERS}))
    ingest(agent, tmp_path / "z.json", export, "zendesk")
    assert spoken(agent, "100") == READ
    assert [row.author for row in stored(agent, "100")][:2] == ["Ana", "Tim"]


def test_a_private_comment_of_an_end_user_in_zendesk_is_read(agent, tmp_path):
    comments = comment(1, 100, "Hi"), comment(2, 101, "We terminate.", public=False), comment(3, 7, "Hm", public=False)
    ingest(agent, tmp_path / "z.json", {"tickets": [ticket(*comments)], "users": USERS}, "zendesk")
    assert spoken(agent, "100")[1:] == [("ticket", "customer", "We terminate."), ("note", "company", "Hm")]


def test_zendesk_without_roles_knows_agents_by_a_list_of_ids(agent, tmp_path):
    mapping = load_mapping(Path("zendesk")).model_dump(mode="json", exclude_defaults=True) | {"staff": ["7"]}
    (tmp_path / "m.yaml").write_text(json.dumps(mapping))
    ingest(agent, tmp_path / "z.json", {"tickets": [ticket(*ZENDESK)]}, tmp_path / "m.yaml")
    assert spoken(agent, "100") == READ


def test_zendesk_without_roles_knows_agents_by_ids_given_as_own(agent, tmp_path):
    path = tmp_path / "tickets.json"
    path.write_text(json.dumps({"tickets": [ticket(*ZENDESK)]}))
    agent.ingest(path, mapping="zendesk", own=["7"])
    assert [speaker for _, speaker, _ in spoken(agent, "100")] == [
        "customer",
        "company",
        "customer",
        "company",
        "customer",
    ]


def test_zendesk_without_roles_and_list_takes_nobody_unnamed_for_the_customer(agent, tmp_path):
    export = {
        "tickets": [ticket(*ZENDESK, collaborator_ids=[101], assignee_id=7), ticket(comment(6, 55, "Who am I?"), id=2)]
    }
    ingest(agent, tmp_path / "z.json", export, "zendesk")
    assert spoken(agent, "100")[:5] == READ
    assert spoken(agent, "100")[5][1] == "unknown"


def test_zendesk_requesters_may_be_objects_and_bodies_html(agent, tmp_path):
    line = {"id": 2, "requester": {"id": 100}, "comments": [comment(1, 100, None, html_body="<p>Please cancel.</p>")]}
    ingest(agent, tmp_path / "z.jsonl", line, "zendesk")
    assert spoken(agent, "100") == [("ticket", "customer", "Please cancel.")]


def conversation(*parts, **more):
    return {
        "type": "conversation", "id": "1", "created_at": 1769940000, "title": "later title",
        "source": {"type": "conversation", "subject": "<p>Plan</p>", "body": "<p>I want to cancel</p>", "author": {"type": "user", "name": "Ana"}},
        "contacts": {"contacts": [{"type": "contact", "id": "c-9"}]},
        "conversation_parts": {"conversation_parts": [{"id": str(n), "created_at": 1769940000 + n, **part} for n, part in enumerate(parts, start=1)]},
        **more,
    }  # fmt: skip


def part(kind, author, body):
    return {"part_type": kind, "body": body, "author": {"type": author, "name": "x"}}


def test_intercom_reads_answers_that_reopen_and_no_bots(agent, tmp_path):
    talk = conversation(
        part("comment", "admin", "<p>Why?</p>"), part("assignment", "bot", None), part("comment", "bot", "<p>I am Fin</p>"),
        part("note", "admin", "<p>angry one</p>"), part("open", "user", "<p>Still waiting</p>"), part("close", "admin", None),
    )  # fmt: skip
    ingest(agent, tmp_path / "i.json", {"conversations": [talk]}, "intercom")
    assert [(channel, speaker) for channel, speaker, _ in spoken(agent, "c-9")] == [
        ("chat", "customer"), ("chat", "company"), ("chat", "machine"), ("note", "company"), ("chat", "customer"),
    ]  # fmt: skip
    assert spoken(agent, "c-9")[-1][2] == "Still waiting"


FRESHDESK = {
    "id": 9, "requester_id": 70, "subject": "Bill", "description_text": "Too high.", "source": 1, "created_at": DAY, "updated_at": DAY, "status": 5,
    "conversations": [
        {"id": 1, "body_text": "We check.", "incoming": False, "private": False, "user_id": 3, "created_at": "2026-02-01T11:00:00Z"},
        {"id": 2, "body_text": "I leave.", "incoming": True, "private": False, "user_id": 70, "created_at": "2026-02-01T12:00:00Z"},
        {"id": 3, "body_text": "Hm.", "incoming": False, "private": True, "user_id": 3, "created_at": "2026-02-01T13:00:00Z"},
    ],
}  # fmt: skip
SALESFORCE = {
    "totalSize": 1, "records": [{
        "attributes": {"type": "Case"}, "Id": "500A", "AccountId": "001A", "ContactId": "003A", "Subject": "Bill", "Description": "Too high.",
        "CreatedDate": "2026-02-01T10:00:00.000+0000", "Origin": "Web", "Status": "Closed", "IsClosed": True,
        "CaseComments": {"totalSize": 2, "records": [
            {"Id": "00aA", "CommentBody": "Hm.", "IsPublished": False, "CreatedDate": "2026-02-01T13:00:00.000+0000", "CreatedById": "005A"},
            {"Id": "00aB", "CommentBody": "Well?", "IsPublished": True, "CreatedDate": "2026-02-01T14:00:00.000+0000", "CreatedById": "005B",
             "CreatedBy": {"UserType": "CspLitePortal"}}]},
        "EmailMessages": {"totalSize": 2, "records": [
            {"Id": "02sA", "TextBody": "We check.", "Subject": "Re: Bill", "Incoming": False, "MessageDate": "2026-02-01T11:00:00.000+0000", "FromAddress": "us@acme.example"},
            {"Id": "02sB", "TextBody": None, "HtmlBody": "<p>I leave.</p>", "Subject": "Re: Bill", "Incoming": True, "MessageDate": "2026-02-01T12:00:00.000+0000", "FromAddress": "ana@home.example"}]},
    }],
}  # fmt: skip
HELPSCOUT = {
    "_embedded": {"conversations": [{
        "id": 1, "type": "email", "subject": "Bill", "status": "closed", "primaryCustomer": {"id": 70}, "threads": 4,
        "_embedded": {"threads": [
            {"id": 1, "type": "customer", "state": "published", "body": "Too high.", "createdAt": DAY, "createdBy": {"id": 70, "type": "customer"}},
            {"id": 2, "type": "message", "state": "published", "body": "We check.", "createdAt": "2026-02-01T11:00:00Z", "createdBy": {"id": 3, "type": "user"}},
            {"id": 3, "type": "lineitem", "state": "published", "createdAt": "2026-02-01T11:00:00Z", "createdBy": {"id": 3, "type": "user"}},
            {"id": 4, "type": "customer", "state": "published", "body": "I leave.", "createdAt": "2026-02-01T12:00:00Z", "createdBy": {"id": 70, "type": "customer"}},
            {"id": 5, "type": "note", "state": "published", "body": "Hm.", "createdAt": "2026-02-01T13:00:00Z", "createdBy": {"id": 3, "type": "user"}},
            {"id": 6, "type": "message", "state": "draft", "body": "Never sent", "createdAt": "2026-02-01T13:00:00Z", "createdBy": {"id": 3, "type": "user"}},
        ]},
    }]},
}  # fmt: skip
DISCOURSE = {
    "id": 5, "title": "Bill", "views": 900, "details": {"created_by": {"username": "ana"}},
    "post_stream": {"posts": [
        {"id": 1, "username": "ana", "created_at": DAY, "cooked": "<p>Too high.</p>", "post_type": 1, "staff": False},
        {"id": 2, "username": "tim", "created_at": "2026-02-01T11:00:00Z", "cooked": "<p>We check.</p>", "post_type": 1, "staff": True},
        {"id": 3, "username": "ana", "created_at": "2026-02-01T12:00:00Z", "cooked": "<p>I leave.</p>", "post_type": 1, "staff": False},
        {"id": 4, "username": "tim", "created_at": "2026-02-01T13:00:00Z", "cooked": "", "post_type": 3, "staff": True},
        {"id": 5, "username": "system", "created_at": "2026-02-01T13:00:00Z", "cooked": "closed", "post_type": 1, "staff": True},
    ]},
}  # fmt: skip
HUBSPOT = {
    "results": [
        {"id": str(n), "contact_id": "501", "properties": {"hs_timestamp": f"2026-02-01T1{n}:00:00.000Z", "hs_email_direction": direction,
         "hs_email_from_email": sender, "hs_email_subject": "Bill" if n == 0 else "Re: Bill", "hs_email_text": text, "hs_email_html": f"<p>{html}</p>"}}
        for n, (direction, sender, text, html) in enumerate([
            ("INCOMING_EMAIL", "ana@home.example", "Too high.", ""), ("EMAIL", "us@acme.example", "We check.", ""),
            ("INCOMING_EMAIL", "ana@home.example", "", "I leave."), ("FORWARDED_EMAIL", "tim@acme.example", "Who?", "")])
    ],
}  # fmt: skip
TALK = [("customer", "Bill\n\nToo high."), ("company", "We check."), ("customer", "I leave.")]


@pytest.mark.parametrize(
    ("mapping", "export", "customer", "more"),
    [
        ("freshdesk", [FRESHDESK], "70", [("company", "Hm.")]),
        ("salesforce", SALESFORCE, "001A", [("company", "Hm."), ("customer", "Well?")]),
        ("helpscout", HELPSCOUT, "70", [("company", "Hm.")]),
        ("discourse", DISCOURSE, "ana", []),
        ("hubspot", HUBSPOT, "501", [("unknown", "Who?")]),
    ],
)
@pytest.mark.parametrize("lines", [False, True], ids=["document", "lines"])
def test_a_conversation_of_a_help_desk_is_read_as_it_was(agent, tmp_path, mapping, export, customer, more, lines):
    if lines:
        records = export if isinstance(export, list) else export.get("records") or export.get("results") or [export]
        records = export["_embedded"]["conversations"] if mapping == "helpscout" else records
        summary = ingest(agent, tmp_path / "a.jsonl", "\n".join(map(json.dumps, records)), mapping)
    else:
        summary = ingest(agent, tmp_path / "a.json", export, mapping)
    assert [(speaker, text) for _, speaker, text in spoken(agent, customer)] == [*TALK, *more]
    assert {row.channel for row in stored(agent, customer) if row.text == "Hm."} <= {"note"}
    assert summary.rejected == 0


def test_stripe_amounts_are_in_the_unit_of_their_currency(agent, tmp_path):
    def invoice(key, currency, total, **more):
        return {"id": key, "object": "invoice", "customer": "cus_1", "created": 1769940000, "amount_due": max(total, 0), "total": total,
                "currency": currency, "billing_reason": "subscription_cycle", "status": "paid", "lines": {"data": [{"id": "il_1"}]}} | more  # fmt: skip

    export = [
        invoice("in_1", "usd", 5800), invoice("in_2", "jpy", 58000), invoice("in_3", "kwd", 5000), invoice("in_4", "usd", -5800),
        invoice("in_5", "usd", 100, status="draft"),
        {"id": "cn_1", "object": "credit_note", "customer": "cus_1", "created": 1769940000, "amount": 2900, "currency": "eur", "status": "issued"},
        {"id": "re_1", "object": "refund", "charge": {"customer": "cus_1"}, "created": 1769940000, "amount": 700, "currency": "jpy",
         "reason": "requested_by_customer", "status": "succeeded"},
    ]  # fmt: skip
    summary = ingest(agent, tmp_path / "s.json", {"object": "list", "data": export}, "stripe")
    found = {row.key: (row.amount, row.metadata["currency"], row.speaker) for row in stored(agent, "cus_1")}
    assert found == {
        "stripe:in_1": (58.0, "USD", "company"), "stripe:in_2": (58000.0, "JPY", "company"), "stripe:in_3": (5.0, "KWD", "company"),
        "stripe:in_4": (-58.0, "USD", "company"), "stripe:cn_1": (-29.0, "EUR", "company"), "stripe:re_1": (-700.0, "JPY", "company"),
    }  # fmt: skip
    assert summary.rejected == 0


def test_next_weeks_export_updates_and_doubles_nothing(agent, tmp_path):
    for week, status in ((1, "open"), (2, "closed")):
        ingest(
            agent,
            tmp_path / f"z{week}.json",
            {"tickets": [ticket(*ZENDESK[: week + 1], status=status, updated_at=f"2026-02-0{week}")]},
            "zendesk",
        )
    assert len(stored(agent, "100")) == 3


LATER = frozenset(
    {
        "status",
        "updatedat",
        "state",
        "isclosed",
        "views",
        "statistics.count_reopens",
        "tags",
        "paid",
        "amount_paid",
    }
)


@pytest.mark.parametrize(
    ("mapping", "export", "customer"),
    [
        ("zendesk", {"tickets": [ticket(*ZENDESK, status="closed", updated_at=DAY, tags=["vip"])]}, "100"),
        ("intercom", {"conversations": [conversation(updated_at=1, state="closed", statistics={"count_reopens": 3}, tags={"tags": []})]}, "c-9"),
        ("freshdesk", [FRESHDESK], "70"),
        ("salesforce", SALESFORCE, "001A"),
        ("helpscout", HELPSCOUT, "70"),
        ("discourse", DISCOURSE, "ana"),
        ("stripe", {"data": [{"id": "in_1", "customer": "c", "created": 1769940000, "total": 1, "currency": "usd", "status": "paid", "paid": True, "amount_paid": 1}]}, "c"),
    ],
)  # fmt: skip
def test_what_changes_after_the_fact_is_not_kept_with_a_message(agent, tmp_path, mapping, export, customer):
    ingest(agent, tmp_path / "a.json", export, mapping)
    assert stored(agent, customer)
    for row in stored(agent, customer):
        assert not LATER & set(row.metadata)


def test_google_play_reads_reviews_and_our_answers(agent, tmp_path):
    head = "Package Name,Review Submit Date and Time,Star Rating,Review Title,Review Text,Developer Reply Date and Time,Developer Reply Text,Review Link\n"
    rows = (
        "com.a,2026-02-01T10:00:00Z,1,Never again,It crashes.,2026-02-02T10:00:00Z,Sorry,https://p.example/1\n"
        "com.a,2026-02-01T10:00:00Z,2,,,,,https://p.example/2\n"
    )
    summary = ingest(agent, tmp_path / "g.csv", head + rows, "google_play")
    assert spoken(agent, "https://p.example/1") == [
        ("review", "customer", "Never again\n\nIt crashes."),
        ("review", "company", "Sorry"),
    ]
    assert [(row.text, row.metadata["star_rating"]) for row in stored(agent, "https://p.example/2")] == [("", "2")]
    assert summary.rejected == 0


def test_app_store_joins_reviews_with_their_answers(agent, tmp_path):
    export = {
        "data": [{"type": "customerReviews", "id": "r1", "attributes": {"rating": 1, "title": "Bad", "body": "I leave.", "reviewerNickname": "Ana", "createdDate": DAY}},
                 {"type": "customerReviews", "id": "r2", "attributes": {"rating": 5, "title": "Top", "body": "", "reviewerNickname": "Bo", "createdDate": DAY}}],
        "included": [{"type": "customerReviewResponses", "id": "a1", "attributes": {"responseBody": "Sorry", "lastModifiedDate": "2026-02-02T10:00:00Z"},
                      "relationships": {"review": {"data": {"id": "r1"}}}}],
    }  # fmt: skip
    summary = ingest(agent, tmp_path / "a.json", export, "app_store")
    assert spoken(agent, "Ana") == [("review", "customer", "Bad\n\nI leave."), ("review", "company", "Sorry")]
    assert spoken(agent, "Bo") == [("review", "customer", "Top")]
    assert summary.rejected == 0


@pytest.mark.parametrize(
    ("name", "mapping", "content", "stars"),
    [
        ("g.csv", "google_play", "Review Submit Date and Time,Star Rating,Review Title,Review Text,Developer Reply Date and Time,Developer Reply Text,Review Link\n2026-02-01T10:00:00Z,2,,,,,https://p.example/2\n", 2),
        ("t.csv", "trustpilot", "Review Created (UTC),Review Username,Review Stars,Review Title,Review Content,Company Reply\n2026-02-01 10:00:00,Bo,5,,,\n", 5),
        ("a.json", "app_store", {"data": [{"id": "r2", "attributes": {"rating": 1, "title": "Top", "body": "", "reviewerNickname": "Bo", "createdDate": DAY}}]}, 1),
        ("x.json", None, [{"user_id": "u", "createTime": DAY, "starRating": "FIVE", "comment": ""}, {"user_id": "v", "createTime": DAY, "starRating": "ONE", "comment": "No"}], 5),
    ],
)  # fmt: skip
def test_stars_without_words_are_kept_and_are_a_rating(agent, tmp_path, name, mapping, content, stars):
    ingest(agent, tmp_path / name, content, mapping, unknown_is="customer")
    customer = sorted(row.customer_id for row in agent.store.customers())[0]
    assert {fact.name: fact.value for fact in compute(agent.snapshot(customer))}["last_rating"] == stars


LINKS = {
    "by the answer": ({}, {"relationships": {"review": {"data": {"id": "r1"}}}}),
    "by the review": ({"relationships": {"response": {"data": {"id": "a1"}}}}, {}),
    "by both": (
        {"relationships": {"response": {"data": {"id": "a1"}}}},
        {"relationships": {"review": {"data": {"id": "r1"}}}},
    ),
}


@pytest.mark.parametrize(("of_review", "of_answer"), LINKS.values(), ids=LINKS)
def test_an_answer_belongs_to_its_review_whichever_names_the_other(agent, tmp_path, of_review, of_answer):
    review = {"rating": 1, "body": "I leave.", "reviewerNickname": "Ana", "createdDate": DAY}
    export = {
        "data": [{"id": "r1", "attributes": review, **of_review}, {"id": "r2", "attributes": review | {"body": "Bye"}}],
        "included": [{"id": "a1", "attributes": {"responseBody": "Sorry", "lastModifiedDate": DAY}, **of_answer}],
    }
    summary = ingest(agent, tmp_path / "a.json", export, "app_store")
    assert [text for _, by, text in spoken(agent, "Ana") if by == "company"] == ["Sorry"]
    assert not summary.guesses


@pytest.mark.parametrize("customer", ["cus_1", {"id": "cus_1"}])
def test_a_refund_is_the_customers_of_its_charge(agent, tmp_path, customer):
    refund = {
        "id": "re_1",
        "object": "refund",
        "charge": "ch_1",
        "amount": 700,
        "currency": "eur",
        "status": "succeeded",
        "created": 1769940000,
    }
    charge = {
        "id": "ch_1",
        "object": "charge",
        "customer": customer,
        "amount": 700,
        "currency": "eur",
        "status": "succeeded",
        "created": 1769940000,
    }
    summary = ingest(agent, tmp_path / "s.json", {"object": "list", "data": [refund, charge]}, "stripe")
    assert [row.amount for row in stored(agent, "cus_1")] == [-7.0]
    assert (summary.added, summary.rejected, summary.guesses) == (1, 0, [])


def test_a_lookup_that_no_row_uses_is_not_missed(agent, tmp_path):
    lines = (
        '{"id": "in_1", "customer": "c", "created": 1769940000, "total": 100, "currency": "usd", "status": "paid"}\n'
    )
    assert not ingest(agent, tmp_path / "s.jsonl", lines, "stripe").guesses


def test_trustpilot_reads_title_text_and_our_reply(agent, tmp_path):
    text = "Review Created (UTC),Review Username,Review Stars,Review Title,Review Content,Company Reply\n2026-02-01 10:00:00,Ana,1,Never again,I cancelled,Sorry\n2026-02-01 10:00:00,Bo,5,,,\n"
    ingest(agent, tmp_path / "t.csv", text, "trustpilot")
    assert spoken(agent, "Ana") == [
        ("review", "customer", "Never again\n\nI cancelled"),
        ("review", "company", "Sorry"),
    ]
    assert stored(agent, "Bo")[0].metadata["review_stars"] == "5"


def test_a_lookup_that_is_not_json_is_one_line(agent, tmp_path):
    (tmp_path / "users.json").write_text("{")
    with pytest.raises(DataError, match=r"users\.json: invalid JSON"):
        ingest(agent, tmp_path / "z.json", {"tickets": [ticket(*ZENDESK)]}, "zendesk")


def play():
    return "Review Submit Date and Time,Star Rating,Review Title,Review Text,Developer Reply Date and Time,Developer Reply Text,Review Link\n2026-02-01T10:00:00Z,1,,It crashes.,,,https://p.example/1\n"


SAMPLES = {
    "zendesk": {"tickets": [ticket(*ZENDESK)]},
    "intercom": {"conversations": [conversation()]},
    "hubspot": HUBSPOT,
    "freshdesk": [FRESHDESK],
    "salesforce": SALESFORCE,
    "helpscout": HELPSCOUT,
    "discourse": DISCOURSE,
    "slack": [{"type": "message", "ts": "1769940000.0001", "user": "U1", "text": "hi"}],
    "whatsapp": "[01.02.26, 10:00:00] Ana: I leave\n",
    "google_play": play(),
    "app_store": {"data": [{"id": "r1", "attributes": {"rating": 1, "title": "Bad", "body": "", "reviewerNickname": "Ana", "createdDate": DAY}}]},
    "hubspot_csv": "Record ID,Activity date,Call Title,Call notes,Associated Contact IDs\n1,2026-02-01 10:00,Call,She leaves,7;8\n",
    "salesforce_csv": "Id,CaseNumber,AccountId,ContactId,Origin,Subject,Description,CreatedDate\n500A,1,001A,,Web,Outage,It is down.,2026-02-01 10:00:00\n",
    "trustpilot": "Review Created (UTC),Review Username,Review Title,Review Content,Company Reply\n2026-02-01 10:00:00,Ana,No,I left,\n",
    "stripe": {"data": [{"id": "in_1", "customer": "c", "created": 1769940000, "total": 1, "currency": "usd", "status": "paid"}]},
}  # fmt: skip
RECIPES = re.findall(
    r'`churn-agent ingest ("[^"]+"|\S+) --mapping (\w+)`', (Path(__file__).parents[2] / "docs" / "data.md").read_text()
)


def test_every_shipped_mapping_has_a_recipe_and_a_sample():
    assert shipped_mappings() == sorted(SAMPLES) == sorted({name for _, name in RECIPES})


@pytest.mark.parametrize(("source", "mapping"), RECIPES)
def test_a_recipe_works_as_written(agent, tmp_path, monkeypatch, source, mapping):
    path = tmp_path / source.strip('"')
    if mapping == "slack":
        (path / "ext-acme").mkdir(parents=True)
        (path / "users.json").write_text(json.dumps([{"id": "U1"}]))
        path = path / "ext-acme" / "2026-02-01.json"
    sample = SAMPLES[mapping]
    path.write_text(sample if isinstance(sample, str) else json.dumps(sample))
    monkeypatch.chdir(tmp_path)
    summary = agent.ingest(source.strip('"'), mapping=mapping)
    assert summary.added
    assert summary.rejected == 0
