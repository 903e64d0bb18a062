import pytest

from churn_agent.ingest.questions import NeedsAnswer
from tests.conftest import write_csv

ANN, TIM = "Ann <ann@home.example>", "Tim <tim@acme.example>"


def mailbox(tmp_path, *sides):
    """Writes a mailbox with a mail for each pair of sender and receiver."""
    path = tmp_path / "in.mbox"
    path.write_text(
        "".join(
            f"From x Sun Feb  1 10:00:00 2026\nFrom: {sender}\nTo: {receiver}\nDate: Sun, 01 Feb 2026 10:0{n}:00 +0000"
            f"\n\nText {n}\n\n"
            for n, (sender, receiver) in enumerate(sides)
        )
    )
    return path


def sides(agent):
    query = "SELECT customer_id, speaker FROM interactions ORDER BY occurred_at"
    with agent.history.connect() as connection:
        return connection.exec_driver_sql(query).all()


@pytest.mark.parametrize("own", ["@acmee.example", "acmee.example", "tim@acmee.example", "not an address", "Tim"])
def test_own_names_that_are_in_no_mail_are_refused_like_none(agent, tmp_path, own):
    path = mailbox(tmp_path, (ANN, "support@acme.example"), (TIM, ANN))
    with pytest.raises(NeedsAnswer) as caught:
        agent.ingest(path, own=[own])
    assert f"no mail is from or to {own} (--own): the mailbox seems to be that of acme.example" in str(caught.value)
    assert sides(agent) == []


def test_the_answer_replaces_own_names_that_are_in_no_mail(agent, tmp_path):
    path = mailbox(tmp_path, (ANN, "support@acme.example"), (TIM, ANN))
    summary = agent.ingest(path, own=["@acmee.example"], yes=True)
    assert summary.mapping["own"] == ["acme.example"]
    assert sides(agent) == [("ann@home.example", "customer"), ("ann@home.example", "company")]


def test_an_answer_about_mails_keeps_the_people_of_other_sources(agent, tmp_path):
    mails = mailbox(tmp_path, (ANN, "support@acme.example"), (TIM, ANN))
    table = write_csv(tmp_path / "a.csv", "c1,2026-02-01,Tim,hello", header="customer_id,timestamp,author,text")
    agent.ingest([mails, table], own=["Tim"], yes=True)
    assert ("c1", "company") in sides(agent)
    assert ("ann@home.example", "company") in sides(agent)


def test_a_single_own_name_that_is_in_no_mail_is_named(agent, tmp_path):
    path = mailbox(tmp_path, (ANN, "support@acme.example"), (TIM, ANN))
    [guess] = agent.ingest(path, own=["@acme.example", "help@acmee.example"]).guesses
    assert (guess.about, guess.evidence) == ("own: help@acmee.example", "in none of 2 mails")


@pytest.mark.parametrize("header", ["Delivered-To", "X-Original-To", "Cc", "Reply-To", "Sender"])
def test_an_own_address_in_any_header_of_addresses_is_in_the_mail(agent, tmp_path, header):
    path = mailbox(tmp_path, (ANN, f"undisclosed-recipients:;\n{header}: sales@acme.example"))
    assert agent.ingest(path, own=["@acme.example"]).guesses == []
    assert [speaker for _, speaker in sides(agent)] == ["customer"]
