"""Signals proposed by the probabilities of words."""

import json
import math
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation import choose, confirm
from churn_agent.elicitation.read import read
from churn_agent.errors import FileFormatError
from churn_agent.models.base import ModelOutput
from churn_agent.models.scripted import ScriptedModel
from churn_agent.scoring.prior import log_odds
from churn_agent.scoring.verdict import from_signals
from tests.conftest import examples
from tests.elicitation.cases import case

PROMPT = load_prompt("read", "words")
WORDS = PROMPT.choice.words
DOWN, MOVE, BILL = "The line is down again today.", "Next month I will move to Rival.", "Could you send the bill again?"


def odds(p):
    return {"Yes": math.log(p), "No": math.log(1 - p)}


def shows(**likely):
    """Log-probabilities of all words: those given, the rest of the probability on nothing."""
    rest = (1 - sum(likely.values())) / (len(WORDS) + 1 - len(likely))
    return {word: math.log(likely.get(word, rest)) for word in (*WORDS.values(), PROMPT.choice.nothing)}


class Recorder(ScriptedModel):
    """Notes the contexts that it was asked about."""

    def __init__(self, script, summary=None):
        super().__init__(script)
        self.asked, self.companies, self.summary, self.summarised = [], set(), summary, []

    def score_labels(self, requests):
        requests = list(requests)
        self.asked += [(request.context, [q.id for q in request.questions]) for request in requests]
        systems = [request.shared[0].content for request in requests]
        told = [re.search("what a customer of (.*) says", system) for system in systems]
        self.companies |= {found[1] for found in told if found}
        return super().score_labels(requests)

    def generate(self, requests):
        for request in requests:
            if request.shared[0].content == PROMPT.check.summary.system:
                self.summarised.append(request.messages[0].content)
                yield ModelOutput(request.id, json.dumps({"text": self.summary or ""}))
            else:
                yield from super().generate([request])


def reading(
    texts,
    sentences,
    *,
    confirmed=0.5,
    leaving=0.4,
    staying=0.4,
    closing=0.1,
    written=(),
    summary=None,
    more=(),
    **names,
):
    """Reads texts; `sentences` says what each shows, all else shows nothing; `written` are translations, `more` answers
    to other questions."""
    answers = dict.fromkeys(load_taxonomy().by_id, odds(confirmed)) | {
        "leaving": odds(leaving),
        "staying": odds(staying),
        "closing": odds(closing),
        **dict(more),
    }
    script = [{"contains": words, "answer": {"confirmed": odds(0.5)}} for words in PROMPT.check.neutral]
    script += [{"contains": "Customer:", "answer": answers}]
    script += [{"contains": text, "answer": {"word": shows(**likely)}} for text, likely in sentences.items()]
    script += [{"contains": "", "answer": {"word": shows(none=0.95)}}]
    model = Recorder({"score": script, "generate": list(written)}, summary)
    [found] = read([case(*texts, **names)], model, PROMPT, load_taxonomy())
    return found, model


def test_the_sentence_that_shows_a_signal_is_its_quote():
    found, _ = reading([f"{DOWN} {BILL}"], {DOWN: {"fault": 0.9}})
    [signal] = found.signals
    assert (signal.concept, signal.citations[0].quote) == ("service_quality", DOWN.rstrip("."))


def test_strength_is_the_odds_of_the_word_times_those_of_the_check():
    found, _ = reading(["Thank you, that was kind."], {"Thank you": {"thanks": 0.8}}, confirmed=0.75)
    assert found.signals[0].strength == pytest.approx(1 / (1 + 1 / (4 * 3)), abs=1e-3)


@pytest.mark.parametrize("leaving", [0.2, 0.4, 0.8])
def test_a_complaint_counts_as_far_as_the_message_leans_to_leaving(leaving):
    found, _ = reading([DOWN], {DOWN: {"fault": 0.9}}, confirmed=0.9, leaving=leaving, staying=0.5)
    assert found.signals[0].strength == pytest.approx(leaving * 81 / 82, abs=1e-3)


