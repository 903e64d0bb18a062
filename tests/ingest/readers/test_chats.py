"""Chats of Slack and WhatsApp, in the forms of their exports. The messages are made up."""

import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.slack import in_slack_export, read_slack, slack_files
from churn_agent.ingest.readers.whatsapp import is_whatsapp, read_whatsapp
from tests.conftest import examples

USERS = [
    {"id": "U1", "name": "ana", "profile": {"email": "ana@home.example", "real_name": "Ana"}},
    {"id": "U2", "name": "tim", "profile": {"email": "tim@acme.example"}},
    {"id": "U3", "name": "helper", "is_bot": True},
]


def slack(tmp_path, *messages, staff=()):
    day = tmp_path / "ext-acme" / "2026-02-01.json"
    day.parent.mkdir(exist_ok=True)
    (tmp_path / "users.json").write_text(json.dumps(USERS))
    day.write_text(json.dumps([{"type": "message", "ts": f"176994000{n}.0001", **m} for n, m in enumerate(messages)]))
    assert slack_files(tmp_path) == [day]
    assert in_slack_export(day)
    return list(read_slack(day, staff))


def spoken(rows):
    return [(row.values["speaker"], row.values["author"], row.values["text"]) for row in rows]


@pytest.mark.parametrize("staff", ["U2", "@acme.example", "acme.example", "tim@acme.example", "Tim"])
def test_a_slack_list_of_staff_holds_ids_names_addresses_or_domains(tmp_path, staff):
    rows = slack(tmp_path, {"user": "U1", "text": "I leave"}, {"user": "U2", "text": "Why?"}, staff=[staff])
    assert spoken(rows) == [("customer", "U1", "I leave"), ("company", "U2", "Why?")]


def test_without_a_list_slack_users_are_unknown(tmp_path):
    assert spoken(slack(tmp_path, {"user": "U1", "text": "I leave"})) == [("unknown", "U1", "I leave")]


@pytest.mark.parametrize(
    "message",
    [
        {"subtype": "channel_join", "user": "U1", "text": "<@U1> has joined the channel"},
        {"subtype": "channel_topic", "user": "U1", "text": "set the topic"},
        {"subtype": "bot_message", "bot_id": "B1", "username": "Zapier", "text": ""},
        {"user": "U3", "text": "I am a bot"},
        {"user": "USLACKBOT", "text": "Reminder"},
        {"bot_id": "B1", "text": "New ticket"},
        {"subtype": "a_new_subtype", "user": "U1", "text": "?"},
    ],
)
def test_system_words_of_slack_are_a_machines(tmp_path, message):
    [row] = slack(tmp_path, message, staff=["U2"])
    assert row.values["speaker"] == "machine"


def test_slack_mentions_links_and_entities_are_written_out(tmp_path):
    text = "Hi <@U2>, <@U9|bo>: see <https://acme.example|Acme>, <https://x.example> in <#C1|general> &amp; leave &lt;3"
    [row] = slack(tmp_path, {"user": "U1", "text": text})
    assert (
        row.values["text"] == "Hi @tim, @bo: see Acme (https://acme.example), https://x.example in #general & leave <3"
    )


def test_answers_and_files_in_slack_are_words_of_people(tmp_path):
    rows = slack(
        tmp_path,
        {"user": "U1", "subtype": "thread_broadcast", "text": "a"},
        {"user": "U1", "subtype": "file_share", "text": "b"},
        staff=["U2"],
    )
    assert [speaker for speaker, _, _ in spoken(rows)] == ["customer", "customer"]


@pytest.mark.parametrize(
    "extra", [{"is_share": True, "author_id": "U2"}, {"author_name": "Tim"}, {"from_url": "https://x.example"}]
)
def test_a_message_of_others_that_is_shared_in_slack_is_not_the_words_of_who_shares_it(tmp_path, extra):
    [row] = slack(tmp_path, {"user": "U1", "text": "", "attachments": [{"text": "You leave?", **extra}]}, staff=["U2"])
    assert row.values["text"] == ""


