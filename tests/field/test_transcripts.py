"""Calls and chats: who says what."""

import pytest

from churn_agent.errors import DataError
from tests.field.books import customers, lines, put, quotable, spoken

ZOOM = lines(
    "WEBVTT", "", "1", "00:00:02.000 --> 00:00:05.000", "Nora Feld: Good of you to join, how is the boiler?", "",
    "2", "00:00:05.000 --> 00:00:08.000", "Jan Ott: Cold. About your service: it is late every week.", "",
    "3", "00:00:08.000 --> 00:00:12.000", "Nora Feld: I am sorry. So you want to cancel the contract?",
)  # fmt: skip


# 33
def test_both_people_of_a_call_are_unknown_until_ours_are_named(agent, tmp_path):
    call = put(tmp_path / "k1_2026-03-02.vtt", ZOOM)
    agent.ingest(call)
    assert {speaker for speaker, _ in spoken(agent, "k1")} == {"unknown"}
    assert quotable(agent, "k1") == []
    agent.ingest(call, own=["Nora Feld"])
    assert [speaker for speaker, _ in spoken(agent, "k1")] == ["company", "customer", "company"]
    assert quotable(agent, "k1") == ["Cold. About your service: it is late every week."]


def test_the_one_who_is_in_all_calls_is_asked_for_as_ours(agent, tmp_path):
    for name, customer in (("k1", "Jan Ott"), ("k2", "Ida Berg"), ("k3", "Per Holm")):
        put(tmp_path / "calls" / f"{name}_2026-03-02.vtt", ZOOM.replace("Jan Ott", customer))
    asked = []
    agent.ingest(tmp_path / "calls", ask=lambda question: asked.append(question) or question.likely)
    assert "Nora Feld" in asked[0].why + str(asked[0].options)
    assert [speaker for speaker, _ in spoken(agent, "k2")] == ["company", "customer", "company"]


def test_a_sentence_with_a_colon_is_not_a_speaker(agent, tmp_path):
    call = lines(
        "1", "00:00:01,000 --> 00:00:04,000", "I have one wish: heat", "",
        "2", "00:00:04,000 --> 00:00:07,000", "About your service: it is awful and I will cancel", "",
        "3", "00:00:07,000 --> 00:00:09,000", "Let me have a look.",
    )  # fmt: skip
    agent.ingest(put(tmp_path / "k2_2026-03-02.srt", call))
    said = spoken(agent, "k2")
    assert {speaker for speaker, _ in said} == {"unknown"}
    assert "About your service: it is awful and I will cancel" in " ".join(text for _, text in said)


@pytest.mark.parametrize("form", ["[SPEAKER_00]: ", "SPEAKER_00: ", "<v SPEAKER_00>"])
def test_numbered_speakers_are_kept_apart(agent, tmp_path, form):
    other = form.replace("00", "01")
    call = lines(
        "WEBVTT", "", "00:00:01.000 --> 00:00:03.000", f"{form}Good day, Warm support, how can I help?", "",
        "00:00:03.000 --> 00:00:05.000", f"{other}I want to cancel.", "",
        "00:00:05.000 --> 00:00:09.000", f"{form}You want to leave us for the price?",
    )  # fmt: skip
    agent.ingest(put(tmp_path / "k3_2026-03-02.vtt", call))
    assert spoken(agent, "k3") == [
        ("unknown", "Good day, Warm support, how can I help?"),
        ("unknown", "I want to cancel."),
        ("unknown", "You want to leave us for the price?"),
    ]


def test_a_customer_whose_name_has_the_word_support_is_a_customer(agent, tmp_path):
    call = lines(
        "WEBVTT", "", "00:00:01.000 --> 00:00:04.000", "<v IT Support Meyer (Client AG)>We will end the contract.</v>",
        "", "00:00:04.000 --> 00:00:06.000", "<v Nora Feld>I see.</v>",
    )  # fmt: skip
    agent.ingest(put(tmp_path / "k4_2026-03-02.vtt", call), own=["Nora Feld"])
    assert spoken(agent, "k4") == [("customer", "We will end the contract."), ("company", "I see.")]


