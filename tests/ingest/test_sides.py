"""Whose rows of a table are the company's, its programs' and the customer's."""

from datetime import UTC, datetime

import pytest
import yaml

from churn_agent.domain.interactions import Interaction
from churn_agent.history import interactions
from churn_agent.history.interactions import VALUES
from churn_agent.ingest.call_notes import reported
from churn_agent.ingest.cleaning import Cleaner
from tests.conftest import write_csv

HEADER = "customer_id,date,channel,from,subject,text"
OURS = {"columns": {"author": "from"}, "own": ["@acme.example"]}


def stored(agent, customer_id="a"):
    return interactions.of_customer(agent.history, customer_id, until=datetime(2100, 1, 1, tzinfo=UTC))


def ingested(agent, tmp_path, mapping, *rows, header=HEADER):
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(mapping))
    return agent.ingest(write_csv(tmp_path / "a.csv", *rows, header=header), mapping=tmp_path / "m.yaml")


def speakers(agent, tmp_path, mapping, *rows, header=HEADER):
    ingested(agent, tmp_path, mapping, *rows, header=header)
    return [row.speaker for row in stored(agent)]


def mail(sender, subject="News", channel="email", day=1):
    return f"a,2025-03-{day:02},{channel},{sender},{subject},Read this."


def test_a_default_of_machine_counts_although_the_address_is_ours(agent, tmp_path):
    mapping = OURS | {"only": {"from": ["news@acme.example"]}, "defaults": {"speaker": "machine"}}
    assert speakers(agent, tmp_path, mapping, mail("news@acme.example")) == ["machine"]


def test_a_word_for_machines_counts_although_the_address_is_ours(agent, tmp_path):
    mapping = OURS | {"columns": {"author": "from", "speaker": "kind"}}
    rows = [f"{mail('tim@acme.example')},bot", f"{mail('tim@acme.example', day=2)},customer"]
    assert speakers(agent, tmp_path, mapping, *rows, header=f"{HEADER},kind") == ["machine", "company"]


@pytest.mark.parametrize("sender", ["Acme <robot@acme.example>", "robot@acme.example", "ROBOT@acme.example"])
def test_listed_machines_come_before_own_addresses(agent, tmp_path, sender):
    mapping = OURS | {"machines": ["robot@acme.example"]}
    assert speakers(agent, tmp_path, mapping, mail(sender), mail("tim@acme.example", day=2)) == ["machine", "company"]


def test_addresses_of_ours_that_are_no_persons_are_machines_unless_they_are_listed(agent, tmp_path):
    rows = [
        mail("noreply@acme.example"),
        mail("Acme <newsletter@mail.acme.example>", day=2),
        mail("noreply@b.example", day=3),
    ]
    assert speakers(agent, tmp_path, OURS, *rows) == ["machine", "machine", "customer"]
    listed = OURS | {"own": ["@acme.example", "noreply@acme.example"]}
    assert speakers(agent, tmp_path, listed, mail("noreply@acme.example"))[0] == "company"


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: Your invoice", "Automatische Antwort: Rechnung", "[EXT] Abwesenheitsnotiz", "Out of Office",
        "Réponse automatique : Facture", "Respuesta automática: Factura", "Risposta automatica: Fattura",
        "Undeliverable: Your invoice", "Unzustellbar: Rechnung", "Delivery Status Notification (Failure)",
    ],
)  # fmt: skip
def test_automatic_replies_and_bounces_in_a_table_are_machines(agent, tmp_path, subject):
    assert speakers(agent, tmp_path, OURS, mail("ana@b.example", subject)) == ["machine"]
    assert stored(agent)[0].metadata["taken_as"].startswith("automatic (subject ")


@pytest.mark.parametrize(
    ("subject", "channel"),
    [
        ("Re: Automatic reply: Your invoice", "email"),
        ("Automatic reply does not stop", "email"),
        ("Out of office chairs?", "email"),
        ("Undeliverable parcel", "email"),
        ("Automatic reply: a poem", "review"),
    ],
)
def test_people_who_write_about_automatic_replies_are_people(agent, tmp_path, subject, channel):
    assert speakers(agent, tmp_path, OURS, mail("ana@b.example", subject, channel)) == ["customer"]


def test_a_bounce_is_known_by_its_sender(agent, tmp_path):
    assert speakers(agent, tmp_path, OURS, mail("MAILER-DAEMON@b.example", "Hello")) == ["machine"]


def test_the_subject_of_a_ticket_is_that_of_its_first_message_only(agent, tmp_path):
    rows = [mail("ana@b.example", "Automatic reply: Hi", "ticket", day) for day in (1, 2)]
    assert speakers(agent, tmp_path, OURS, *rows) == ["machine", "customer"]


def test_rows_that_one_of_several_rules_takes_are_not_skipped(agent, tmp_path):
    mapping = {"only": {"channel": ["email"]}, "also": [{"only": {"channel": ["ticket"]}}]}
    rows = [mail("x"), mail("x", channel="ticket", day=2), mail("x", channel="fax", day=3)]
    summary = ingested(agent, tmp_path, mapping, *rows)
    assert (summary.added, summary.passed_over) == (2, 1)


