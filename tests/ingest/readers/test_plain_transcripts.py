"""Transcripts in plain text, and text that is not a transcript. The calls are made up."""

import pytest

from churn_agent.errors import FileFormatError
from churn_agent.ingest.readers.transcripts import is_plain_transcript, read_transcript, survey_speakers

HELLO, LEAVE, WHY = "Hello, how can I help?", "One thing: I want to cancel.", "Why? Is it the price: 20 a month?"
SAID = [("company", "Tim Ross", HELLO), ("customer", "Ana Lopez", LEAVE), ("company", "Tim Ross", WHY)]
FORMS = {
    "lines": f"Tim Ross: {HELLO}\nAna Lopez: {LEAVE}\nTim Ross: {WHY}\n",
    "blank lines": f"Tim Ross: {HELLO}\n\nAna Lopez: One thing:\nI want to cancel.\n\nTim Ross: {WHY}\n",
    "words below": f"Tim Ross:\n{HELLO}\n\nAna Lopez:\n{LEAVE}\n\nTim Ross:\n{WHY}\n",
    "times in brackets": f"Call of March\n\n[00:00:02] Tim Ross: {HELLO}\n[00:00:05] Ana Lopez: {LEAVE}\n[00:01:02] Tim Ross: {WHY}\n",
    "times": f"00:02 Tim Ross: {HELLO}\n00:05 Ana Lopez: {LEAVE}\n01:02 Tim Ross: {WHY}\n",
    "blocks": f"Tim Ross  0:02\n{HELLO}\n\nAna Lopez  0:05\n{LEAVE}\n\nTim Ross  1:02\n{WHY}\n",
    "blocks of Teams": f"Boiler call\n\nTim Ross   0:02\n{HELLO}\n\nAna Lopez   0:05\nOne thing:\nI want to cancel.\n\nTim Ross   1:02\n{WHY}\n",
    "brackets": f"Tim Ross (00:02):\n{HELLO}\n\nAna Lopez (00:05):\n{LEAVE}\n\nTim Ross (01:02):\n{WHY}\n",
    "chat of Zoom": f"10:31:04 From Tim Ross to Everyone:\n\t{HELLO}\n10:31:09 From Ana Lopez to Tim Ross(Direct Message):\n\t{LEAVE}\n"
    f'10:31:12 From Ana Lopez to Everyone:\n\tReacted to "{HELLO}" with 👍\n10:32:00 From Tim Ross to Everyone:\n\t{WHY}\n',
    "old chat of Zoom": f"10:31:04\t From Tim Ross : {HELLO}\n10:31:09\t From Ana Lopez to Everyone : {LEAVE}\n10:32:00\t From Tim Ross : {WHY}\n",
}  # fmt: skip


def rows_of(tmp_path, text, staff=(), name="c1_2026-02-01.txt"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return list(read_transcript(path, staff))


def spoken(rows):
    return [(row.values["speaker"], row.values["author"], row.values["text"]) for row in rows]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_same_turns(tmp_path, form):
    rows = rows_of(tmp_path, FORMS[form], ["Tim Ross"])
    assert spoken(rows) == SAID
    assert {row.values["customer_id"] for row in rows} == {"c1"}
    assert {row.values["channel"] for row in rows} == {"chat" if "Zoom" in form else "call"}


@pytest.mark.parametrize(
    ("form", "times"),
    [("times", ["00:00:02", "00:00:05", "00:01:02"]), ("blocks", ["00:00:02", "00:00:05", "00:01:02"]),
     ("chat of Zoom", ["10:31:04", "10:31:09", "10:32:00"])],
)  # fmt: skip
def test_turns_have_their_times(tmp_path, form, times):
    assert [row.values["timestamp"] for row in rows_of(tmp_path, FORMS[form])] == [f"2026-02-01T{at}" for at in times]


def test_a_saved_chat_counts_from_midnight_and_its_folder_has_the_date(tmp_path):
    chat = "23:59:00 From Ana to Everyone:\n\tI leave\n00:01:00 From Tim to Everyone:\n\tWhy?\n"
    rows = rows_of(tmp_path, chat, name="2026-02-01 23.30.00 Acme 8123/meeting_saved_chat.txt")
    assert "nothing says the customer" in rows[0].problem
    path = tmp_path / "2026-02-01 23.30.00 Acme 8123" / "meeting_saved_chat.txt"
    times = [row.values["timestamp"] for row in read_transcript(path, (), customer="c1")]
    assert times == ["2026-02-01T23:59:00", "2026-02-02T00:01:00"]


def test_unknown_speakers_are_asked_for_as_in_other_calls(tmp_path):
    assert {speaker for speaker, _, _ in spoken(rows_of(tmp_path, FORMS["lines"]))} == {"unknown"}
    [(question, _)] = survey_speakers([tmp_path / "c1_2026-02-01.txt"], ()).questions
    assert question.options == ("Tim Ross", "Ana Lopez")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Call Kim about the boiler.\nBuy milk.\n",
        "Dear team,\n\nPlease note: I want to cancel.\nReason: the price.\nKim\n",
        "My wishes: heat.\nAbout your service: it is awful.\nAlso: I will cancel.\n",
        "Monday 10:30\nDentist\n\nTuesday 11:00\nLunch\n",
        "Note: this is long.\nNote: this is longer.\n",
        "10:30 Meeting with Ana\n11:00 Lunch\n",
    ],
)
def test_other_text_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "c1_2026-02-01.txt"
    path.write_text(text)
    assert not is_plain_transcript(path)
    with pytest.raises(FileFormatError, match="not a transcript; its lines begin with") as refused:
        list(read_transcript(path, ()))
    assert "\n" not in str(refused.value)


def test_a_folder_of_text_is_read_without_the_notes_in_it(agent, tmp_path):
    rows_of(tmp_path / "calls", FORMS["lines"])
    (tmp_path / "calls" / "todo.txt").write_text("Buy milk.\n")
    assert agent.ingest(tmp_path / "calls", own=["Tim Ross"]).speakers == {"company": 2, "customer": 1}
