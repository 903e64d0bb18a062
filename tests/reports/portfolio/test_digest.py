import json
from dataclasses import replace
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from lxml import html

from churn_agent.domain.assessment import ChurnProbability
from churn_agent.errors import InputError, Unavailable
from churn_agent.reports.portfolio import digest

from .conftest import LEAVES


@pytest.fixture
def webhook(monkeypatch):
    """A server that answers with the codes it is told, and keeps what it got."""
    monkeypatch.setattr(digest, "_LONGEST_PAUSE_S", 0.01)
    got, codes = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(codes.pop(0) if codes else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got, codes
    server.shutdown()
    server.server_close()


def calibrated(portfolio, *values):
    """The same customers with calibrated probabilities."""
    accounts = []
    for account, value in zip(portfolio.accounts, values, strict=False):
        number = ChurnProbability(
            value=value, low=None, high=None, raw=value, method="m", calibrated=True, base_rate=0.2, horizon_days=90
        )
        assessment = account.assessment.model_copy(update={"churn_probability": number})
        accounts.append(replace(account, assessment=assessment, call=True))
    return replace(portfolio, accounts=accounts)


def test_a_mail_opens_as_one(portfolio):
    mail = message_from_bytes(digest.to_eml(portfolio, portfolio.to_call, to="ana@example.org"), policy=policy.default)
    assert mail["To"] == "ana@example.org"
    assert mail["From"] == "Churn report of Acme <ana@example.org>"
    assert mail["Date"]
    assert mail["Subject"] == f"{len(portfolio.to_call)} to call: Churn risk at Acme, 2026-03-01"
    plain, formatted = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
    assert LEAVES in plain
    page = html.fromstring(formatted)
    assert LEAVES in page.text_content()
    assert not page.xpath("//*[@src or @href]|//script|//form")
    for line in filter(None, (line.strip(" *") for line in plain.splitlines()[:6])):
        assert line in page.text_content()


def test_a_mail_is_from_whom_one_says(portfolio):
    senders = {"Ben Bär <ben@example.org>": "ben@example.org", "a\r\nBcc: b@example.org": "b@example.org"}
    for sender, address in senders.items():
        mail = message_from_bytes(digest.to_eml(portfolio, [], sender=sender), policy=policy.default)
        assert mail["From"].addresses[0].addr_spec == address
        assert mail["Bcc"] is None
    with pytest.raises(InputError, match="'ben' is not a mail address"):
        digest.to_eml(portfolio, [], sender="ben")
    named = replace(portfolio, card=portfolio.card.model_copy(update={"company": "Müller\n& Söhne"}))
    mail = message_from_bytes(digest.to_eml(named, []), policy=policy.default)
    assert mail["From"].addresses[0].display_name == "Churn report of Müller & Söhne"
    assert mail["From"].addresses[0].addr_spec == "churn-agent@localhost"


@pytest.mark.parametrize("name", ["Ana <b>x</b>", "a & b"])
def test_names_in_a_mail_are_text(portfolio, name):
    [account, *_] = portfolio.to_call
    mail = message_from_bytes(digest.to_eml(portfolio, [replace(account, name=name)]), policy=policy.default)
    page = html.fromstring(mail.get_body(("html",)).get_content())
    assert name in page.text_content()
    assert f"{name} ({account.assessment.customer_id})" in mail.get_body(("plain",)).get_content()


def test_no_word_of_a_customer_leaves_unless_allowed(portfolio):
    quiet = json.dumps(digest.to_chat(portfolio, portfolio.to_call))
    assert LEAVES not in quiet
    assert "c-1" in quiet
    assert LEAVES in json.dumps(digest.to_chat(portfolio, portfolio.to_call, with_texts=True))


def test_nothing_becomes_a_mention(portfolio):
    hostile = replace(portfolio, card=portfolio.card.model_copy(update={"company": "<!channel> & <http://x|y>"}))
    told = json.dumps(digest.to_chat(hostile, []))
    assert "<" not in told
    assert "&lt;!channel&gt; &amp;" in told


def test_false_alarms_are_counted_in_probabilities(portfolio):
    found = calibrated(portfolio, 0.9, 0.8, 0.5, 0.2)
    named = [len(digest.chosen(found, false_alarms=n)) for n in (0, 0.15, 0.35, 0.85, 5)]
    assert named == [0, 1, 2, 3, 4]
    assert digest.chosen(found) == found.accounts
    with pytest.raises(InputError, match="in probabilities only"):
        digest.chosen(portfolio, false_alarms=3)


def test_a_webhook_that_is_busy_is_asked_again(portfolio, webhook):
    url, got, codes = webhook
    codes += [503, 429]
    digest.post({"text": "hello"}, url)
    assert got == [{"text": "hello"}] * 3


@pytest.mark.parametrize(("codes", "error"), [([404], InputError), ([500] * 9, Unavailable)])
def test_a_webhook_that_refuses_is_said(webhook, codes, error):
    url, got, answers = webhook
    answers += codes
    with pytest.raises(error, match="webhook"):
        digest.post({"text": "hello"}, url)
    assert len(got) == (1 if error is InputError else 4)


def test_addresses_and_servers_that_are_none(monkeypatch):
    monkeypatch.setattr(digest, "_LONGEST_PAUSE_S", 0.01)
    for wrong in ("ftp://x", "http://x:abc/"):
        with pytest.raises(InputError, match="not a webhook URL"):
            digest.post({}, wrong)
    with pytest.raises(Unavailable, match="cannot be reached"):
        digest.post({}, "http://127.0.0.1:9/hook")


def test_from_the_command_line(cli, store, tmp_path, webhook):
    url, got, _ = webhook
    shown = cli("--store", store, "digest")
    assert LEAVES in shown.out
    made = cli("--store", store, "digest", "--owner", "Ana", "-o", tmp_path / "d.eml", "--webhook", url)
    assert made.code == 0, made.err
    assert "without their texts" in made.out
    assert len(got) == 1
    assert (tmp_path / "d.eml").read_bytes().startswith(b"Subject: ")
    assert cli("--store", store, "digest", "-o", tmp_path / "d.txt").code == 2
