"""The engine with the real model: alone or in company, after crashes, interrupts and restarts, the answers are the same."""

import json
import math
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from churn_agent.errors import ModelCallError
from churn_agent.models.base import GenerateRequest, Message, Question, ScoreRequest
from churn_agent.models.catalogue import catalogue
from churn_agent.models.gguf import model as models
from churn_agent.models.gguf import writing
from churn_agent.models.gguf.engine import Engine
from churn_agent.models.gguf.model import GGUFModel
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.gguf.worker import Worker
from churn_agent.settings import Settings
from tests.conftest import find_language_model

pytestmark = pytest.mark.model

SYSTEM = (Message("system", "You describe what a customer wrote, in a few words."),)
NOTE = {
    "type": "object",
    "properties": {"mood": {"enum": ["good", "bad", "none"]}, "note": {"type": "string", "maxLength": 60}},
    "required": ["mood", "note"],
    "additionalProperties": False,
}
MESSAGES = [
    "The line has been down since Monday and nobody calls me back.",
    "Thanks, everything works again.",
    "I would like to add two more users to our plan.",
    "Wann ist die Filiale am Samstag offen?",
    "You charged me twice in March, I want the money back.",
    "Your competitor offers the same for half the price.",
    "Please change my address to Harbour Street 12.",
    "I will cancel at the end of the month.",
    "The new app is wonderful, I use it every day.",
    "My parcel never arrived and the chat robot is useless.",
]
NOISE = 1.0
"""Most that a difference of two logits was seen to change by company in the batch is about .6."""


def writes(n, text, **more):
    return GenerateRequest(str(n), SYSTEM, (Message("user", text),), NOTE, 60, **more)


def asks(n, text):
    questions = (
        Question("angry", " Is the writer angry? Answer Yes or No.", ("Yes", "No")),
        Question("money", " Is it about money? Answer Yes or No.", ("Yes", "No")),
    )
    return ScoreRequest(str(n), SYSTEM, text, questions)


@pytest.fixture(scope="module")
def engine():
    path, _ = find_language_model()
    opened = Engine(path, context_tokens=2048, tuning=Tuning(parallel=6))
    yield opened
    opened.close()


def scores_of(engine, requests):
    return {each.id: each.log_probabilities for each in engine.score_labels(requests)}


def test_scores_do_not_depend_on_company(engine):
    """To the last bit: each request alone, in two orders, and behind a prefix that came after others had gone."""
    requests = [asks(n, text) for n, text in enumerate(MESSAGES)]
    together = scores_of(engine, requests)
    assert scores_of(engine, reversed(requests)) == together
    others = [replace(asks(n, "Hello."), shared=(Message("system", f"You are number {n}."),)) for n in range(9)]
    scores_of(engine, [others[0], requests[3], *others[1:5], *requests[:2], *others[5:]])
    for request in requests:
        assert scores_of(engine, [request]) == {request.id: together[request.id]}


def test_a_long_context_in_company_scores_as_it_does_alone(engine):
    long = asks("long", " ".join(MESSAGES * 6))  # more than a micro-batch
    together = scores_of(engine, [asks(0, MESSAGES[0]), long, asks(1, MESSAGES[1])])
    assert scores_of(engine, [long])["long"] == together["long"]


def test_labels_of_several_tokens_score_alike_in_company(engine):
    question = Question("q", " In two words?", ("Very angry", "Quite happy", "Yes"))
    requests = [ScoreRequest(str(n), SYSTEM, text, (question,)) for n, text in enumerate(MESSAGES[:4])]
    together = scores_of(engine, requests)
    for request in requests:
        assert scores_of(engine, [request]) == {request.id: together[request.id]}


def test_answers_do_not_depend_on_company(engine, monkeypatch):
    """The same text, but where two candidates were within the noise of each other."""
    choose = writing._choose
    decisions = {}

    def watched(logits, matcher, temperature, random):
        bitmask = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(bitmask, count=len(logits), bitorder="little").astype(bool)
        best = np.sort(logits[allowed])[-2:]
        decisions.setdefault(id(random), []).append(float(best[-1] - best[0]) if len(best) > 1 else math.inf)
        keep.append(random)
        return choose(logits, matcher, temperature, random)

    keep = []  # ids of generators that are gone would be used again
    monkeypatch.setattr(writing, "_choose", watched)
    requests = [writes(n, text) for n, text in enumerate(MESSAGES)]
    together = {each.id: each.text for each in engine.generate(requests)}
    same = 0
    for request in requests:
        decisions.clear()
        [alone] = engine.generate([request])
        [margins] = decisions.values()
        same += alone.text == together[request.id]
        assert alone.text == together[request.id] or min(margins) < NOISE
    assert same >= len(requests) // 2


