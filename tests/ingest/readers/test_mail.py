"""Who speaks in a mailbox, and that no word of it is lost. The mails are made up, in the forms that programs write."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.mail import guess_own, read_mail, survey_own
from churn_agent.ingest.readers.mail.decoding import decoded
from tests.conftest import examples

SEPARATOR = "From ana@home.example Sun Feb  1 10:00:00 2026\n"
DATE = "Sun, 01 Feb 2026 10:00:00 +0100"
OURS = ("acme.example",)


def mail(sender, to, text, subject="Hello", date=DATE, **headers):
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}"] + ([f"Date: {date}"] if date else [])
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\n".join(lines) + "\n\n" + text + "\n"


def rows_of(tmp_path, *mails, own=OURS, separator=SEPARATOR):
    path = tmp_path / "a.mbox"
    path.write_bytes(b"".join(separator.encode() + (m if isinstance(m, bytes) else m.encode()) + b"\n" for m in mails))
    return list(read_mail(path, own, lambda done, total: None))


def spoken(rows):
    return [(row.values.get("speaker"), row.values.get("customer_id")) for row in rows]


def test_the_company_is_told_by_addresses_and_by_domains(tmp_path):
    mails = [
        mail("ana@gmail.com", "shop@gmail.com", "I leave"),
        mail("shop@gmail.com", "ana@gmail.com", "Why?"),
        mail("bo@else.example", "tim@mail.acme.example", "hi"),
        mail("s.hop+re@googlemail.com", "bo@else.example", "hello"),
    ]
    rows = rows_of(tmp_path, *mails, own=("shop@gmail.com", "@acme.example"))
    assert spoken(rows) == [
        ("customer", "ana@gmail.com"),
        ("company", "ana@gmail.com"),
        ("customer", "bo@else.example"),
        ("company", "bo@else.example"),
    ]


def test_without_the_company_nobody_is_taken_for_a_side(tmp_path):
    rows = rows_of(tmp_path, mail("ana@home.example", "tim@acme.example", "I leave"), own=())
    assert spoken(rows) == [("unknown", "ana@home.example")]


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Original_From": "Ana <ana@home.example>"},
        {"X_Original_Sender": "ana@home.example", "Reply_To": "support@acme.example"},
        {"Reply_To": "Ana <ana@home.example>"},
        {"Reply_To": "Ana <ana@home.example>", "Auto_Submitted": "auto-generated", "Precedence": "bulk"},
    ],
)
def test_a_group_or_form_that_writes_in_a_customers_name(tmp_path, headers):
    text = "I want to cancel my contract."
    [row] = rows_of(tmp_path, mail("'Ana' via Support <support@acme.example>", "support@acme.example", text, **headers))
    assert spoken([row]) == [("customer", "ana@home.example")]
    assert text in row.values["text"]
    assert row.values["taken_as"]


@pytest.mark.parametrize("sender", ["noreply@acme.example", "forms@formservice.example", "info@acme.example"])
def test_a_form_names_the_customer_in_its_text(tmp_path, sender):
    text = "Name: Ana\nE-Mail: ana@home.example\nMessage: I want to cancel."
    rows_of(tmp_path, mail(sender, "support@acme.example", text, "New message"))
    guesses = []
    [row] = read_mail(tmp_path / "a.mbox", OURS, lambda done, total: None, guesses.append)
    assert spoken([row]) == [("customer", "ana@home.example")]
    assert [guess.about for guess in guesses] == ["mails of contact forms"]
    assert row.values["taken_as"].startswith("contact form")


def test_a_colleague_who_names_an_address_is_not_a_form(tmp_path):
    text = "Please call her.\nE-Mail: ana@home.example\nName: Ana\nShe wants to cancel, it seems."
    [row] = rows_of(tmp_path, mail("tim@acme.example", "sue@acme.example", text))
    assert row.problem == "an internal mail, from tim@acme.example to sue@acme.example: it has no customer"


FORWARDS = {
    "gmail": "---------- Forwarded message ---------\nFrom: Ana Muster <ana@home.example>\nDate: Fri, Jan 30, 2026 at 9:00 AM\nSubject: Contract\nTo: <tim@acme.example>\n\n\nI want to cancel.",
    "outlook": "________________________________\nVon: Ana Muster <ana@home.example>\nGesendet: Freitag, 30. Januar 2026 09:00\nAn: Tim\nBetreff: Contract\n\nI want to cancel.",
    "apple": "Begin forwarded message:\n\n> From: Ana Muster <ana@home.example>\n> Subject: Contract\n> Date: 30 January 2026 at 09:00:00 CET\n> To: tim@acme.example\n>\n> I want to cancel.",
    "french": "-------- Message transféré --------\nDe : Ana Muster <ana@home.example>\nEnvoyé : vendredi 30 janvier 2026\nÀ : Tim\nObjet : Contract\n\nI want to cancel.",
}


@pytest.mark.parametrize("form", FORWARDS)
def test_only_what_was_forwarded_is_the_customers(tmp_path, form):
    text = f"FYI, she is a bit dramatic, I will leave it to you.\n\n{FORWARDS[form]}"
    theirs, ours = rows_of(tmp_path, mail("tim@acme.example", "sue@acme.example", text, "Fwd: Contract"))
    assert spoken([theirs, ours]) == [("customer", "ana@home.example"), ("company", "ana@home.example")]
    assert theirs.values["text"] == "Contract\n\nI want to cancel."
    assert (ours.values["channel"], ours.values["text"]) == (
        "note",
        "FYI, she is a bit dramatic, I will leave it to you.",
    )
    assert theirs.values["interaction_id"] != ours.values["interaction_id"]


def test_a_mail_forwarded_as_an_attachment_is_the_customers(tmp_path):
    inner = mail("ana@home.example", "tim@acme.example", "I want to cancel.", Message_ID="<1@home.example>")
    outer = mail(
        "tim@acme.example",
        "sue@acme.example",
        "",
        "Fwd",
        MIME_Version="1.0",
        Content_Type='multipart/mixed; boundary="x"',
    )
    [row] = rows_of(tmp_path, f"{outer}--x\nContent-Type: message/rfc822\n\n{inner}\n--x--\n")
    assert spoken([row]) == [("customer", "ana@home.example")]
    assert row.values["interaction_id"] == "<1@home.example>"


def test_people_in_copy_are_of_their_account_unless_their_domain_is_a_providers(tmp_path):
    mails = [
        mail("ana@big.example", "us@acme.example", "It is down.", Cc="cfo@big.example"),
        mail("cfo@big.example", "us@acme.example", "We terminate.", "Re: Hello"),
        mail("bo@gmail.com", "us@acme.example", "hi"),
    ]
    rows = rows_of(tmp_path, *mails)
    assert [row.values["speaker"] for row in rows] == ["customer"] * 3
    assert [row.values["customer_account"] for row in rows] == ["big.example", "big.example", "bo@gmail.com"]


def test_a_mail_of_ours_to_two_customers_is_said_to_both_and_to_an_account_once(tmp_path):
    to = "ana@home.example, bo@big.example, cy@big.example"
    rows = rows_of(
        tmp_path, mail("us@acme.example", to, "News", Cc="by@stander.example", Message_ID="<1@acme.example>")
    )
    assert spoken(rows) == [("company", "ana@home.example"), ("company", "bo@big.example")]
    assert len({row.values["interaction_id"] for row in rows}) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied (vacation)"},
        {"Auto_Submitted": "auto-generated"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "Re: Hello"},
        {"Precedence": "auto_reply"},
        {"Precedence": "bulk"},
        {"Return_Path": "<>"},
        {"subject": "Automatische Antwort: Hello", "X_Auto_Response_Suppress": "All"},
        {"subject": "Réponse automatique : Hello", "X_Auto_Response_Suppress": "All"},
        {"Content_Type": 'multipart/report; report-type=disposition-notification; boundary="x"'},
    ],
)
def test_an_automatic_reply_is_a_machines_and_stays_with_its_customer(tmp_path, headers):
    [row] = rows_of(tmp_path, mail("ana@home.example", "us@acme.example", "I leave the company.", **headers))
    assert (spoken([row]), row.problem) == ([("machine", "ana@home.example")], None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "no"},
        {"Precedence": "list", "List_Id": "<users.acme.example>"},
        {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"},
        {"subject": "Automatic reply to my complaint is not enough"},
        {"subject": "Out of office chairs?"},
        {"List_Unsubscribe": "<mailto:x@home.example>"},
        {"Return_Path": "<ana@home.example>"},
    ],
)
def test_a_person_is_not_taken_for_a_machine(tmp_path, headers):
    [row] = rows_of(tmp_path, mail("ana@home.example", "us@acme.example", "I want to cancel.", **headers))
    assert spoken([row]) == [("customer", "ana@home.example")]


def test_a_newsletter_of_others_is_set_aside(tmp_path):
    mails = mail(
        "news@shop.example", "us@acme.example", "Sale!", List_Unsubscribe="<https://x.example>", Feedback_ID="1"
    )
    [row] = rows_of(tmp_path, mails)
    assert "in bulk" in row.problem


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"X_Failed_Recipients": "cy@home.example"}, "failed"),
        ({}, "Address not found: cy@home.example. Ask postmaster@home.example"),
        ({"Content_Type": 'multipart/report; report-type=delivery-status; boundary="x"'},
         "--x\nContent-Type: text/plain\n\nSorry\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
         "Final-Recipient: rfc822; cy@home.example\nAction: failed\n--x--"),
    ],
)  # fmt: skip
def test_a_bounce_is_of_the_customer_it_names(tmp_path, headers, text):
    [row] = rows_of(
        tmp_path, mail("Mail Delivery <mailer-daemon@mx.example>", "us@acme.example", text, "Undelivered", **headers)
    )
    assert spoken([row]) == [("machine", "cy@home.example")]


def test_a_bounce_that_names_nobody_is_set_aside(tmp_path):
    [row] = rows_of(tmp_path, mail("postmaster@mx.example", "us@acme.example", "Some mail failed"))
    assert "names no customer" in row.problem


def test_a_bounce_of_a_mail_to_several_is_of_each(tmp_path):
    text = "failed: cy@home.example, dan@home.example"
    rows = rows_of(
        tmp_path, mail("mailer-daemon@mx.example", "us@acme.example", text, "Undelivered", Message_ID="<1@mx.example>")
    )
    assert spoken(rows) == [("machine", "cy@home.example"), ("machine", "dan@home.example")]
    assert len({row.values["interaction_id"] for row in rows}) == 2


@pytest.mark.parametrize(
    "line", ["quite Delivered-To: x@home.example", "Subject  : Hello", "a line of nothing", "=?utf-8?q?x?="]
)
def test_a_broken_line_among_headers_hides_none_of_them(tmp_path, line):
    [row] = rows_of(
        tmp_path, f"Received: by x; {DATE}\n{line}\n" + mail("ana@home.example", "us@acme.example", "I leave")
    )
    assert spoken([row]) == [("customer", "ana@home.example")]
    assert row.values["text"].endswith("I leave")


def test_headers_without_a_blank_line_below_lose_no_text(tmp_path):
    [row] = rows_of(
        tmp_path, mail("ana@home.example", "us@acme.example", "").rstrip() + "\nI want to cancel today.\nAna\n"
    )
    assert "I want to cancel today.\nAna" in row.values["text"]


def test_a_date_without_a_zone_is_compared_with_one_that_has_it(tmp_path):
    received = {"Received": "by x; Sun, 01 Feb 2026 10:00:00"}
    [row] = rows_of(tmp_path, mail("ana@home.example", "us@acme.example", "hi", **received))
    assert row.values["timestamp"] == "2026-02-01T10:00:00+01:00"


PARTS = (
    'From: ana@home.example\nTo: us@acme.example\nSubject: Re: x\nDate: {date}\nContent-Type: multipart/{kind}; boundary="x"\n\n'
    "--x\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--x\nContent-Type: text/html; charset=utf-8\n\n{html}\n--x--\n"
)
RICH = "<html><head><style>p {color: red}</style></head><body><p>I want to cancel my contract at the end of the month, please.</p></body></html>"


@pytest.mark.parametrize(
    "plain",
    ["", "  \n", "Your email client does not support HTML messages.", "Ihr Programm kann kein HTML.", "View this email in your browser", "[image: logo]"],
)  # fmt: skip
def test_the_html_part_counts_where_the_plain_one_says_nothing(tmp_path, plain):
    [row] = rows_of(tmp_path, PARTS.format(date=DATE, kind="alternative", plain=plain, html=RICH))
    assert "cancel my contract" in row.values["text"]


def test_the_plain_part_counts_where_it_says_the_same(tmp_path):
    plain = "I want to cancel my contract at the end of the month, please."
    [row] = rows_of(tmp_path, PARTS.format(date=DATE, kind="alternative", plain=plain, html=RICH))
    assert row.values["text"] == plain


def test_parts_that_are_no_alternatives_are_all_read(tmp_path):
    [row] = rows_of(tmp_path, PARTS.format(date=DATE, kind="mixed", plain="First\nsecond <3", html=RICH))
    assert "First\nsecond &lt;3" in row.values["text"]
    assert "cancel my contract" in row.values["text"]


@pytest.mark.parametrize(
    "line",
    [
        "From the 1st of March on I will be with your competitor.",
        "From what I see on Monday, I will leave",
        "From Mon on we are closed",
        "From our view: a disaster",
    ],
)
def test_a_sentence_that_begins_with_from_is_not_a_new_mail(tmp_path, line):
    text = f"Hello,\n\n{line}\nCancel: yes\nAna"
    rows = rows_of(
        tmp_path, mail("ana@home.example", "us@acme.example", text), mail("bo@else.example", "us@acme.example", "hi")
    )
    assert [row.values["customer_id"] for row in rows] == ["ana@home.example", "bo@else.example"]
    assert text in rows[0].values["text"]


def test_a_patch_in_a_mail_is_not_a_new_mail(tmp_path):
    patch = f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: bo@else.example\nSubject: [PATCH] x\n"
    rows = rows_of(tmp_path, mail("ana@home.example", "us@acme.example", f"see\n\n{patch}"))
    assert len(rows) == 1


@pytest.mark.parametrize(
    "separator",
    [
        "From x Sun Feb  1 10:00:00 2026\n",
        "From - Sun Feb 01 10:00:00 2026\n",
        "From MAILER-DAEMON Fri Jul  8 12:08:34 2011\r\n",
        "From 1545668983435175434@xxx Sun Feb 01 10:00:00 +0000 2026\n",
        "From ana at home.example  Sun Feb  1 10:00:00 2026\n",
        "From ana@home.example Sun, 01 Feb 2026 10:00:00 +0100\n",
        "From \n",
        "From ana@home.example\n",
        "From ana@home.example 2026-02-01T10:00:00\n",
        "From ana@home.example Sun Feb  1 10:00:00 2026\n>From - Sun Feb 01 2026 10:00:00\n",
    ],
)
def test_separators_have_many_forms(tmp_path, separator):
    mails = [mail(f"{name}@home.example", "us@acme.example", f"words of {name}") for name in ("ana", "bo", "cy")]
    rows = rows_of(tmp_path, *mails, separator=separator)
    assert [row.values["text"].split()[-1] for row in rows] == ["ana", "bo", "cy"]


def test_from_is_unescaped_but_not_among_quoted_lines(tmp_path):
    text = "Hello\n>From now on I use Rival.\n\n> You wrote\n>From my side\n> all well"
    [row] = rows_of(tmp_path, mail("ana@home.example", "us@acme.example", text))
    assert "\nFrom now on I use Rival." in row.values["text"]
    assert "\n>From my side" in row.values["text"]


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("", "cp1252"), ("utf-8", "cp1252"), ("us-ascii", "utf-8"), ("cp-850", "cp850"), ("iso-8859-1", "cp1252"), ("x-unknown", "utf-8"), ("nonsense", "cp1252")],
)  # fmt: skip
def test_no_letter_is_lost_to_a_wrong_charset(tmp_path, charset, codec):
    content_type = f"text/plain; charset={charset}" if charset else "text/plain"
    head = mail("ana@home.example", "us@acme.example", "", "Re: x", Content_Type=content_type).encode()
    [row] = rows_of(tmp_path, head + "Grüße, ich kündige".encode(codec))
    assert row.values["text"] == "Grüße, ich kündige"


@pytest.mark.parametrize(
    "charset", ["utf-16", "UTF-16LE", "utf-16be", "utf-32", "iso-8859-1", "windows-1252", "iso-8859-15"]
)
@pytest.mark.parametrize("text", ["<p>I am leaving</p>", "Grüße, ich kündige den Vertrag für das ganze Büro"])
def test_bytes_count_more_than_a_declared_charset_that_they_contradict(charset, text):
    assert decoded(text.encode(), charset) == text


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-16", "I am leaving"),
        ("utf-16-le", "我要取消订阅"),
        ("utf-16-be", "I leave: 我要取消"),
        ("utf-32", "I am leaving"),
        ("cp1252", "Grüße, ich kündige"),
        ("koi8-r", "Я ухожу от вас"),
        ("windows-1251", "Я ухожу от вас"),
        ("big5", "我要取消訂閱"),
    ],
)
def test_a_declared_charset_counts_where_the_bytes_are_in_it(charset, text):
    assert decoded(text.encode(charset), charset) == text


@pytest.mark.parametrize("disposition", ["", "\nContent-Disposition: attachment"])
def test_a_mail_that_is_another_mail_has_no_words_of_its_sender(tmp_path, disposition):
    inner = "From: tim@acme.example\nSubject: Your plan\n\nYou want to leave?"
    outer = mail("ana@home.example", "us@acme.example", inner, "", Content_Type="message/rfc822" + disposition)
    [row] = rows_of(tmp_path, outer)
    assert "leave" not in row.values.get("text", "")
    assert row.problem == "its text is in another mail that it passes on, which is not read"


def test_a_mail_of_a_customer_that_we_pass_on_as_it_is_is_theirs(tmp_path):
    inner = f"From: ana@home.example\nTo: tim@acme.example\nDate: {DATE}\nSubject: Plan\n\nI leave"
    [row] = rows_of(tmp_path, mail("tim@acme.example", "us@acme.example", inner, Content_Type="message/rfc822"))
    assert (row.values["speaker"], row.values["customer_id"]) == ("customer", "ana@home.example")
    assert "I leave" in row.values["text"]


def test_text_that_was_cut_in_base64_is_read_as_far_as_it_goes(tmp_path):
    cut = base64.b64encode(b"I want to cancel my contract").decode()[:-3]
    [row] = rows_of(
        tmp_path, mail("ana@home.example", "us@acme.example", cut, "Re: x", Content_Transfer_Encoding="base64")
    )
    assert row.values["text"].startswith("I want to cancel my contr")


@pytest.mark.parametrize(
    ("date", "headers", "expected", "noted"),
    [
        (DATE, {}, "2026-02-01T10:00:00+01:00", ""),
        (None, {"Received": f"by x; {DATE}"}, "2026-02-01T10:00:00+01:00", "the mail has no date"),
        ("soon", {"Received": f"by x; {DATE}"}, "2026-02-01T10:00:00+01:00", "not readable"),
        ("soon", {}, "2026-02-01T10:00:00+00:00", "not readable"),
        ("Thu, 01 Jan 1970 00:00:00 +0000", {"Received": f"by x; {DATE}"}, "2026-02-01T10:00:00+01:00", "far from"),
        ("Sun, 01 Feb 2062 10:00:00 +0100", {"Received": f"by x; {DATE}"}, "2026-02-01T10:00:00+01:00", "far from"),
        ("So, 01 Feb 2026 10:00:00 +0100", {}, "2026-02-01T10:00:00+01:00", ""),
        ("2026-02-01 9:30:00", {}, "2026-02-01T09:30:00", ""),
        ("Sun, 01 Feb 2026 10:00:00 -0000", {}, "2026-02-01T10:00:00+00:00", ""),
    ],
)
def test_the_date_of_receipt_helps_out(tmp_path, date, headers, expected, noted):
    [row] = rows_of(tmp_path, mail("ana@home.example", "us@acme.example", "hi", date=date, **headers))
    assert row.values["timestamp"] == expected
    assert noted in row.values.get("date_note", "")


def test_a_mail_in_winmail_dat_says_so(tmp_path):
    tnef = mail(
        "ana@home.example",
        "us@acme.example",
        "eJ8+Ig==",
        "Offer",
        Content_Type="application/ms-tnef; name=winmail.dat",
        Content_Transfer_Encoding="base64",
    )
    named, nameless = rows_of(tmp_path, tnef, tnef.replace("Subject: Offer", "Subject:"))
    assert "winmail.dat" in named.values["not_read"]
    assert "winmail.dat" in nameless.problem


def test_a_broken_mail_has_one_clear_reason(tmp_path):
    rows = rows_of(
        tmp_path,
        "Subject: nobody\n\nhello\n",
        mail("ana@home.example", "us@acme.example", "hi", date="soon"),
        separator="From \n",
    )
    assert [row.problem for row in rows] == [
        "not a readable mail: no sender and no receiver",
        "not a readable mail: no readable date (Date: 'soon')",
    ]


def test_a_message_id_that_mails_share_loses_none_of_them(tmp_path):
    mails = [
        mail("ana@home.example", "us@acme.example", text, Message_ID="<same@x.example>")
        for text in ("one", "two", "one")
    ]
    keys = [row.values["interaction_id"] for row in rows_of(tmp_path, *mails)]
    assert keys[0] == keys[2] != keys[1]


def test_the_company_is_guessed_with_evidence(tmp_path):
    rows_of(
        tmp_path,
        mail("ana@home.example", "us@acme.example", "a"),
        mail("us@acme.example", "bo@else.example", "b"),
        mail("cy@gmail.com", "tim@acme.example", "c"),
    )
    guess = guess_own([tmp_path / "a.mbox"])
    assert guess.own == ("acme.example",)
    assert guess.evidence == "in 3 of 3 mails; next is home.example with 1"


@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        # one customer's mails: either side may be the company
        ([("ana@home.example", "tim@acme.example", {}), ("sue@acme.example", "ana@home.example", {})], None),
        ([("ana@home.example", "tim@acme.example", {"Delivered_To": "tim@acme.example"})], ("acme.example",)),
        ([("tim@acme.example", "ana@home.example", {"X_Gmail_Labels": "Gesendet,Wichtig"})], ("acme.example",)),
        ([("ana@home.example", "support@acme.example", {}), ("support@acme.example", "ana@home.example", {})], ("acme.example",)),
        # providers of free mail are never the company; its address there is
        ([("ana@gmail.com", "shop@gmail.com", {}), ("bo@gmail.com", "shop@gmail.com", {}), ("shop@gmail.com", "cy@yahoo.co.jp", {})], ("shop@gmail.com",)),
        # two domains of one company
        ([("a@x.example", "us@acme.com", {}), ("b@y.example", "us@acme.ch", {}), ("us@acme.ch", "c@z.example", {}), ("us@acme.com", "d@w.example", {})], ("acme.com", "acme.ch")),
        ([], None),
    ],
)  # fmt: skip
def test_the_company_is_not_guessed_without_a_clear_winner(tmp_path, mails, expected):
    for number, (sender, to, headers) in enumerate(mails):
        (tmp_path / f"{number}.eml").write_text(mail(sender, to, "hi", **headers))
    guess = guess_own(sorted(tmp_path.glob("*.eml")))
    assert (guess and set(guess.own)) == (expected and set(expected))


def test_candidates_for_the_question_are_counted(tmp_path):
    rows_of(
        tmp_path, mail("ana@home.example", "tim@acme.example", "a"), mail("sue@acme.example", "ana@home.example", "b")
    )
    survey = survey_own([tmp_path / "a.mbox"])
    assert set(survey.candidates) == {("home.example", 2), ("acme.example", 2)}
    assert set(survey.question.options) == {"home.example", "acme.example"}
    assert survey.question.answer("acme.example, @acme.ch") == {"own": ["acme.example", "@acme.ch"]}


def test_a_file_that_is_not_a_mailbox_is_refused(tmp_path):
    (tmp_path / "a.mbox").write_text("Hello\nFrom ana\n")
    (tmp_path / "b.eml").write_text("")
    for name in ("a.mbox", "b.eml"):
        with pytest.raises(FileFormatError):
            list(read_mail(tmp_path / name, OURS, lambda done, total: None))


ADDRESSES = [f"{name}@{host}" for name in ("ana", "bo") for host in ("left.example", "right.example")]
EXCHANGES = st.lists(st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES)), min_size=1, max_size=6)
SWAPPED = {"customer": "company", "company": "customer"}


@settings(max_examples=examples(40), deadline=None)
@given(exchanges=EXCHANGES)
def test_the_other_list_of_own_domains_swaps_the_speakers_exactly(tmp_path_factory, exchanges):
    folder = tmp_path_factory.mktemp("mail")
    mails = [mail(sender, to, "words") for sender, to in exchanges]
    left = rows_of(folder, *mails, own=("left.example",))
    right = rows_of(folder, *mails, own=("right.example",))
    for one, other in zip(left, right, strict=True):
        # a mail within one domain is internal for it, and between strangers for the other
        if one.problem is None and other.problem is None and one.values["customer_id"] != other.values["customer_id"]:
            assert SWAPPED[one.values["speaker"]] == other.values["speaker"]
        else:
            assert (one.problem is None) != (other.problem is None)


LINES = st.lists(
    st.one_of(
        st.sampled_from(["From now on", ">From here", "From: not a header", "> quoted", "-- ", "--x", "", "Von: mir", "From you"]),
        st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None)
@given(texts=st.lists(LINES, min_size=1, max_size=3))
def test_no_line_of_a_mailbox_is_lost(tmp_path_factory, texts):
    bodies = ["\n".join(["begin", *lines, "end"]) for lines in texts]
    mails = [
        mail("ana@home.example", "us@acme.example", body, "Re: x", Content_Type="text/plain; charset=utf-8")
        for body in bodies
    ]
    rows = rows_of(tmp_path_factory.mktemp("mail"), *mails)
    written = [
        line.removeprefix(">") if line.startswith(">From") else line for body in bodies for line in body.split("\n")
    ]
    read = [
        line.removeprefix(">") if line.startswith(">From") else line
        for row in rows
        for line in row.values["text"].split("\n")
    ]
    assert read == written