@pytest.mark.parametrize(
    ("likely", "confirmed"), [({"fault": 0.5}, 0.75), ({"fault": 0.9}, 0.3), ({"fault": 0.1}, 0.99)]
)
def test_what_is_not_likely_enough_in_both_is_dropped(likely, confirmed):
    assert not reading([DOWN], {DOWN: likely}, confirmed=confirmed)[0].signals


def test_one_message_shows_several_signals():
    found, _ = reading([f"{DOWN} {MOVE}"], {DOWN: {"fault": 0.9}, MOVE: {"leave": 0.9}}, leaving=0.9, confirmed=0.9)
    assert {signal.concept for signal in found.signals} == {"service_quality", "leaving_announced"}


@pytest.mark.parametrize("confirmed", [0.8, 0.9])
def test_who_is_left_for_whom_is_told_by_the_check_alone(confirmed):
    found, _ = reading([MOVE], {MOVE: {"leave": 0.95}}, confirmed=confirmed, leaving=0.6)
    assert bool(found.signals) == (confirmed >= PROMPT.thresholds.confirmed)


def test_the_check_sees_the_whole_message():
    found, model = reading([f"{DOWN} {BILL}"], {DOWN: {"fault": 0.9}}, confirmed=0.9)
    [asked] = [ids for context, ids in model.asked if BILL in context and "Customer:" in context]
    assert sorted(asked) == ["leaving", "service_quality", "staying"]
    assert found.signals[0].citations[0].quote == DOWN.rstrip(".")


def test_of_a_message_that_shows_nothing_nothing_more_is_asked():
    found, model = reading([BILL], {})
    assert [ids for _, ids in model.asked] == [["word"]]
    assert (found.signals, found.leanings) == ([], [-0.9])


def test_questions_about_the_same_words_are_asked_together():
    _, model = reading([DOWN], {DOWN: {"fault": 0.9}})
    [asked] = [ids for context, ids in model.asked if context == f'Customer: "{DOWN}"\n']
    assert sorted(asked) == ["leaving", "service_quality", "staying"]


def test_equal_sentences_are_read_once():
    _, model = reading([f"{DOWN} {BILL}", f"{MOVE} {BILL}"], {})
    assert len([ids for _, ids in model.asked if ids == ["word"]]) == 3


def test_a_sentence_too_long_to_quote_is_cut_between_words():
    [part] = choose._parts("no end " * 60)
    assert len(part) <= 240
    assert part.endswith(("no", "end"))


def test_short_sentences_are_read_with_their_neighbours():
    parts = list(choose._parts(f"Hello there. {DOWN} Really. {BILL} Thanks!"))
    assert parts == [f"Hello there. {DOWN} Really.", f"{BILL} Thanks!"]


def test_words_for_unknown_signals_are_refused(tmp_path):
    from churn_agent.content.prompts import shipped_folder

    text = (shipped_folder() / "read" / "words.yaml").read_text(encoding="utf-8")
    (tmp_path / "read").mkdir()
    (tmp_path / "read" / "mine.yaml").write_text(
        text.replace("  nothing: none", "  nothing: none\n  words: {prize: prize}"), encoding="utf-8"
    )
    with pytest.raises(FileFormatError, match="prize"):
        load_prompt("read", "mine", folder=tmp_path)


CLOSE, ASKS = "How can I delete my account?", "Where is my new card?"


@pytest.mark.parametrize(("closing", "expected"), [(0.9, {"leaving_announced": 0.9}), (0.4, {})])
def test_a_plain_request_to_end_it_all_is_no_silence(closing, expected):
    """Its words only hint at leaving, and nobody who asks so politely is said to intend it."""
    found, model = reading([CLOSE], {CLOSE: {"none": 0.8, "leave": 0.06}}, leaving=0.3, staying=0.5, closing=closing)
    assert {signal.concept: round(signal.strength, 2) for signal in found.signals} == expected
    assert (found.leanings[0] > 0) == bool(expected)
    assert ["leaving", "staying", "closing"] in [questions for _, questions in model.asked]