def test_words_in_attachments_are_those_of_bots_and_of_their_authors(tmp_path):
    rows = slack(
        tmp_path,
        {"bot_id": "B1", "text": "", "attachments": [{"fallback": "New ticket"}]},
        {
            "user": "U1",
            "text": "",
            "attachments": [{"text": "I leave", "author_id": "U1"}, {"text": "Why?", "author_id": "U2"}],
        },
        staff=["U2"],
    )
    assert [(speaker, text) for speaker, _, text in spoken(rows)] == [
        ("machine", "New ticket"),
        ("customer", "I leave"),
    ]


def test_the_columns_of_many_files_are_told_once(agent, tmp_path):
    slack(tmp_path, {"user": "U1", "text": "a"})
    other = tmp_path / "ext-acme" / "2026-02-02.json"
    other.write_text(json.dumps([{"type": "message", "ts": "1770026400.1", "user": "U1", "text": "b"}]))
    lines = []
    agent.store._notify = lines.append
    assert agent.ingest(tmp_path, mapping="slack", own=["U2"]).added == 2
    assert sum("customer_id" in line for line in lines) == 1


def test_a_slack_message_without_a_time_is_set_aside(tmp_path):
    rows = slack(tmp_path, {"user": "U1", "text": "a", "ts": "soon"})
    assert "not a number" in rows[0].problem


def whatsapp(tmp_path, content, staff=(), name="WhatsApp Chat with Ana.txt", **options):
    path = tmp_path / name
    path.write_text(content)
    assert is_whatsapp(path)
    return list(read_whatsapp(path, staff, **options))


FORMS = {
    "iOS German": ("[01.02.26, 10:00:00] Ana: I leave", "2026-02-01T10:00:00"),
    "iOS English": ("[25/12/2025, 3:34:09\u202fPM] Ana: I leave", "2025-12-25T15:34:09"),
    "iOS US": ("[12/25/25, 11:28:06 PM] Ana: I leave", "2025-12-25T23:28:06"),
    "iOS marks": ("\u200e[25/12/2025, 10:00:00] Ana: I leave", "2025-12-25T10:00:00"),
    "Android German": ("25.12.25, 12:30 - Ana: I leave", "2025-12-25T12:30:00"),
    "Android US": ("12/25/25, 12:05 AM - Ana: I leave", "2025-12-25T00:05:00"),
    "Android Spanish": ("28/3/2025, 9:29\u00a0p.\u00a0m. - Ana: I leave", "2025-03-28T21:29:00"),
    "Android Canada": ("2025-12-20, 5:46 p.m. - Ana: I leave", "2025-12-20T17:46:00"),
    "Android South Africa": ("2025/12/20, 5:46 pm - Ana: I leave", "2025-12-20T17:46:00"),
    "Android Dutch": ("25-12-2025 10:00 - Ana: I leave", "2025-12-25T10:00:00"),
    "Chinese": ("[2025/12/25 下午3:34:09] Ana: I leave", "2025-12-25T15:34:09"),
    "Korean": ("2025. 12. 25. 오후 3:34 - Ana: I leave", "2025-12-25T15:34:00"),
    "Finnish": ("25.12.2025 klo 10.00 - Ana: I leave", "2025-12-25T10:00:00"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_whatsapp_chat_is_read_in_the_form_of_its_phone(tmp_path, form):
    line, expected = FORMS[form]
    [row] = whatsapp(tmp_path, line + "\nand move to Rival: today\n")
    assert (row.values["timestamp"], row.values["author"]) == (expected, "Ana")
    assert row.values["text"] == "I leave\nand move to Rival: today"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("01/02/2026", "13/02/2026"), ["2026-02-01T10:00:00", "2026-02-13T10:00:00"]),
        (("02/01/2026", "02/13/2026"), ["2026-02-01T10:00:00", "2026-02-13T10:00:00"]),
        (("11/01/2026", "01/02/2026"), ["2026-01-11T10:00:00", "2026-02-01T10:00:00"]),
        (("01/02/2026", "02/03/2026"), ["01/02/2026 10:00:00", "02/03/2026 10:00:00"]),
    ],
)
def test_the_order_of_day_and_month_is_that_in_which_the_chat_runs_forward(tmp_path, days, expected):
    rows = whatsapp(tmp_path, "".join(f"[{day}, 10:00:00] Ana: hi\n" for day in days))
    assert [row.values["timestamp"] for row in rows] == expected


