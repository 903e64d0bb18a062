"""Mailboxes: whose mail is whose, and what machines wrote."""

from email.message import EmailMessage

import pytest

from churn_agent.ingest.questions import NeedsAnswer
from tests.field.books import SEPARATOR, customers, mail, mailbox, put, spoken, stored, texts

OURS = ["@warm.example"]
HELP = "help@warm.example"


# 13
def small_shop(path):
    return mailbox(
        path,
        mail("lee@studio.example", "cosyshop@gmail.com", "Do you ship to Graz?"),
        mail("Kim <kim.home@gmail.com>", "Cosy <cosyshop@gmail.com>", "Please stop my subscription."),
        mail("Cosy <cosyshop@gmail.com>", "Kim <kim.home@gmail.com>", "What a pity.", day="Tue, 03 Mar 2026"),
        mail("Ro <ro.home@gmail.com>", "cosyshop@gmail.com", "Nobody answers, I go.", Cc="pal@far.example"),
    )


@pytest.mark.parametrize("how", [{"own": ["cosyshop@gmail.com"]}, {"yes": True}])
def test_a_shop_with_a_free_address_is_told_from_customers_with_one(agent, tmp_path, how):
    agent.ingest(small_shop(tmp_path / "takeout.mbox"), **how)
    assert customers(agent) == ["kim.home@gmail.com", "lee@studio.example", "ro.home@gmail.com"]
    assert [speaker for speaker, _ in spoken(agent, "kim.home@gmail.com")] == ["customer", "company"]
    assert [speaker for speaker, _ in spoken(agent, "ro.home@gmail.com")] == ["customer"]


def test_a_guess_of_the_own_address_waits_for_its_confirmation(agent, tmp_path):
    with pytest.raises(NeedsAnswer) as asked:
        agent.ingest(small_shop(tmp_path / "takeout.mbox"))
    [question] = asked.value.questions
    assert question.likely == "cosyshop@gmail.com"
    assert "gmail.com" not in question.options
    assert customers(agent) == []


# 15
@pytest.mark.parametrize("first", [True, False])
def test_a_group_that_rewrites_the_sender_hides_no_customer(agent, tmp_path, first):
    mails = [
        mail(
            "'Kim Roe' via Help <help@warm.example>",
            HELP,
            "I want to end my contract.",
            Reply_To="Kim Roe <kim@home.example>",
            X_Original_From="Kim Roe <kim@home.example>",
            List_ID="<help.warm.example>",
        ),
        mail("lee@studio.example", HELP, "Where is my meter?"),
    ]
    agent.ingest(mailbox(tmp_path / "g.mbox", *(mails if first else mails[::-1])), own=OURS)
    assert [text for _, text in spoken(agent, "kim@home.example")] == ["Boiler\n\nI want to end my contract."]
    assert spoken(agent, "kim@home.example")[0][0] == "customer"


# 16
def test_what_machines_send_is_no_activity_and_no_word_of_a_customer(agent, tmp_path):
    agent.ingest(
        mailbox(
            tmp_path / "in.mbox",
            mail("kim@home.example", HELP, "Where is my bill?", day="Mon, 03 Nov 2025"),
            mail(HELP, "kim@home.example", "Spring news!"),
            mail(
                "kim@home.example", HELP, "I am away and will leave the firm.", Auto_Submitted="auto-replied",
                subject="Automatic reply: news",
            ),
            mail(
                "Mail Delivery Subsystem <mailer-daemon@post.example>", HELP, "Address not found: ro@home.example",
                Auto_Submitted="auto-replied", subject="Delivery Status Notification (Failure)",
            ),
        ),
        own=OURS,
    )  # fmt: skip
    assert "mailer-daemon@post.example" not in customers(agent)
    assert [speaker for speaker, _ in spoken(agent, "kim@home.example")] == ["customer", "company", "machine"]
    [recency] = [fact for fact in agent.assess("kim@home.example", as_of="2026-03-02").facts if fact.name == "recency"]
    assert recency.value == 119