def test_two_voices_of_one_cue_are_two_people(agent, tmp_path):
    call = lines(
        "WEBVTT", "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000", "", "NOTE Confidence: 0.8", "",
        "c1/3-0", "00:00:01.000 --> 00:00:04.000 align:start position:0%", "<v Nora Feld>Hello &amp; good day</v>", "",
        "c1/3-1", "00:00:04.000 --> 00:00:08.000", "<v Kunde>Ich <00:00:05.000><c>will</c> kündigen</v>",
        "<v Nora Feld>Warum?</v>",
    )  # fmt: skip
    agent.ingest(put(tmp_path / "k5_2026-03-02.vtt", call), own=["Nora Feld"])
    assert spoken(agent, "k5") == [
        ("company", "Hello & good day"), ("customer", "Ich will kündigen"), ("company", "Warum?"),
    ]  # fmt: skip


def test_a_recording_that_names_no_customer_does_not_stop_the_folder(agent, tmp_path):
    put(tmp_path / "calls" / "k1_2026-03-02.vtt", ZOOM)
    put(tmp_path / "calls" / "GMT20260302-080000_Recording.transcript.vtt", ZOOM)
    summary = agent.ingest(tmp_path / "calls", own=["Nora Feld"])
    assert customers(agent) == ["k1"]
    assert "customer" in str(summary.first_rejected[0]["reason"])


# 63
@pytest.mark.parametrize(
    "call",
    [
        {"jobName": "call", "status": "COMPLETED", "results": {"transcripts": [{"transcript": "I want to cancel."}]}},
        {"text": " I want to cancel.", "segments": [{"id": 0, "start": 0.0, "end": 2.0, "text": " I want to cancel."}]},
    ],
    ids=["AWS Transcribe", "Whisper"],
)
def test_transcripts_in_json_are_read(agent, tmp_path, call):
    agent.ingest(put(tmp_path / "k1_2026-03-02.json", call))
    assert spoken(agent, "k1") == [("unknown", "I want to cancel.")]


def test_speakers_of_whisperx_are_kept_apart(agent, tmp_path):
    call = {
        "segments": [
            {"start": 0.0, "end": 2.0, "text": " How can I help?", "speaker": "SPEAKER_00"},
            {"start": 2.0, "end": 4.0, "text": " I want to cancel.", "speaker": "SPEAKER_01"},
        ]
    }
    agent.ingest(put(tmp_path / "k1_2026-03-02.json", call), own=["SPEAKER_00"])
    assert spoken(agent, "k1") == [("company", "How can I help?"), ("customer", "I want to cancel.")]


# 55
WHATSAPP = lines("[02.03.26, 10:00:00] Kim: I want to leave", "and go to your rival", "[02.03.26, 10:01:00] Warm: Why?")


def test_a_whatsapp_chat_keeps_its_lines_and_its_two_sides(agent, tmp_path):
    agent.ingest(put(tmp_path / "WhatsApp Chat with Kim.txt", WHATSAPP))
    assert spoken(agent, "Kim") == [("customer", "I want to leave\nand go to your rival"), ("company", "Why?")]


def test_a_text_file_that_is_not_a_chat_is_refused_in_one_line(agent, tmp_path):
    with pytest.raises(DataError) as refused:
        agent.ingest(put(tmp_path / "notes.txt", "Call Kim about the boiler.\nBuy milk.\n"))
    assert "\n" not in str(refused.value)


def test_the_parties_of_a_gong_call_can_stand_beside_its_transcript(agent, tmp_path):
    sentences = [("s1", "You want to cancel?"), ("s2", "Yes, I cancel.")]
    turns = [{"speakerId": who, "sentences": [{"start": n, "text": said}]} for n, (who, said) in enumerate(sentences)]
    parties = [("s1", "Tim", "Internal"), ("s2", "Kim", "External")]
    call = {
        "callTranscripts": [{"callId": "7", "transcript": turns}],
        "parties": [{"speakerId": id_, "name": name, "affiliation": side} for id_, name, side in parties],
    }
    agent.ingest(put(tmp_path / "k1_2026-03-02.json", call))
    assert spoken(agent, "k1") == [("company", "You want to cancel?"), ("customer", "Yes, I cancel.")]


def test_files_of_a_folder_that_are_not_read_are_named(agent, tmp_path, monkeypatch):
    notes: list[str] = []
    monkeypatch.setattr(agent.store, "_notify", notes.append)
    put(tmp_path / "calls" / "k1_2026-03-02.vtt", ZOOM)
    put(tmp_path / "calls" / "k2_2026-03-02.json", {"turns": [{"who": "Kim", "words": "I cancel."}]})
    agent.ingest(tmp_path / "calls", own=["Nora Feld"])
    assert [note for note in notes if "k2_2026-03-02.json not read" in note]
