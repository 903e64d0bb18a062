import math

from churn_agent.content.prompts import load_prompt
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.read import read
from churn_agent.models.scripted import ScriptedModel
from tests.elicitation.cases import case

FEW_SHOT, DIRECT = load_prompt("read", "few_shot"), load_prompt("read", "direct")
WORDS = "The line is down again. I will move to Rival."


def odds(p):
    return {"Yes": math.log(p), "No": math.log(1 - p)}


def signals(*found):
    return {"signals": [{"quote": quote, "signal": signal} for signal, quote in found]}


def reading(texts, *, found, confirmed=0.9, leaving=0.5, staying=0.5, considered=0.1, prompt=FEW_SHOT):
    model = ScriptedModel(
        {
            "generate": [{"contains": "", "answer": signals(*found)}],
            "score": [
                *({"contains": words, "answer": {"confirmed": odds(0.5)}} for words in FEW_SHOT.check.neutral),
                {
                    "contains": "",
                    "answer": {
                        **dict.fromkeys(load_taxonomy().by_id, odds(confirmed)),
                        "leaving": odds(leaving),
                        "staying": odds(staying),
                        "leaving_considered": odds(considered),
                    },
                },
            ],
        }
    )
    [elicitation] = read([case(*texts)], model, prompt, load_taxonomy())
    return elicitation


def concepts(elicitation):
    return {signal.concept: round(signal.strength, 2) for signal in elicitation.signals}


def test_a_confirmed_signal_keeps_its_quote_and_its_strength():
    found = reading([WORDS], found=[("problem_solved", "line is down again")], confirmed=0.8)
    assert concepts(found) == {"problem_solved": 0.8}
    [citation] = found.signals[0].citations
    assert (citation.verified, citation.quote, citation.label) == (True, "line is down again", "E1")


def test_a_signal_that_is_not_confirmed_is_dropped():
    assert concepts(reading([WORDS], found=[("service_quality", "line is down again")], confirmed=0.7)) == {}


def test_a_quote_that_was_never_written_has_no_strength():
    found = reading([WORDS], found=[("service_quality", "the staff were horrible to me")])
    assert concepts(found) == {"service_quality": 0.0}
    assert not found.signals[0].citations[0].verified


def test_leaving_against_the_plain_answers_is_dropped():
    stays = {"leaving": 0.05, "staying": 0.95}
    assert concepts(reading([WORDS], found=[("leaving_announced", "I will move to Rival")], **stays)) == {}


def test_a_wish_to_leave_is_found_by_asking():
    found = reading([WORDS], found=[], leaving=0.9, staying=0.2, considered=0.8)
    assert concepts(found) == {"leaving_considered": 0.78}  # 0.8 times the odds of leaving
    assert found.signals[0].citations[0].quote == WORDS.rstrip(".")


def test_a_wish_to_leave_takes_the_place_of_a_fading_use():
    fading = [("disengagement", "I will move to Rival")]
    found = reading([WORDS], found=fading, leaving=0.9, staying=0.2, considered=0.8)
    assert concepts(found) == {"leaving_considered": 0.78}  # 0.8 times the odds of leaving
    assert found.signals[0].citations[0].quote == WORDS  # three content words are found only with the neighbour


def test_what_neutral_words_get_too_is_no_confirmation():
    script = {"generate": [{"answer": signals(("price", WORDS))}], "score": [{"answer": {"confirmed": odds(0.9)}}]}
    [found] = read([case(WORDS)], ScriptedModel(script), FEW_SHOT, load_taxonomy())
    assert concepts(found) == {}


def test_of_two_signals_on_the_same_words_one_stays():
    both = [("service_quality", "line is down again"), ("disappointment", "is down again")]
    assert len(reading([WORDS], found=both).signals) == 1


def test_equal_messages_are_read_once_and_cited_apart():
    found = reading([WORDS, "something else entirely", WORDS], found=[("service_quality", "line is down again")])
    assert len(found.evidence) == 2  # of equal texts the latest is shown
    assert len(found.leanings) == 2


def test_a_prompt_without_a_check_takes_what_was_proposed():
    assert concepts(reading([WORDS], found=[("price", "line is down again")], prompt=DIRECT)) == {"price": 1.0}


class Failing(ScriptedModel):
    """Fails on texts of more than so many characters."""

    longest = 1000
    asked = 0

    def generate(self, requests):
        for request in requests:
            self.asked += 1
            too_long = len(request.messages[0].content) > self.longest
            yield from ScriptedModel(
                {"generate": [{"contains": "", "error": "too long"}]} if too_long else None
            ).generate([request])


def test_a_failed_message_is_read_once_more_with_half_of_its_words():
    model = Failing()
    model.longest = 200
    [found] = read([case("word " * 30)], model, DIRECT, load_taxonomy())
    assert (found.failure, model.asked) == (None, 2)


def test_when_nothing_can_be_read_the_reading_failed():
    model = Failing()
    model.longest = 0
    [found] = read([case("one", "two")], model, DIRECT, load_taxonomy())
    assert found.failure == "too long"
    assert model.asked == 4


def test_one_message_that_cannot_be_read_does_not_lose_the_others():
    model = Failing()
    model.longest = 100
    [found] = read([case("short words", "long " * 90)], model, DIRECT, load_taxonomy())
    assert found.failure is None


def test_an_answer_that_does_not_fit_is_a_failure():
    model = ScriptedModel({"generate": [{"contains": "", "answer": {"signals": "none"}}]})
    [found] = read([case("one")], model, DIRECT, load_taxonomy())
    assert "does not fit the schema" in found.failure