def test_who_does_not_hint_at_leaving_is_not_asked_about_it():
    _, model = reading([ASKS], {ASKS: {"none": 0.97}}, closing=0.9)
    assert not any("closing" in questions for _, questions in model.asked)


def test_of_several_sentences_the_one_that_hints_most_is_quoted():
    sentences = {CLOSE: {"none": 0.8, "leave": 0.06}, ASKS: {"none": 0.97}}
    found, _ = reading([f"{ASKS} {CLOSE}"], sentences, leaving=0.3, staying=0.5, closing=0.9)
    assert found.signals[0].citations[0].quote == CLOSE.rstrip("?")


def test_a_check_knows_no_company_by_its_name_and_quotes_are_as_they_were_written():
    text = "SALT was down again today, so I go to Swisscom next month."
    found, model = reading(
        [text], {text: {"leave": 0.9}}, confirmed=0.9, leaving=0.9, company="salt", companies=["Swisscom"]
    )
    [context] = [context for context, ids in model.asked if "leaving" in ids]
    assert context == 'Customer: "Acme was down again today, so I go to Rivalo next month."\n'
    assert found.signals[0].citations[0].quote == text.rstrip(".")


def test_who_names_no_company_is_asked_about_the_company():
    _, model = reading([DOWN], {DOWN: {"fault": 0.9}}, company="Salt", companies=["Swisscom"])
    assert model.companies == {"the company"}
    _, model = reading([f"Salt: {DOWN}"], {DOWN: {"fault": 0.9}}, company="Salt", companies=["Swisscom"])
    assert model.companies == {"Acme", "the company"}  # the latter for neutral words


def test_who_leaves_the_rival_leaves_the_company_less():
    text = "I go from Swisscom to Salt next month."
    answers = {"rival leaving": odds(0.9), "rival staying": odds(0.1)}
    found, model = reading(
        [text], {text: {"leave": 0.9}}, leaving=0.6, staying=0.4, more=answers, company="Salt", companies=["Swisscom"]
    )
    assert found.leanings == [pytest.approx(math.log(1.5) - math.log(9) / 2)]
    assert model.companies >= {"Acme", "Rivalo"}


def test_leaving_and_staying_are_also_asked_of_a_summary():
    answers = {"summary leaving": odds(0.9), "summary staying": odds(0.1)}
    found, model = reading([MOVE], {MOVE: {"leave": 0.9}}, leaving=0.6, staying=0.4, summary="They move.", more=answers)
    assert found.leanings == [pytest.approx((math.log(1.5) + math.log(9)) / 2)]
    assert ('Customer: "They move."\n', ["summary leaving", "summary staying"]) in model.asked


def test_neither_long_messages_nor_those_without_a_hint_are_summarised_and_one_without_a_summary_speaks_for_itself():
    long = f"{MOVE} " * 10
    shown = {MOVE: {"leave": 0.9}, DOWN: {"fault": 0.9}}
    found, model = reading([MOVE, long, DOWN], shown, leaving=0.6, staying=0.4)
    assert model.summarised == [MOVE]
    assert found.leanings == [pytest.approx(math.log(1.5))] * 3


GERMAN, ENGLISH = "Ich wechsle nächsten Monat von Salt zu Swisscom.", "I will switch from Salt to Swisscom next month."


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ({"answer": {"text": ENGLISH}}, "I will switch from Acme to Rivalo next month."),
        ({"answer": "{"}, "Ich wechsle nächsten Monat von Acme zu Rivalo."),
        ({"answer": {"text": " "}}, "Ich wechsle nächsten Monat von Acme zu Rivalo."),
        ({"error": "too long"}, "Ich wechsle nächsten Monat von Acme zu Rivalo."),
    ],
)
def test_a_foreign_message_is_translated_for_the_check_if_it_can_be(written, seen):
    found, model = reading(
        [GERMAN],
        {GERMAN: {"leave": 0.9}},
        confirmed=0.9,
        leaving=0.9,
        written=[{"contains": GERMAN, **written}],
        company="Salt",
        companies=["Swisscom"],
    )
    assert [context for context, ids in model.asked if "leaving" in ids] == [f'Customer: "{seen}"\n']
    assert found.signals[0].citations[0].quote == GERMAN.rstrip(".")
    assert not found.failure