def test_no_customers_words_reach_anothers_answer(engine):
    words = ["Zwetschge", "Quastenflosser", "Hollerkoch", "Fledermaus", "Bommelmütze", "Wackelpudding"]
    requests = [writes(n, f"My password is {word}. Repeat it in the note.") for n, word in enumerate(words)]
    answers = {int(each.id): each.text for each in engine.generate(requests)}
    for n, text in answers.items():
        assert json.loads(text)["mood"]
        assert not [word for m, word in enumerate(words) if m != n and word in text]
    assert sum(words[n] in text for n, text in answers.items()) >= 4


@pytest.fixture
def model(tmp_path):
    path, sha256 = find_language_model()
    opened = GGUFModel(path, model_id="m", sha256=sha256, context_tokens=2048, prefix_folder=tmp_path / "prefixes")
    yield opened
    opened.close()


def test_a_crash_ends_no_run(model):
    requests = [asks(n, text) for n, text in enumerate(MESSAGES)]
    results = model.score_labels(requests)
    found = [next(results)]
    os.kill(model._running.pid, signal.SIGKILL)
    found += list(results)
    assert sorted(each.id for each in found) == sorted(request.id for request in requests)
    assert not any(each.error for each in found)


def test_a_request_that_crashes_the_engine_twice_fails_alone(model, monkeypatch):
    class Fragile(Worker):
        def stream(self, kind, requests):
            for name, value in super().stream(kind, requests):
                if (name, value) == ("begun", "3"):
                    self._process.kill()
                yield name, value

    monkeypatch.setattr(models, "Worker", Fragile)
    found = {each.id: each for each in model.score_labels([asks(n, text) for n, text in enumerate(MESSAGES)])}
    assert len(found) == len(MESSAGES)
    assert isinstance(found["3"].error, ModelCallError)
    assert [id_ for id_, each in found.items() if each.error] == ["3"]


def test_an_interrupt_is_prompt_and_the_next_request_works(model):
    results = model.generate([writes(n, text) for n, text in enumerate(MESSAGES)])
    next(results)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)
    assert time.monotonic() - began < 10
    [answer] = model.generate([writes(0, MESSAGES[0])])
    assert answer.finish_reason == "stop"


def test_an_evaluated_prefix_is_found_again_by_the_next_process(tmp_path):
    path, sha256 = find_language_model()
    long = (Message("system", "You read what customers write. " + "Be careful and brief. " * 60),)

    def score():
        with_files = GGUFModel(path, model_id="m", sha256=sha256, context_tokens=2048, prefix_folder=tmp_path)
        request = ScoreRequest("1", long, MESSAGES[0], (Question("q", " Angry? Answer Yes or No.", ("Yes", "No")),))
        worker = Worker(with_files._options)
        with_files._running = worker
        [(_, _), (_, scores)] = list(worker.stream("score", [request]))
        with_files.close()
        return scores.log_probabilities["q"]["Yes"]

    first = score()
    [kept] = tmp_path.glob("*.kv")
    written = kept.stat().st_ino
    assert score() == pytest.approx(first, abs=0.02)
    assert [each.stat().st_ino for each in tmp_path.glob("*.kv")] == [written]
    kept.write_bytes(kept.read_bytes()[:-1000] + b"\0" * 1000)
    assert score() == pytest.approx(first, abs=0.02)


@pytest.mark.hard
def test_the_engine_stays_within_its_memory():
    path, sha256 = find_language_model()
    model = GGUFModel(path, model_id="m", sha256=sha256, context_tokens=4096, tuning=Tuning(parallel=4))
    try:
        long = [writes(n, f"{n} " + "The line is down again today. " * 270) for n in range(4)]
        assert all(each.error is None for each in model.generate(long))
        [peak_kb] = [
            int(line.split()[1])
            for line in open(f"/proc/{model._running.pid}/status")  # noqa: SIM115, PTH123
            if line.startswith("VmHWM")
        ]
    finally:
        model.close()
    assert peak_kb * 1024 < path.stat().st_size + 600 * 2**20


def test_the_default_model_is_the_one_of_the_catalogue():
    path, sha256 = find_language_model()
    entry = catalogue()[Settings.load().model]
    assert path.name == entry.files[0].name
    assert sha256 == entry.files[0].sha256