def test_a_broken_row_is_rejected_once_whatever_the_number_of_rules(agent, tmp_path):
    mapping = {"only": {"channel": ["email"]}, "also": [{"only": {"channel": ["ticket"]}}]}
    summary = ingested(agent, tmp_path, mapping, mail("x"), mail("x", "News,one cell too many", day=2))
    assert (summary.added, summary.rejected) == (1, 1)


def test_a_default_settles_the_words_of_a_guessed_column(agent, tmp_path):
    mapping = {"columns": {"author": "from"}, "defaults": {"speaker": "company"}}
    rows = [f"{mail('x')},Intern", f"{mail('y', day=2)},Kunde"]
    assert speakers(agent, tmp_path, mapping, *rows, header=f"{HEADER},role") == ["company", "customer"]


def test_a_default_speaker_leaves_nothing_to_ask_about_directions(agent, tmp_path):
    mapping = {"columns": {"author": "from"}, "defaults": {"speaker": "company"}}
    assert speakers(agent, tmp_path, mapping, f"{mail('x')},Intern", header=f"{HEADER},richtung") == ["company"]


def test_an_amount_of_zero_is_an_amount(agent, tmp_path):
    rows = ['a,2025-03-01,"0,00"', 'a,2025-03-02,"12,50"']
    ingested(agent, tmp_path, {"defaults": {"text": "Bill"}}, *rows, header="customer_id,date,amount")
    assert [row.amount for row in stored(agent)] == [0, 12.5]


def test_expressions_are_shown_as_the_mapping_has_them(agent, tmp_path):
    mapping = {"columns": {"customer_id": "Kunde | Customer-Id", "interaction_id": "{Nr}-{Zeile}"}}
    summary = ingested(agent, tmp_path, mapping, "a,2025-03-01,hi,1,2", header="Kunde,date,text,Nr,Zeile")
    [columns] = summary.columns.values()
    assert (columns["customer_id"], columns["interaction_id"]) == ("Kunde | Customer-Id", "{Nr}-{Zeile}")


def test_an_address_beside_a_name_is_kept_apart_and_the_row_stays_the_same(agent, tmp_path):
    ingested(agent, tmp_path, OURS, mail("Ana Lopez <Ana@b.example>"))
    assert ingested(agent, tmp_path, OURS, mail("Ana Lopez <Ana@b.example>"), mail("Ana", day=2)).added == 1
    assert [(row.author, row.metadata.get("author_address")) for row in stored(agent)] == [
        ("Ana Lopez", "ana@b.example"),
        ("Ana", None),
    ]


def test_one_person_under_several_names_is_one_contact_of_the_book(agent, tmp_path):
    rows = [mail("Ana Lopez <ana@b.example>"), mail("ana@b.example", day=2), mail("Ana", day=3)]
    ingested(agent, tmp_path, OURS, *rows)
    assert agent.store.statistics().contacts == 0
    ingested(agent, tmp_path, OURS, *rows, mail("Bo", day=4))
    assert agent.store.statistics().contacts == 1


def quoting(agent, tmp_path, *rows):
    ingested(agent, tmp_path, {"columns": {"author": "from"}, "own": ["@acme.example"]}, *rows)
    return [row.text for row in stored(agent) if row.speaker == "customer"]


OFFER = "Your price is 6.90 until the end of June"
ANSWER = f'a,2025-03-05,email,ana@b.example,,"I will think about it.\n\n> {OFFER}."'


def test_a_single_quoted_line_that_an_earlier_mail_of_ours_has_is_left_out(agent, tmp_path):
    rows = [f"a,2025-03-01,email,tim@acme.example,,Good news! {OFFER}. Bye", ANSWER]
    assert quoting(agent, tmp_path, *rows) == ["I will think about it."]


def test_a_known_line_that_begins_with_an_amount_is_left_out_too(agent, tmp_path):
    text = '"Is that so?\n\n> 6.90 EUR until 30.06.2026, then 9.90 EUR\n> 100 Euro would be too much"'
    rows = [
        "a,2025-03-01,email,tim@acme.example,,Now 6.90 EUR until 30.06.2026; then 9.90 EUR.",
        f"a,2025-03-05,email,x,,{text}",
    ]
    assert quoting(agent, tmp_path, *rows) == ["Is that so?\n\n> 100 Euro would be too much"]


@pytest.mark.parametrize("other", ["a,2025-03-09,email,tim@acme.example", "b,2025-03-01,email,tim@acme.example"])
def test_later_mails_and_those_to_others_show_nothing(agent, tmp_path, other):
    assert quoting(agent, tmp_path, f"{other},,{OFFER}", ANSWER) == [f"I will think about it.\n\n> {OFFER}."]


NOTES = "account_id,date,direction,staff,notes"
CALLS = {"columns": {"text": "notes"}, "defaults": {"channel": "call"}}


