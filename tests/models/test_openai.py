"""The API back-end against a real server on the loopback address."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from churn_agent.errors import InvalidAnswer, ModelCallError, ModelTimeout
from churn_agent.models.base import GenerateRequest, Message, Question, ScoreRequest
from churn_agent.models.openai import OpenAIModel

SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
GENERATE = GenerateRequest("g", (Message("system", "s"),), (Message("user", "u"),), SCHEMA, 20, seed=3)
SCORE = ScoreRequest("q", (Message("system", "s"),), "context", (Question("a", " A or B?", ("A", "B")),))


def completion(content, *, finish="stop", logprobs=None):
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
    if logprobs is not None:
        top = [{"token": t, "logprob": p, "bytes": None} for t, p in logprobs]
        choice["logprobs"] = {"content": [{"token": top[0]["token"], "logprob": 0, "bytes": None, "top_logprobs": top}]}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


class Server:
    def __init__(self):
        self.answers = []
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.requests.append(json.loads(body))
                status, answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"


@pytest.fixture
def server():
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture
def model(server):
    opened = OpenAIModel("m", base_url=server.url, api_key="k", timeout_s=5, attempts=3, longest_pause_s=0.01)
    yield opened
    opened.close()


def test_a_request_carries_prompt_schema_and_seed(server, model):
    server.answers = [(200, completion('{"ok": true}'))]

    [output] = model.generate([GENERATE])

    assert output.text == '{"ok": true}'
    assert (output.usage.prompt_tokens, output.usage.output_tokens) == (7, 3)
    [sent] = server.requests
    assert sent["messages"] == [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (sent["seed"], sent["temperature"], sent["max_tokens"]) == (3, 0, 20)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_errors_that_pass_are_tried_again(server, model, status):
    server.answers = [(status, {"error": {"message": "busy"}}), (200, completion("{}"))]
    [output] = model.generate([GENERATE])
    assert output.error is None
    assert len(server.requests) == 2


def test_tries_end(server, model):
    server.answers = [(500, {"error": {"message": "down"}})]
    [output] = model.generate([GENERATE])
    assert isinstance(output.error, ModelTimeout)
    assert len(server.requests) == 3


def test_a_refusal_is_not_tried_again(server, model):
    server.answers = [(401, {"error": {"message": "bad key"}})]
    [output] = model.generate([GENERATE])
    assert isinstance(output.error, ModelCallError)
    assert "bad key" in str(output.error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b'"text"', b"{}", {"choices": []}, completion("no JSON"), completion(None)]
)
def test_an_answer_that_is_none_never_leaves_as_an_sdk_error(server, model, answer):
    server.answers = [(200, answer)]
    [output] = model.generate([GENERATE])
    assert isinstance(output.error, InvalidAnswer)
    assert len(server.requests) <= 3


def test_a_cut_off_answer_says_so(server, model):
    server.answers = [(200, completion('{"ok": tr', finish="length"))]
    [output] = model.generate([GENERATE])
    assert output.finish_reason == "length"


def test_label_scores_come_from_the_alternatives_of_the_first_token(server, model):
    server.answers = [(200, completion("A", logprobs=[("A", -0.1), (" A", -3.0), ("B", -2.0), ("x", -9.0)]))]
    [scores] = model.score_labels([SCORE])
    found = scores.log_probabilities["a"]
    assert found["A"] > -0.1
    assert found["B"] == pytest.approx(-2.0)


def test_a_server_without_log_probabilities_is_told(server, model):
    server.answers = [(200, completion("A"))]
    [scores] = model.score_labels([SCORE])
    assert "log-probabilities" in str(scores.error)


def test_many_requests_all_come_back(server, model):
    server.answers = [(200, completion("{}"))]
    requests = [GenerateRequest(str(i), (), (Message("user", "u"),), SCHEMA, 5) for i in range(20)]
    assert {output.id for output in model.generate(requests)} == {str(i) for i in range(20)}