CHAT = "[01.02.26, 10:00:00] Ana: I leave\n[01.02.26, 10:01:00] Acme: Why?\n"


def test_the_name_of_the_file_is_the_other_side_of_a_chat_of_two(tmp_path):
    assert spoken(whatsapp(tmp_path, CHAT)) == [("customer", "Ana", "I leave"), ("company", "Acme", "Why?")]
    assert {row.values["customer_id"] for row in whatsapp(tmp_path, CHAT)} == {"Ana"}


@pytest.mark.parametrize("name", ["WhatsApp Chat with Project.txt", "_chat.txt"])
def test_a_group_needs_a_list_of_staff(tmp_path, name):
    unknown = whatsapp(tmp_path, CHAT, name=name, customer="c1")
    known = whatsapp(tmp_path, CHAT, ["Acme"], name=name, customer="c1")
    assert [speaker for speaker, _, _ in spoken(unknown)] == ["unknown", "unknown"]
    assert [speaker for speaker, _, _ in spoken(known)] == ["customer", "company"]


@pytest.mark.parametrize(
    "line",
    [
        "Messages and calls are end-to-end encrypted.",
        "Ana left",
        "Sie haben die Gruppe erstellt",
        "\u200eAna hat das Thema geändert",
    ],
)
def test_system_lines_of_whatsapp_are_a_machines(tmp_path, line):
    rows = whatsapp(tmp_path, f"01.02.26, 09:00 - {line}\n01.02.26, 10:00 - Ana: I leave\n")
    assert rows[0].values["speaker"] == "machine"


def test_a_chat_of_nobody_is_set_aside(tmp_path):
    assert all("nothing says the customer" in row.problem for row in whatsapp(tmp_path, CHAT, name="_chat.txt"))


def test_another_text_file_is_no_chat(tmp_path):
    (tmp_path / "a.txt").write_text("Dear all,\n\n1.2. we meet\n")
    assert not is_whatsapp(tmp_path / "a.txt")
    with pytest.raises(FileFormatError, match="not a chat"):
        list(read_whatsapp(tmp_path / "a.txt", ()))


LINES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30).filter(
    lambda s: not s[0].isdigit() and s[0] != "[" and s.casefold() != "null"  # which stands for a deleted message
)


@settings(max_examples=examples(60), deadline=None)
@given(
    messages=st.lists(
        st.tuples(st.sampled_from(["Ana", "Acme"]), st.lists(LINES, min_size=1, max_size=3)), min_size=1, max_size=5
    )
)
def test_no_line_of_a_chat_is_lost_and_the_other_list_swaps_the_speakers(tmp_path_factory, messages):
    folder = tmp_path_factory.mktemp("chat")
    content = "".join(
        f"[25.12.25, 10:0{n}:00] {name}: " + "\n".join(lines) + "\n" for n, (name, lines) in enumerate(messages)
    )
    ours, theirs = (whatsapp(folder, content, [name]) for name in ("Ana", "Acme"))
    assert [text for _, _, text in spoken(ours)] == ["\n".join(lines) for _, lines in messages]
    swapped = {"company": "customer", "customer": "company"}
    assert [swapped[speaker] for speaker, _, _ in spoken(ours)] == [speaker for speaker, _, _ in spoken(theirs)]


OWN = ["I leave", "The image was omitted from my bill", "You deleted this message from my account, why?", "media",
       "I missed call centre hours", "This message was deleted by your staff and I want it back"]  # fmt: skip