@pytest.mark.parametrize("text", [MOVE, "Tschüss.", GERMAN * 3])
def test_neither_english_nor_unclear_nor_very_long_messages_are_translated(text, monkeypatch):
    monkeypatch.setattr(confirm, "_LONGEST_TRANSLATED", 100)
    written = [{"contains": "", "answer": {"text": "something else"}}]
    _, model = reading([text], {text[:20]: {"leave": 0.9}}, written=written)
    assert not any("something else" in context for context, _ in model.asked)


def test_the_languages_of_all_messages_are_told_in_one_call(monkeypatch):
    calls = []
    tell = confirm.languages_of
    monkeypatch.setattr(confirm, "languages_of", lambda texts: calls.append(list(texts)) or tell(texts))
    reading([GERMAN, MOVE], {GERMAN: {"leave": 0.9}, MOVE: {"leave": 0.9}}, written=[{"contains": "", "error": "no"}])
    assert [set(texts) for texts in calls if texts] == [{GERMAN, MOVE}]


def test_who_says_nothing_is_not_translated():
    found, _ = reading(["Wo finde ich denn die Anleitung?"], {}, written=[{"contains": "", "error": "not asked for"}])
    assert found.output_tokens == 0


TAXONOMY = load_taxonomy()
FOR_RIVAL = "I cancel, from Monday on I am with Swisscom."


def read_about_rival(seen, unseen, *, known, text=FOR_RIVAL):
    """The reading of a message that names Swisscom, by a model that answers otherwise where it has a made-up name."""
    script = [{"contains": words, "answer": {"confirmed": odds(0.5)}} for words in PROMPT.check.neutral]
    script += [{"contains": "Rivalo", "answer": seen}, {"contains": "Customer:", "answer": unseen}]
    script += [{"contains": text, "answer": {"word": shows(leave=0.9)}}]
    model = Recorder({"score": script})
    about = case(text, company="Salt", competitors=["Swisscom"] if known else [])
    [found] = read([about], model, PROMPT, TAXONOMY)
    return about, found, model


def score(about, found):
    verdict = from_signals(about.snapshot, about.facts, found.signals, found.leanings, TAXONOMY, PROMPT.thresholds)
    return verdict.probability.raw


CHANCES = st.floats(0.02, 0.98)
ANSWERS = st.fixed_dictionaries(dict.fromkeys(("leaving", "staying", "closing", "leaving_announced"), CHANCES))
OF_RIVAL = st.fixed_dictionaries(dict.fromkeys(("leaving", "staying"), CHANCES))


@pytest.mark.slow
@settings(max_examples=examples(25), deadline=None)
@given(ANSWERS, OF_RIVAL, ANSWERS)
def test_knowing_the_rival_never_hides_that_somebody_leaves_us_for_it(own, rival, unseen):
    asked_of_rival = {f"rival {name}": odds(p) for name, p in rival.items()}
    seen = {name: odds(p) for name, p in own.items()} | asked_of_rival
    without_names = {name: odds(p) for name, p in unseen.items()}
    leans = lambda p: (log_odds(p["leaving"]) - log_odds(p["staying"])) / 2  # noqa: E731
    assume(leans(rival) - leans(own) < 0.49)
    known = score(*read_about_rival(seen, without_names, known=True)[:2])
    unknown = score(*read_about_rival(seen, without_names, known=False)[:2])
    assert known >= unknown - 1e-9


def test_where_the_rival_is_left_its_name_counts_against_leaving_us():
    seen = {"leaving": odds(0.5), "staying": odds(0.5), "rival leaving": odds(0.9), "rival staying": odds(0.1)}
    unseen = {"leaving": odds(0.9), "staying": odds(0.1)}
    _, found, model = read_about_rival(seen, unseen, known=True)
    assert found.leanings == [pytest.approx(-math.log(9) / 2)]
    assert not any("Swisscom" in context for context, ids in model.asked if ids != ["word"])


