"""Fields that are written when the outcome is known, planted into every shipped mapping: no method learns from them."""

import csv
import json
from datetime import date

import numpy as np
import pytest

from churn_agent import ChurnAgent
from churn_agent.ingest.columns import shipped_mappings
from churn_agent.learning.examples import prepare
from churn_agent.learning.methods import METHODS, cross_fitted
from churn_agent.settings import Settings

AS_OF = date(2026, 3, 1)
WORDS = ("thanks for the quick help", "where do I find my invoice", "how do I add a user", "the export works again")


def planted(churned):
    """Fields of a record as they are long after `AS_OF`, which tell the outcome."""
    late = "2026-05-20T10:00:00Z" if churned else "2026-03-02T10:00:00Z"
    return {
        "status": "closed" if churned else "open",
        "state": "closed" if churned else "open",
        "updated_at": late,
        "updatedAt": late,
        "closed_at": 1_779_270_000 if churned else 0,
        "last_reply_at": late,
        "tags": ["churned"] if churned else ["happy"],
        "total_replies": 90 if churned else 1,
        "reply_count": 90 if churned else 1,
        "satisfaction_rating": {"score": 1 if churned else 5},
        "conversation_rating": {"rating": 1 if churned else 5},
        "statistics": {"count_reopens": 9 if churned else 0, "time_to_last_close": 9 if churned else 1},
        "amount_remaining": 900 if churned else 0,
        "attempt_count": 4 if churned else 1,
    }


def zendesk(n, text, at, more):
    comment = {"id": n, "author_id": n, "body": text, "created_at": at, "public": True} | more
    return {"id": n, "requester_id": n, "subject": "s", "via": {"channel": "mail"}, "comments": [comment]} | more


def intercom(n, text, at, more):
    author = {"type": "user", "id": f"{n}", "name": "Ana"}
    parts = {"conversation_parts": [{"id": f"p{n}", "part_type": "comment", "body": text, "created_at": at} | more]}
    parts["conversation_parts"][0]["author"] = author
    contacts = {"contacts": [{"id": f"{n}"}]}
    source = {"author": author, "subject": "s", "body": text}
    return {"id": f"{n}", "contacts": contacts, "created_at": at, "source": source, "conversation_parts": parts} | more


def helpscout(n, text, at, more):
    thread = {"id": n, "type": "customer", "state": "published", "createdAt": at, "body": text}
    thread["createdBy"] = {"type": "customer", "id": n, "email": f"{n}@a.example"}
    fields = {name: value for name, value in more.items() if name != "state"}
    conversation = {"id": n, "type": "email", "subject": "s", "primaryCustomer": {"id": n}, **more}
    return conversation | {"userUpdatedAt": more.get("updated_at", ""), "_embedded": {"threads": [thread | fields]}}


def discourse(n, text, at, more):
    post = {"id": n, "username": f"u{n}", "created_at": at, "raw": text, "staff": False, "post_type": 1}
    return {"id": n, "title": "s", "post_stream": {"posts": [post | more]}} | more


def salesforce(n, text, at, more):
    case = {"Id": f"5{n}", "AccountId": f"{n}", "CreatedDate": at, "Origin": "Web", "Subject": "s", "Description": text}
    later = {"ClosedDate": more.get("updated_at", ""), "LastModifiedDate": more.get("updated_at", "")}
    return case | more | {"IsClosed": more.get("status") == "closed", **later}


def freshdesk(n, text, at, more):
    ticket = {"id": n, "requester_id": n, "created_at": at, "source": 1, "subject": "s", "description_text": text}
    answer = {"id": n, "created_at": at, "incoming": True, "private": False, "body_text": text, "user_id": n}
    return ticket | {"conversations": [answer | more]} | more


def hubspot(n, text, at, more):
    own = {"hs_timestamp": at, "hs_email_direction": "INCOMING_EMAIL", "hs_email_text": text, "hs_email_subject": "s"}
    own["hs_lastmodifieddate"] = more.get("updated_at", "")
    return {"id": f"{n}", "contact_id": f"{n}", "properties": own | more} | more


def app_store(n, text, at, more):
    own = {"rating": 3, "title": "s", "body": text, "reviewerNickname": f"u{n}", "createdDate": at}
    return {"id": f"r{n}", "attributes": own | more} | more


def stripe(n, text, at, more):
    fields = {name: value for name, value in more.items() if name != "status"}
    invoice = {
        "object": "invoice",
        "id": f"in_{n}",
        "customer": f"{n}",
        "created": at,
        "total": 1900,
        "currency": "usd",
    }
    invoice["status_transitions"] = {"finalized_at": more.get("updated_at", "")}
    return invoice | {"status": "paid", "billing_reason": "subscription_cycle"} | fields


def google_play(n, text, at, more):
    return {
        "Review Link": f"https://play.example/{n}",
        "Review Submit Date and Time": at,
        "Review Title": "s",
        "Review Text": text,
        "Star Rating": "3",
        "Review Last Update Date and Time": more.get("updated_at", ""),
        "Review Last Update Millis Since Epoch": more.get("closed_at", ""),
        "Developer Reply Date and Time": "",
        "Developer Reply Text": "",
        **as_text(more),
    }


def trustpilot(n, text, at, more):
    return {
        "Review Id": f"{n}",
        "Reference Id": f"{n}",
        "Review Username": f"u{n}",
        "Review Created (UTC)": at,
        "Review Title": "s",
        "Review Content": text,
        "Review Stars": "3",
        "Review Updated (UTC)": more.get("updated_at", ""),
        "Company Reply Date (UTC)": "",
        "Company Reply": "",
        **as_text(more),
    }