@pytest.mark.parametrize(
    "header", [{"Precedence": "auto_reply"}, {"X_Autoreply": "yes"}, {"Return_Path": "<>"}, {"X_Autorespond": "1"}]
)
def test_the_usual_marks_of_automatic_replies_are_known(agent, tmp_path, header):
    mails = (mail("kim@home.example", HELP, "I am away."), mail("kim@home.example", HELP, "I am away.", **header))
    agent.ingest(mailbox(tmp_path / "in.mbox", *mails), own=OURS)
    assert [speaker for speaker, _ in spoken(agent, "kim@home.example")] == ["customer", "machine"]


def test_an_answer_to_an_invitation_is_the_calendars(agent, tmp_path):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "kim@home.example", HELP, "Accepted: Visit"
    message["Date"] = "Mon, 02 Mar 2026 08:30:00 +0100"
    message.set_content("Kim has accepted this invitation.")
    message.add_alternative("BEGIN:VCALENDAR\nEND:VCALENDAR", subtype="calendar", params={"method": "REPLY"})
    agent.ingest(mailbox(tmp_path / "in.mbox", message.as_string()), own=OURS)
    assert [speaker for speaker, _ in spoken(agent, "kim@home.example")] == ["machine"]


# 17
def alternative(sender, plain, html):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, HELP, "Contract"
    message["Date"] = "Mon, 02 Mar 2026 08:30:00 +0100"
    message.set_content(plain, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    return message.as_string()


@pytest.mark.parametrize("plain", ["", " \n", "Your mail program cannot show HTML mails.", "[image: logo]"])
def test_words_that_stand_in_the_html_part_alone_are_read(agent, tmp_path, plain):
    html = "<html><body><p>Your rival is cheaper, so I leave you at the end of next month.</p></body></html>"
    agent.ingest(mailbox(tmp_path / "in.mbox", alternative("kim@home.example", plain, html)), own=OURS)
    assert texts(agent, "kim@home.example")[0].endswith(
        "Your rival is cheaper, so I leave you at the end of next month."
    )


# 19
def test_a_line_that_begins_with_from_does_not_end_a_mail(agent, tmp_path):
    text = "Good day,\n\nFrom the 1st of May on I am with your rival.\nPlease end my contract.\n\nKim"
    raw = f"From: kim@home.example\nTo: {HELP}\nSubject: End\nDate: Mon, 02 Mar 2026 08:30:00 +0100\n\n{text}\n"
    summary = agent.ingest(
        mailbox(tmp_path / "in.mbox", raw, mail("lee@studio.example", HELP, "Where is my bill?")), own=OURS
    )
    assert (summary.added, summary.rejected) == (2, 0)
    assert (
        "From the 1st of May on I am with your rival.\nPlease end my contract." in texts(agent, "kim@home.example")[0]
    )


# 20
def test_an_internal_first_mail_stops_none_of_the_others(agent, tmp_path):
    summary = agent.ingest(
        mailbox(
            tmp_path / "in.mbox",
            mail("tim@warm.example", HELP, "Cake in the kitchen"),
            mail("kim@home.example", HELP, "I want to leave."),
            mail("lee@studio.example", HELP, "Where is my bill?"),
        ),
        own=OURS,
    )
    assert summary.added == 2
    assert customers(agent) == ["kim@home.example", "lee@studio.example"]


# 64
def odd(*headers, body=b"good day, I want to leave", sender=b"From: kim@home.example"):
    fields = [sender, b"To: help@warm.example", *headers]
    return SEPARATOR.encode() + b"\n".join(fields) + b"\n\n" + body + b"\n\n"


DATE = b"Date: Mon, 02 Mar 2026 08:30:00 +0100"


@pytest.mark.parametrize(
    "content",
    [
        odd(DATE, b"Content-Type: text/plain; charset=cp-850", body="Grüße, ich kündige".encode("cp850")),
        odd(DATE, b"Content-Type: text/plain", body="Grüße, ich kündige".encode("cp1252")),
        odd(DATE, b"Content-Type: text/plain; charset=utf-8", body="Grüße, ich kündige".encode("cp1252")),
        odd(DATE, b"Content-Type: text/plain; charset=no-such", body="Grüße, ich kündige".encode()),
    ],
    ids=["unusual name", "no charset", "wrong charset", "unknown charset"],
)
def test_letters_survive_a_wrong_charset(agent, tmp_path, content):
    agent.ingest(put(tmp_path / "odd.mbox", content), own=OURS)
    assert "Grüße, ich kündige" in texts(agent, "kim@home.example")[0]


@pytest.mark.parametrize(
    "content",
    [
        odd(b"Received: from a by b; Mon, 02 Mar 2026 08:30:00 +0100"),
        odd(b"Date: yesterday", b"Received: from a by b; Mon, 02 Mar 2026 08:30:00 +0100"),
        odd(),
    ],
    ids=["Received", "unreadable Date", "the line between mails"],
)
def test_a_mail_without_a_date_has_that_of_its_way(agent, tmp_path, content):
    agent.ingest(put(tmp_path / "odd.mbox", content), own=OURS)
    [row] = stored(agent, "kim@home.example")
    assert f"{row.occurred_at:%Y-%m-%d}" == "2026-03-02"


@pytest.mark.parametrize(
    "sender",
    [
        b"From: =?utf-8?q?R=C3=B6e=2C_Kim?= <kim@home.example>",
        b"From: Roe, Kim <kim@home.example>",
        b'From: "kim@home.example" <kim@home.example>',
        b"From: kim@home.example\nFrom: kim@home.example",
        b"From: <kim@home.example>",
    ],
)
def test_odd_senders_are_read(agent, tmp_path, sender):
    agent.ingest(put(tmp_path / "odd.mbox", odd(DATE, sender=sender)), own=OURS)
    assert customers(agent) == ["kim@home.example"]


@pytest.mark.parametrize("sender", [b"From: undisclosed-recipients:;", b"From: Kim", b"X-None: 1"])
def test_a_mail_without_a_sender_is_rejected_with_a_reason_and_the_others_come_in(agent, tmp_path, sender):
    summary = agent.ingest(put(tmp_path / "odd.mbox", odd(DATE) + odd(DATE, sender=sender)), own=OURS)
    assert (summary.added, summary.rejected) == (1, 1)
    assert "sender" in str(summary.first_rejected[0]["reason"])


# 68
def folder_of_one(path):
    put(path / "0.eml", mail("kim@home.example", "tim@warm.example", "My boiler works again, thank you."))
    put(path / "1.eml", mail("tim@warm.example", "kim@home.example", "Good. Do you want to end it?"))
    put(path / "2.eml", mail("sue@warm.example", "kim@home.example", "We regret that you leave us."))
    return path


def test_mails_with_one_customer_do_not_show_who_is_the_company(agent, tmp_path):
    with pytest.raises(NeedsAnswer, match="do not show which side is yours"):
        agent.ingest(folder_of_one(tmp_path / "mails"))
    agent.ingest(folder_of_one(tmp_path / "mails"), own=OURS)
    assert customers(agent) == ["kim@home.example"]
    assert [speaker for speaker, _ in spoken(agent, "kim@home.example")].count("customer") == 1


@pytest.mark.parametrize("colleagues", [1, 2, 3])
def test_a_mail_forwarded_by_one_colleague_after_the_other_is_the_customers(agent, tmp_path, colleagues):
    text = "I cancel at the end of March.\n\nKim"
    for number, sender in enumerate(["kim@home.example", *[f"tim{n}@warm.example" for n in range(colleagues - 1)]]):
        head = f"From: <{sender}>\nSent: Monday, March 2, 2026 {8 + number}:00 AM\nTo: {HELP}\nSubject: FW: Boiler"
        text = f"See below {number}\n\n________________________________\n{head}\n\n{text}"
    message = mail("tim@warm.example", HELP, text, subject="FW: Boiler")
    agent.ingest(mailbox(tmp_path / "in.mbox", message), own=OURS)
    [own] = [said for who, said in spoken(agent, "kim@home.example") if who == "customer"]
    assert "I cancel at the end of March." in own
    assert "See below" not in own