NOT_OWN = ["<Media omitted>", "<Medien ausgeschlossen>", "\u200eimage omitted", "\u200eBild weggelassen", "imagen omitida",
    "\u200eaudio omis", "This message was deleted", "This message was deleted.", "You deleted this message",
    "Diese Nachricht wurde gelöscht.", "Se eliminó este mensaje.", "Ce message a été supprimé", "Esta mensagem foi apagada",
    "\u200eMissed voice call", "Missed video call", "Verpasster Sprachanruf", "Appel vocal manqué", "Llamada perdida",
    "\u200e<attached: 00000012-PHOTO-2026-02-01-10-00-00.jpg>", "IMG-20260201-WA0002.jpg (file attached)",
    "\u200ebill.pdf • \u200e3 pages \u200edocument omitted", "IMG-20260201-WA0002.jpg (Datei angehängt)",
    "\u200eMissed voice call at 10:04\u202fAM", "\u200eVoice call, \u200eNo answer", "video note omitted", "null",
    "\u200eMessages and calls are end-to-end encrypted. No one outside of this chat can read or listen to them.",
    "\u200eAna changed this group's icon"]  # fmt: skip


@pytest.mark.parametrize(
    "form", ["[01.02.26, 10:00:00] Ana: ", "\u200e[2/13/26, 3:34:09\u202fPM] ~\u202fAna: ", "01.02.26, 12:30 - Ana: "]
)
def test_placeholders_of_whatsapp_are_no_words_of_the_customer(tmp_path, form):
    rows = whatsapp(tmp_path, "".join(f"{form}{text}\n" for text in (*OWN, *NOT_OWN)))
    assert [row.values["text"] for row in rows if row.values["speaker"] != "machine"] == OWN
    assert len(rows) == len(OWN) + len(NOT_OWN)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<Media omitted>\nThis is my bill", "This is my bill"),
        ("IMG-20260201-WA0002.jpg (file attached)\nThis is: my bill\nlook", "This is: my bill\nlook"),
        ("This is my bill \u200e<attached: 00000012-PHOTO.jpg>", "This is my bill"),
        ("I leave \u200e<This message was edited>", "I leave"),
        ("I leave\n\nbye <Diese Nachricht wurde bearbeitet.>", "I leave\n\nbye"),
    ],
)
def test_the_words_beside_a_placeholder_stay(tmp_path, text, words):
    [row] = whatsapp(tmp_path, f"[01.02.26, 10:00:00] Ana: {text}\n")
    assert (row.values["speaker"], row.values["text"]) == ("unknown", words)
    assert row.values["added"]


def test_a_subject_with_a_colon_is_no_person(tmp_path):
    rows = whatsapp(
        tmp_path, '01.02.26, 09:00 - Ana changed the group name to "Plan: new"\n01.02.26, 10:00 - Ana: I leave\n'
    )
    assert [row.values["author"] for row in rows] == ["", "Ana"]


@pytest.mark.parametrize(
    ("archive", "inside"),
    [("WhatsApp Chat - Ana.zip", "_chat.txt"), ("WhatsApp Chat with Ana.zip", "WhatsApp Chat with Ana.txt")],
)
def test_a_chat_in_a_zip_is_read(agent, tmp_path, archive, inside):
    with zipfile.ZipFile(tmp_path / archive, "w") as file:
        file.writestr(inside, CHAT)
        file.writestr("00000012-PHOTO.jpg", b"x")
    summary = agent.ingest(tmp_path, mapping="whatsapp")
    assert (summary.added, summary.speakers) == (2, {"customer": 1, "company": 1})
    assert [row.customer_id for row in agent.store.customers()] == ["Ana"]


@pytest.mark.parametrize("content", [b"no archive", {}, {"a.txt": "x", "b.txt": "y"}])
def test_another_zip_is_one_line(agent, tmp_path, content):
    path = tmp_path / "a.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as file:
            for name, text in content.items():
                file.writestr(name, text)
    with pytest.raises(FileFormatError) as refused:
        agent.ingest(path)
    assert "unpack it" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_folder_names_the_customer_of_an_unpacked_chat(tmp_path):
    (tmp_path / "WhatsApp Chat - Ana").mkdir()
    rows = whatsapp(tmp_path, CHAT, name="WhatsApp Chat - Ana/_chat.txt")
    assert {row.values["customer_id"] for row in rows} == {"Ana"}