def test_notes_of_calls_are_ours_and_inbound_calls_are_activity(agent, tmp_path):
    rows = ["a,2025-03-10,inbound,Tom,Rang to say he is leaving. NB bad payer.", "a,2025-03-11,outbound,Tom,Rang him."]
    summary = ingested(agent, tmp_path, CALLS, *rows, header=NOTES)
    assert [(row.speaker, row.direction, row.by_customer) for row in stored(agent)] == [
        ("company", "inbound", True),
        ("company", "outbound", False),
    ]
    assert [guess.mapping for guess in summary.guesses] == ["notes_by_staff: false"]


@pytest.mark.parametrize("more", [{"notes_by_staff": False}, {"defaults": {"channel": "email"}}])
def test_other_texts_and_calls_whose_words_are_written_down_are_not_notes(agent, tmp_path, more):
    assert speakers(agent, tmp_path, CALLS | more, "a,2025-03-10,inbound,Tom,I leave.", header=NOTES) == ["customer"]


def test_a_mapping_says_that_texts_are_notes(agent, tmp_path):
    mapping = {"defaults": {"channel": "visit"}, "notes_by_staff": True}
    ingested(agent, tmp_path, mapping, "a,2025-03-10,inbound,He is angry.", header="customer_id,date,direction,text")
    assert [(row.speaker, row.by_customer) for row in stored(agent)] == [("company", True)]


def test_words_of_the_customer_in_a_note_are_the_customers_as_reported(agent, tmp_path):
    note = '"Called about the bill.\nKundin: Das ist mir zu teuer,\nich kündige.\nTom: offered 5 %\nCustomer: no"'
    for _ in range(2):
        ingested(agent, tmp_path, CALLS, f"a,2025-03-10,inbound,Tom,{note}", header=NOTES)
    company, customer = sorted(stored(agent), key=lambda row: row.speaker)
    assert (company.speaker, customer.speaker) == ("company", "customer")
    assert customer.text == "Das ist mir zu teuer,\nich kündige.\nno"
    assert customer.metadata["taken_as"] == "reported by staff"


def reported_in(note):
    """The words of the customer in a note."""
    call = Interaction("1", "a", datetime(2025, 3, 10, tzinfo=UTC), "call", note, "inbound", "Tom", speaker="company")
    values = tuple(getattr(call, name, None) for name in VALUES)
    words = reported((b"", True, values), Cleaner())
    return words and words[2][VALUES.index("text")]


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (
            'Sounds tired. Kunde: "Ich weiß nicht wie lang noch." Ratenzahlung angeboten.',
            "Ich weiß nicht wie lang noch.",
        ),
        ('Moans again. Customer: "nothing is left". Wants a discount.', "nothing is left"),
        ("Gibt auf. Kundin: „das ist doch kein Service“, sagt sie. Gutschrift.", "das ist doch kein Service"),
        ("Rang. Client: «je pars», then hung up.", "je pars"),
        ('He rang (again) customer: "I said no!" Logged.', "I said no!"),
        (
            'Kunde: "Ich gehe." Bedauern geäußert. Kunde: "Schriftlich kommt noch."',
            "Ich gehe.\nSchriftlich kommt noch.",
        ),
        ('Kunde: "Ich gehe." "Sofort." Notiert.', "Ich gehe. Sofort."),
        ('Kunde: "läuft" sei ihm zu wenig, er kündigt.', '"läuft" sei ihm zu wenig, er kündigt.'),
        ("customer: retiring, wants the line off. Confirmed.", "retiring, wants the line off. Confirmed."),
    ],
)
def test_quotations_of_the_customer_inside_a_note_are_the_customers(note, words):
    assert reported_in(note) == words


@pytest.mark.parametrize(
    "note",
    [
        'Neuer Kunde: "Foto Schmidt". Angelegt.',
        "Rang about the bill. Customer: Miller Ltd, no 4711. Explained.",
        'Told him the tariff is called "Fair". Customer happy.',
        'He finds it "stark, dass die Chefin anruft".',
        'Checked the system. Customer: "A-17". Closed.',
        'Checked. Customer: "Miller" is the name on the bill.',
        'Checked. Customer: "not closed',
        'Our new Customer: "we all start with one" campaign.',
        'Checked. Tom: "I will call back."',
    ],
)
def test_other_quotations_and_names_inside_a_note_are_not(note):
    assert reported_in(note) is None


@pytest.mark.parametrize("channel", ["ticket", "chat"])
def test_a_column_of_agents_does_not_make_them_the_authors_of_the_customers_texts(agent, tmp_path, channel):
    path = write_csv(
        tmp_path / "a.csv", f"a,2025-03-01,{channel},I cancel,Tim Agent", header="customer_id,date,channel,text,agent"
    )
    agent.ingest(path, unknown_is="customer")
    [row] = stored(agent)
    assert (row.speaker, row.author, row.metadata) == ("customer", None, {"agent": "Tim Agent"})