def test_a_plain_request_to_end_it_all_counts_beside_the_name_of_a_rival():
    seen = dict.fromkeys(("leaving", "staying", "rival leaving", "rival staying"), odds(0.5))
    unseen = {"leaving": odds(0.3), "staying": odds(0.5), "closing": odds(0.9), "leaving_announced": odds(0.9)}
    _, found, _ = read_about_rival(seen, unseen, known=True)
    assert found.leanings == [pytest.approx(math.log(9) - 1)]
    assert [signal.concept for signal in found.signals] == ["leaving_announced"]


def test_a_reading_without_the_name_that_fails_loses_nothing():
    seen = {"leaving": odds(0.6), "staying": odds(0.4)}
    script = {
        "score": [
            {"contains": "Rivalo", "answer": seen},
            {"contains": "Customer:", "error": "too long"},
            {"contains": FOR_RIVAL, "answer": {"word": shows(leave=0.5)}},
        ]
    }
    [found] = read([case(FOR_RIVAL, company="Salt", competitors=["Swisscom"])], ScriptedModel(script), PROMPT, TAXONOMY)
    assert found.leanings == [pytest.approx(math.log(1.5))]
    assert not found.failure


def test_names_of_other_companies_of_the_book_are_not_read_twice():
    about = case(FOR_RIVAL, company="Salt", companies=["Swisscom"])
    model = Recorder({"score": [{"contains": FOR_RIVAL, "answer": {"word": shows(leave=0.9)}}]})
    read([about], model, PROMPT, TAXONOMY)
    assert not any("Swisscom" in context for context, ids in model.asked if ids != ["word"])


PLAIN = [
    "I hereby cancel my contract as of 31 May.",
    "Hiermit kündige ich meinen Vertrag zum 31. Mai.",
    "Je résilie mon contrat au 31 mai.",
    "Vorrei disdire il mio abbonamento a fine mese.",
    "Quiero darme de baja a partir del 31 de mayo.",
    "Hierbij zeg ik mijn abonnement op.",
]


@pytest.mark.parametrize("text", PLAIN)
def test_the_model_is_asked_about_a_plain_announcement_that_it_does_not_propose_and_decides(text):
    said = {"confirmed": 0.95, "leaving": 0.9, "staying": 0.1}
    found, model = reading([f"{BILL} {text}"], {}, **said)
    asked = {name for _, names in model.asked for name in names}
    assert {"leaving_announced", "leaving", "staying"} <= asked
    [signal] = found.signals
    assert (signal.concept, signal.citations[0].quote) == ("leaving_announced", text.rstrip("."))
    assert signal.strength > 0.7
    assert not reading([f"{BILL} {text}"], {}, **said | {"confirmed": 0.3})[0].signals
    assert not reading([f"{BILL} {text}"], {}, **said | {"leaving": 0.1, "staying": 0.9})[0].signals


@pytest.mark.parametrize(
    "text",
    ["I do not want to cancel my contract.", "Please cancel my order from Tuesday.", "How can I cancel my contract?"],
)
def test_it_is_not_asked_about_other_plain_words(text):
    _, model = reading([text], {}, confirmed=0.95, leaving=0.9)
    assert [ids for _, ids in model.asked] == [["word"]]


def test_it_is_not_asked_where_the_words_may_be_about_another_company():
    _, model = reading(["I hereby cancel my contract with Rival."], {}, leaving=0.9, companies=["Rival"])
    assert [ids for _, ids in model.asked] == [["word"]]


def test_what_the_model_proposes_itself_keeps_its_own_odds():
    found, _ = reading([PLAIN[0]], {PLAIN[0]: {"leave": 0.4}}, confirmed=0.85, leaving=0.9, staying=0.1)
    # It was proposed as less likely than not, which counts against it.
    assert "leaving_announced" not in {signal.concept for signal in found.signals}