def salesforce_csv(n, text, at, more):
    case = {
        "Id": f"5{n}",
        "CaseNumber": f"{n}",
        "AccountId": f"{n}",
        "CreatedDate": at,
        "Origin": "Web",
        "Subject": "s",
    }
    later = {"ClosedDate": more.get("updated_at", ""), "LastModifiedDate": more.get("updated_at", "")}
    later["IsClosed"] = more.get("status") == "closed"
    return case | {"Description": text, **later} | as_text(more)


def hubspot_csv(n, text, at, more):
    call = {"Record ID": f"{n}", "Associated Contact IDs": f"{n}", "Activity date": at, "Call Title": "s"}
    later = {"Call outcome": more.get("status", ""), "Last modified date": more.get("updated_at", "")}
    return call | {"Call notes": f"Customer: {text}", **later} | as_text(more)


def as_text(more):
    return {name: json.dumps(value) for name, value in more.items()}


def slack(n, text, at, more):
    fields = {name: value for name, value in more.items() if name in ("reply_count", "updated_at", "total_replies")}
    edited = {"edited": {"user": f"U{n}", "ts": "1779270000.0001"}} if more.get("status") == "closed" else {}
    return {"type": "message", "ts": f"{1_769_940_000 + n}.0001", "user": f"U{n}", "text": text} | fields | edited


CSV = {
    "google_play": "reviews.csv", "trustpilot": "reviews.csv", "salesforce_csv": "Case.csv", "hubspot_csv": "calls.csv",
}  # fmt: skip
LISTS = {
    "zendesk": "tickets", "intercom": "conversations", "hubspot": "results", "freshdesk": "tickets",
    "salesforce": "records", "app_store": "data", "stripe": "data",
}  # fmt: skip
RECORDS = {
    make.__name__: make
    for make in (
        zendesk, intercom, hubspot, freshdesk, salesforce, helpscout, discourse, app_store, stripe, google_play,
        trustpilot, slack, salesforce_csv, hubspot_csv,
    )
}  # fmt: skip


def write(folder, mapping, records):
    """Writes an export. Returns its path."""
    if mapping in CSV:
        path = folder / CSV[mapping]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
        return path
    if mapping == "slack":
        export = folder / "slack"
        users = [{"id": message["user"], "name": message["user"]} for message in records]
        channels = [{"id": f"C{n}", "name": f"customer-{n}"} for n in range(len(records))]
        for n, message in enumerate(records):
            (export / f"customer-{n}").mkdir(parents=True)
            (export / f"customer-{n}" / "2026-02-01.json").write_text(json.dumps([message]))
        (export / "users.json").write_text(json.dumps(users))
        (export / "channels.json").write_text(json.dumps(channels))
        return export
    path = folder / f"{mapping}.jsonl"
    if mapping in LISTS:
        path = folder / f"{mapping}.json"
        path.write_text(json.dumps({LISTS[mapping]: records}))
    elif mapping == "helpscout":
        path = folder / f"{mapping}.json"
        path.write_text(json.dumps({"_embedded": {"conversations": records}}))
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def examples(folder, mapping, n, fields):
    """What methods see of `n` customers at `AS_OF`; every second one churns. `fields(churned)` are planted."""
    folder.mkdir()
    churned = [number % 2 == 0 for number in range(n)]
    at = 1_769_940_000 if mapping in ("intercom", "stripe") else "2026-02-01T10:00:00Z"
    records = [
        RECORDS[mapping](1000 + number, WORDS[number // 2 % len(WORDS)], at, fields(churned[number]))
        for number in range(n)
    ]
    with ChurnAgent(Settings.load(store=folder / "store", model="scripted")) as agent:
        agent.ingest(write(folder, mapping, records), mapping=mapping, unknown_is="customer", yes=True)
        ids = [row.customer_id for row in agent.store.customers()]
        assert len(ids) == n
        return prepare(churned, [agent.store.snapshot(id_, as_of=AS_OF) for id_ in ids])


def seen(given):
    return [
        list(given.customers), list(given.facts), list(given.numbers), list(given.attributes), list(given.texts),
        list(given.active_days),
    ]  # fmt: skip


def test_every_shipped_mapping_with_fields_is_tried():
    assert set(RECORDS) == set(shipped_mappings()) - {"whatsapp"}  # a chat as text has no fields


@pytest.mark.parametrize("mapping", RECORDS)
def test_methods_see_the_same_with_and_without_later_fields(mapping, tmp_path):
    without = examples(tmp_path / "without", mapping, 6, lambda churned: {})
    assert seen(examples(tmp_path / "with", mapping, 6, planted)) == seen(without)


def test_a_field_that_does_not_change_would_be_seen(tmp_path):
    without = examples(tmp_path / "without", "zendesk", 6, lambda churned: {})
    assert seen(examples(tmp_path / "with", "zendesk", 6, lambda churned: {"effort": 9 * churned})) != seen(without)


@pytest.mark.slow
@pytest.mark.parametrize("mapping", RECORDS)
def test_no_classic_method_gains(mapping, tmp_path):
    without = examples(tmp_path / "without", mapping, 40, lambda churned: {})
    with_fields = examples(tmp_path / "with", mapping, 40, planted)
    possible = [method for method in METHODS.values() if method.classic and "encoder" not in method.needs]
    tried = [method for method in possible if not (method.lacks and method.lacks(without))]
    assert {"rfm", "tfidf", "boosting"} <= {method.name for method in tried}
    for method in tried:  # an encoder and methods on vectors see texts alone, which are the same
        np.testing.assert_array_equal(cross_fitted(method, with_fields), cross_fitted(method, without))
