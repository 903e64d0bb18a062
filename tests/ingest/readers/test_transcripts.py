"""Who speaks in a call, in the forms that tools write. The calls are made up."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.errors import DataError, FileFormatError
from churn_agent.history import interactions
from churn_agent.ingest.readers.transcripts import is_transcript, read_transcript, survey_speakers
from tests.conftest import examples


def vtt(*cues):
    body = "\n\n".join(
        f"{number}\n00:00:{number:02}.000 --> 00:00:{number + 1:02}.000\n{text}"
        for number, text in enumerate(cues, start=1)
    )
    return f"WEBVTT\n\n{body}\n"


def srt(*cues):
    return "\n".join(
        f"{n}\n00:00:{n:02},000 --> 00:00:{n + 1:02},000\n{text}\n" for n, text in enumerate(cues, start=1)
    )


def rows_of(tmp_path, content, staff=(), name="c1_2026-02-01.vtt", **options):
    path = tmp_path / name
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return list(read_transcript(path, staff, **options))


def spoken(rows):
    return [(row.values["speaker"], row.values["author"], row.values["text"]) for row in rows]


ZOOM = (
    "Maria Keller: Thanks for joining.",
    "Peter Huber: Badly. About your service: it is down.",
    "Maria Keller: I am sorry.",
)


def test_without_a_list_nobody_is_taken_for_the_customer(tmp_path):
    assert {speaker for speaker, _, _ in spoken(rows_of(tmp_path, vtt(*ZOOM)))} == {"unknown"}


@pytest.mark.parametrize("staff", ["Maria Keller", "maria  keller", "maria.keller@acme.example"])
def test_the_list_of_staff_tells_both_sides(tmp_path, staff):
    assert spoken(rows_of(tmp_path, vtt(*ZOOM), [staff])) == [
        ("company", "Maria Keller", "Thanks for joining."),
        ("customer", "Peter Huber", "Badly. About your service: it is down."),
        ("company", "Maria Keller", "I am sorry."),
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "About your service: it is terrible and I will cancel",
        "I have one problem: the app crashes",
        "On the integration question you raised: we leave",
        "Problem: it is down again",
        "Two things: first, the price",
        "It is 10: 30 now",
        "See https://acme.example: nothing works",
        "My answer: no!",
        "Und eins noch: ich kündige",
    ],
)
@pytest.mark.parametrize("others", [(), ("Maria Keller: Hello.", "Peter Huber: Hello.", "Maria Keller: Well?")])
def test_a_colon_in_a_sentence_is_no_speaker(tmp_path, sentence, others):
    rows = rows_of(tmp_path, srt(*others, sentence), name="c1_2026-02-01.srt")
    assert sentence in rows[-1].values["text"]
    assert rows[-1].values["author"] in ("", "Maria Keller")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("[SPEAKER_00]: ", "[SPEAKER_01]: "), ("SPEAKER_00", "SPEAKER_01")),
        (("Speaker 1: ", "Speaker 2: "), ("Speaker 1", "Speaker 2")),
        (("Ana: ", "Bo: "), ("Ana", "Bo")),
        (("MARIA KELLER: ", "van der Berg, P.: "), ("MARIA KELLER", "van der Berg, P.")),
        (("- Dr. José O'Neil: ", "- +41 79 000 00 00: "), ("Dr. José O'Neil", "+41 79 000 00 00")),
        (("田中：", "佐藤："), ("田中", "佐藤")),
        (("Ana Müller (Kunde AG): ", "Bo [Acme]: "), ("Ana Müller (Kunde AG)", "Bo [Acme]")),
    ],
)
def test_labels_have_many_forms(tmp_path, labels, names):
    cues = [f"{label}Words {number}" for number, label in enumerate(labels * 2)]
    assert [row.values["author"] for row in rows_of(tmp_path, vtt(*cues))] == [*names, *names]


def test_voices_of_one_cue_are_apart_and_tags_are_no_words(tmp_path):
    content = vtt(
        "<v Agent Tim>Hello &amp; welcome</v>",
        "<v.loud Kunde>Ich <00:00:03.500><c.red>will</c> <i>kündigen</i></v>\n<v Agent Tim>Warum?</v>",
        "<v Kunde>Preis < Leistung",
    )
    assert spoken(rows_of(tmp_path, content)) == [
        ("company", "Agent Tim", "Hello & welcome"),
        ("customer", "Kunde", "Ich will kündigen"),
        ("company", "Agent Tim", "Warum?"),
        ("customer", "Kunde", "Preis < Leistung"),
    ]


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("Agent", "company"),
        ("Agent 2", "company"),
        ("Tim (Support)", "company"),
        ("Kundenservice", "company"),
        ("Kunde", "customer"),
        ("Caller", "customer"),
        ("Chatbot", "machine"),
        ("IT Support Müller (Kunde AG)", "unknown"),
        ("Service Partner GmbH", "unknown"),
        ("Agentur Huber", "unknown"),
        ("Representative Systems Ltd", "unknown"),
    ],
)
def test_a_role_counts_only_as_the_whole_name_or_in_brackets(tmp_path, name, speaker):
    [row, *_] = rows_of(tmp_path, vtt(f"<v {name}>words", "<v Ana One>words", "<v Bo Two>words"))
    assert row.values["speaker"] == speaker


def test_a_role_tells_the_other_side_only_if_there_is_one_other_person(tmp_path):
    two = rows_of(tmp_path, vtt("<v Agent>Hello", "<v Ana>I leave"))
    three = rows_of(tmp_path, vtt("<v Agent>Hello", "<v Ana>I leave", "<v Sue>Your manager here"))
    assert [speaker for speaker, _, _ in spoken(two)] == ["company", "customer"]
    assert [speaker for speaker, _, _ in spoken(three)] == ["company", "unknown", "unknown"]


def test_nameless_cues_are_not_glued_together(tmp_path):
    rows = rows_of(tmp_path, srt("I will", "cancel today", "Let me see, sir."), name="c1_2026-02-01.srt")
    assert spoken(rows) == [("unknown", "", "I will cancel today"), ("unknown", "", "Let me see, sir.")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_transcript_may_have_another_encoding(tmp_path, encoding):
    [row] = rows_of(tmp_path, vtt("<v Kunde>Ich kündige").replace("\n", "\r\n").encode(encoding))
    assert row.values["text"] == "Ich kündige"


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("c1_2026-02-01.vtt", {}, ("c1", "2026-02-01T00:00:01")),
        ("a_b_2026-02-01T14-30.vtt", {}, ("a_b", "2026-02-01T14:30:01")),
        ("c1_20260201-143005_Recording.vtt", {}, ("c1", "2026-02-01T14:30:06")),
        ("GMT20260201-143000_Recording.transcript.vtt", {"customer": "c9"}, ("c9", "2026-02-01T14:30:01+00:00")),
        ("Call 2026-02-01 with Ana.vtt", {"customer": "c9"}, ("c9", "2026-02-01T00:00:01")),
        ("2026-02-01 c7 ref88.vtt", {"file_name": "{date} {customer_id} {ref}"}, ("c7", "2026-02-01T00:00:01")),
    ],
)
def test_customer_and_time_come_from_the_name_or_the_mapping(tmp_path, name, options, expected):
    [row] = rows_of(tmp_path, vtt("hello"), name=name, **options)
    assert (row.values["customer_id"], row.values["timestamp"]) == expected


@pytest.mark.parametrize("name", ["GMT20260201-143000_Recording.transcript.vtt", "whatever.vtt", "c1_2026-02-31.vtt"])
def test_a_call_of_nobody_is_set_aside_with_one_line(tmp_path, name):
    [row] = rows_of(tmp_path, vtt(*ZOOM), name=name)
    assert row.problem.startswith("nothing says the ")


def test_turns_have_keys(tmp_path):
    assert [row.values["interaction_id"] for row in rows_of(tmp_path, vtt(*ZOOM))] == [
        f"c1_2026-02-01 {n}" for n in (1, 2, 3)
    ]


def items(*words):
    return [
        {"type": "pronunciation", "start_time": str(n), "alternatives": [{"content": word}], **more}
        for n, (word, more) in enumerate(words)
    ]


DOCUMENTS = {
    "whisper": ({"text": " Hi", "segments": [{"start": 0.0, "text": " I want"}, {"start": 2.0, "text": " to cancel."}]},
                [("unknown", "", "I want to cancel.")]),
    "whisperx": ({"segments": [{"start": 0.0, "text": "Hello", "speaker": "SPEAKER_00"}, {"start": 2.0, "text": "I leave", "speaker": "SPEAKER_01"}]},
                 [("unknown", "SPEAKER_00", "Hello"), ("unknown", "SPEAKER_01", "I leave")]),
    "aws": ({"jobName": "x", "results": {"transcripts": [{"transcript": "I want to cancel."}], "items": items(("I", {}))}},
            [("unknown", "", "I want to cancel.")]),
    "aws speakers": ({"jobName": "x", "results": {"transcripts": [{"transcript": "Hi. No"}],
                      "speaker_labels": {"segments": [{"speaker_label": "spk_0", "items": [{"start_time": "0", "speaker_label": "spk_0"}]},
                                                      {"speaker_label": "spk_1", "items": [{"start_time": "1", "speaker_label": "spk_1"}]}]},
                      "items": [items(("Hi", {}))[0], {"type": "punctuation", "alternatives": [{"content": "."}]}, items(("", {}), ("No", {}))[1]]}},
                     [("unknown", "spk_0", "Hi."), ("unknown", "spk_1", "No")]),
    "aws channels": ({"jobName": "x", "results": {"transcripts": [{"transcript": "Hi No"}], "channel_labels": {"channels": [
                       {"channel_label": "ch_0", "items": items(("Hi", {}))}, {"channel_label": "ch_1", "items": items(("", {}), ("No", {}))[1:]}]}}},
                     [("unknown", "ch_0", "Hi"), ("unknown", "ch_1", "No")]),
    "aws analytics": ({"Transcript": [{"ParticipantRole": "AGENT", "Content": "Hi", "BeginOffsetMillis": 0},
                                      {"ParticipantRole": "CUSTOMER", "Content": "I leave", "BeginOffsetMillis": 1500}]},
                      [("company", "AGENT", "Hi"), ("customer", "CUSTOMER", "I leave")]),
    "deepgram": ({"metadata": {}, "results": {"utterances": [{"start": 0.5, "speaker": 0, "transcript": "Hi"}]}}, [("unknown", "Speaker 0", "Hi")]),
    "assemblyai": ({"id": "x", "utterances": [{"start": 500, "speaker": "A", "text": "Hi"}]}, [("unknown", "Speaker A", "Hi")]),
    "gong": ({"metaData": {"id": "7", "started": "2026-02-01T10:00:00Z"},
              "parties": [{"speakerId": "1", "name": "Tim", "affiliation": "Internal"}, {"speakerId": "2", "name": "Ana", "affiliation": "External"},
                          {"speakerId": "3", "name": "Eve", "affiliation": "Unknown"}],
              "transcript": [{"speakerId": "1", "sentences": [{"start": 0, "text": "Hi."}, {"start": 9, "text": "Well?"}]},
                             {"speakerId": "2", "sentences": [{"start": 1000, "text": "I leave."}]}]},
             [("company", "Tim", "Hi. Well?"), ("customer", "Ana", "I leave.")]),
}  # fmt: skip


@pytest.mark.parametrize("form", DOCUMENTS)
def test_json_of_tools_is_read(tmp_path, form):
    document, expected = DOCUMENTS[form]
    rows = rows_of(tmp_path, json.dumps(document), name="c1_2026-02-01.json")
    assert spoken(rows) == expected
    assert is_transcript(tmp_path / "c1_2026-02-01.json")


def test_calls_of_gong_know_their_account_and_time(tmp_path):
    document = {
        "calls": [
            {
                "metaData": {"id": "7", "started": "2026-02-01T10:00:00+01:00"},
                "context": [{"system": "Salesforce", "objects": [{"objectType": "Account", "objectId": "001A"}]}],
                "parties": [{"speakerId": "2", "emailAddress": "ana@big.example", "affiliation": "External"}],
            },
            {
                "metaData": {"id": "8", "started": "2026-02-02T10:00:00+01:00"},
                "parties": [{"speakerId": "2", "emailAddress": "ana@big.example", "affiliation": "External"}],
            },
        ],
        "callTranscripts": [
            {"callId": number, "transcript": [{"speakerId": "2", "sentences": [{"start": 2000, "text": "I leave."}]}]}
            for number in ("7", "8")
        ],
    }
    rows = rows_of(tmp_path, json.dumps(document), name="calls.json")
    assert [(row.values["customer_id"], row.values["timestamp"], row.values["interaction_id"]) for row in rows] == [
        ("001A", "2026-02-01T10:00:02+01:00", "7 1"),
        ("big.example", "2026-02-02T10:00:02+01:00", "8 1"),
    ]


@pytest.mark.parametrize(
    "document",
    [[{"customer_id": "a"}], {"tickets": [{"text": "x"}]}, {"results": [{"text": "x"}]}, {"segments": [{"name": "EMEA"}]},
     {"utterances": []}, {"results": {"transcripts": []}}, {"text": "x"}, {"segments": "all"}, {"parties": [], "jobName": 1}],
)  # fmt: skip
def test_other_json_is_no_transcript(tmp_path, document):
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert not is_transcript(tmp_path / "a.json")


def test_names_in_calls_of_several_customers_are_likely_ours(tmp_path):
    for customer, other in (("c1", "Peter Huber"), ("c2", "Eva Braun"), ("c3", "Cy Young")):
        (tmp_path / f"{customer}_2026-02-01.vtt").write_text(vtt("<v Maria Keller>Hello", f"<v {other}>I leave"))
    survey = survey_speakers(sorted(tmp_path.iterdir()), ())
    assert survey.likely_staff == ("Maria Keller",)
    [(question, unanswered)] = survey.questions
    assert question.likely == "Maria Keller"
    assert unanswered.mapping == "staff: [Maria Keller]"
    assert question.options[0] == "Maria Keller"
    assert question.answer("Maria Keller, Eva Braun") == {"staff": ["Maria Keller", "Eva Braun"]}
    assert survey_speakers(sorted(tmp_path.iterdir()), ["Maria Keller"]).questions == []


def labelled_calls(folder, customers):
    folder.mkdir()
    for n, customer in enumerate(customers):
        ours, theirs = ("<v SPEAKER_00>", "<v SPEAKER_01>") if n % 2 == 0 else ("<v SPEAKER_01>", "<v SPEAKER_00>")
        said = [f"{ours}Hello", f"{theirs}I leave"]
        (folder / f"{customer}_2026-02-01.vtt").write_text(vtt(*(said if n % 2 == 0 else reversed(said))))
    return folder


def stored(agent, customer):
    until = datetime(2100, 1, 1, tzinfo=UTC)
    return [(row.speaker, row.text) for row in interactions.of_customer(agent.history, customer, until=until)]


def test_a_label_is_another_person_in_each_file_and_is_asked_for_by_file(agent, tmp_path):
    calls = labelled_calls(tmp_path / "calls", ["c1", "c2"])
    asked = []

    def ask(question):
        asked.append(question)
        return next(label for label in question.options if f"{label} (1 turn: 'Hello')" in question.why)

    agent.ingest(calls, ask=ask)
    assert [question.about for question in asked] == ["speakers of c1_2026-02-01", "speakers of c2_2026-02-01"]
    assert stored(agent, "c1") == [("company", "Hello"), ("customer", "I leave")]
    assert stored(agent, "c2") == [("customer", "I leave"), ("company", "Hello")]


def test_labels_without_an_answer_are_unknown_and_the_note_has_the_line_that_answers(agent, tmp_path):
    calls = labelled_calls(tmp_path / "calls", ["c1", "c2"])
    guesses = agent.ingest(calls, dry_run=True).guesses
    assert [guess.mapping for guess in guesses] == [f"staff: [{name}_2026-02-01/LABEL]" for name in ("c1", "c2")]
    (tmp_path / "m.yaml").write_text("staff: [c1_2026-02-01/SPEAKER_00, C2_2026-02-01/SPEAKER_01]")
    assert agent.ingest(calls, mapping=tmp_path / "m.yaml").guesses == []
    assert stored(agent, "c2") == [("customer", "I leave"), ("company", "Hello")]


def test_a_label_that_is_ours_in_all_files_is_said(agent, tmp_path):
    [guess] = agent.ingest(labelled_calls(tmp_path / "calls", ["c1", "c2"]), own=["SPEAKER_00"]).guesses
    assert (guess.about, guess.taken) == ("speaker SPEAKER_00", "yours in all 2 files")


def test_at_most_ten_files_with_labels_are_asked_about(tmp_path):
    calls = labelled_calls(tmp_path / "calls", [f"c{n}" for n in range(13)])
    survey = survey_speakers(sorted(calls.iterdir()), ())
    assert len(survey.questions) == 10
    assert [guess.about for guess in survey.notes] == ["speakers of 3 more files"]


def test_a_folder_is_read_without_the_calls_of_nobody(agent, tmp_path):
    (tmp_path / "c1_2026-02-01.vtt").write_text(vtt("<v Agent>Hello", "<v Kunde>Ich kündige"))
    (tmp_path / "GMT20260201-143000_Recording.transcript.vtt").write_text(vtt(*ZOOM))
    summary = agent.ingest(tmp_path)
    assert (summary.added, summary.rejected) == (2, 1)
    recording = tmp_path / "GMT20260201-143000_Recording.transcript.vtt"
    with pytest.raises(DataError, match="nothing says the customer"):
        agent.ingest(recording)
    assert agent.ingest(recording, customer="c9").added == 3


def test_the_company_is_asked_for_and_the_answer_tells_both_sides(agent, tmp_path):
    (tmp_path / "c1_2026-02-01.vtt").write_text(vtt(*ZOOM))
    asked = []

    def answer(question):
        asked.append(question.about)
        return "Maria Keller"

    summary = agent.store.ingest([tmp_path / "c1_2026-02-01.vtt"], ask=answer)
    assert asked == ["speakers of calls"]
    assert summary.speakers == {"company": 2, "customer": 1}


def test_without_an_answer_speakers_stay_unknown_and_that_is_noted(agent, tmp_path):
    (tmp_path / "c1_2026-02-01.vtt").write_text(vtt(*ZOOM))
    summary = agent.ingest(tmp_path / "c1_2026-02-01.vtt")
    assert summary.speakers == {"unknown": 3}
    assert [guess.mapping for guess in summary.guesses] == ["staff: [NAME]"]


def test_unknown_speakers_are_the_customers_if_that_is_said(agent, tmp_path):
    (tmp_path / "c1_2026-02-01.srt").write_text(srt("I want to cancel"))
    assert agent.ingest(tmp_path / "c1_2026-02-01.srt", unknown_is="customer").speakers == {"customer": 1}


def test_a_folder_holds_calls_in_json_and_chats_beside_mails(agent, tmp_path):
    (tmp_path / "c1_2026-02-01.json").write_text(json.dumps(DOCUMENTS["whisper"][0]))
    (tmp_path / "WhatsApp Chat with Ana.txt").write_text("[01.02.26, 10:00:00] Ana: I leave\n")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "settings.json").write_text("{}")
    assert agent.ingest(tmp_path).added == 2


TIMES = "00:00:01.000 --> 00:00:03.000"
LATER = "00:00:03.000 --> 00:00:05.000"


@pytest.mark.parametrize(
    "content",
    [
        f"WEBVTT\n\n{TIMES}\nAna Silva: I want\nto cancel\n\n{LATER}\nBo Li: No\n",
        f"WEBVTT\n\n1\n{TIMES}\nAna Silva: I want\n\nto cancel\n\n2\n{LATER}\nBo Li: No\n",
        f"{TIMES}\nAna Silva: I want to cancel\n\n{LATER}\nBo Li: No\n",
        f"WEBVTT\n\nintro-1\n{TIMES} align:start\nAna Silva: I want to cancel\n\nNOTE a comment\nover two lines\n\nintro-2\n{LATER}\nBo Li: No\n\n3\n",
        "WEBVTT - x\nKind: captions\n\nSTYLE\n::cue {}\n\n00:01.000 --> 00:03.000\nAna Silva: I want to cancel\n\n00:03.000 --> 00:05.000\nBo Li: No\n",
        "1\n0:00:01,5 --> 0:00:03,000\nAna Silva: I want to cancel\n\n2\n0:00:03,000 --> 0:00:05,000\nBo Li: No\n",
        f"1\n{TIMES}\nAna Silva: I want to cancel\n2\n{LATER}\nBo Li: No\n".replace("cancel\n2\n", "cancel\n\n\n2\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", ["vtt", "srt"])
def test_cues_that_break_the_format_lose_no_words(tmp_path, content, ending):
    rows = rows_of(tmp_path, content, name=f"c1_2026-02-01.{ending}")
    assert [(row.values["author"], row.values["text"]) for row in rows] == [
        ("Ana Silva", "I want to cancel"),
        ("Bo Li", "No"),
    ]


def test_an_arrow_in_a_sentence_is_no_time(tmp_path):
    rows = rows_of(tmp_path, vtt("Ana Silva: A --> B and I cancel", "Bo Li: No", "Ana Silva: Yes"))
    assert rows[0].values["text"] == "A --> B and I cancel"


def test_a_file_that_is_no_transcript_is_refused(tmp_path):
    (tmp_path / "c1_2026-02-01.vtt").write_text("Hello")
    with pytest.raises(FileFormatError, match="not a readable transcript"):
        list(read_transcript(tmp_path / "c1_2026-02-01.vtt", ()))


PEOPLE = ("Maria Keller", "Peter Huber")
WORDS = st.text(
    st.characters(codec="utf-8", categories=("L", "N"), include_characters=" ,.:!?"), min_size=1, max_size=40
).map(lambda text: f"x{' '.join(text.split())}")


@settings(max_examples=examples(60), deadline=None)
@given(
    turns=st.lists(st.tuples(st.sampled_from(PEOPLE), WORDS), min_size=1, max_size=6),
    style=st.sampled_from(["voice", "label"]),
)
def test_the_other_list_swaps_the_speakers_and_no_word_is_lost(tmp_path_factory, turns, style):
    folder = tmp_path_factory.mktemp("calls")
    cues = [f"<v {name}>{text}" if style == "voice" else f"{name}: {text}" for name, text in turns]
    ours, theirs = (rows_of(folder, vtt(*cues), [name]) for name in PEOPLE)
    assert " ".join(text for _, _, text in spoken(ours)).split() == " ".join(text for _, text in turns).split()
    present = {name for name, _ in turns}
    swapped = (
        {"company": "customer", "customer": "company"}
        if len(present) == 2
        else {"company": "unknown", "unknown": "company"}
    )
    assert [swapped[speaker] for speaker, _, _ in spoken(ours)] == [speaker for speaker, _, _ in spoken(theirs)]
