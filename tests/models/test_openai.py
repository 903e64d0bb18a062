"""The API back-end against a real server on the loopback address."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from churn_agent.errors import InputError, InvalidAnswer, ModelCallError, ModelTimeout, ModelUnavailable
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
        self.pages = {}
        """Path -> (status, answer) of a GET request."""
        self.got = []
        self.name = "test"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.requests.append(json.loads(body))
                self.give(*(outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]))

            def do_GET(self):
                outer.got.append(self.path)
                self.give(*outer.pages.get(self.path, (404, {"error": {"message": "no such page"}})))

            def version_string(self):
                return outer.name

            def give(self, status, answer):
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
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
    "answer",
    [
        b"<html>",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"choices":' * 100_000,
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"message": "hello"}]},
        completion("no JSON"),
        completion(None),
        completion([{"type": "text"}]),
        completion("[" * 100_000),
        completion("[" * 5000 + "]" * 5000),
        completion("{}") | {"usage": {"prompt_tokens": "many"}},
    ],
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


@pytest.mark.parametrize(
    "logprobs",
    [[("A", "high")], [("A", float("nan"))], [("A", 1e9)], [("A", -9999.0)], [(None, -1.0)], [("x", -1.0)], []],
)
def test_log_probabilities_that_are_none_fail_one_request(server, model, logprobs):
    answer = completion("A", logprobs=[("A", 0.0)])
    top = [{"token": token, "logprob": value, "bytes": None} for token, value in logprobs]
    answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"] = top
    server.answers = [(200, answer)]
    [scores] = model.score_labels([SCORE])
    assert isinstance(scores.error, InvalidAnswer)


def test_a_label_that_the_server_calls_impossible_is_as_one_that_is_not_returned(server, model):
    server.answers = [(200, completion("A", logprobs=[("A", 0.0), ("B", -9999.0)]))]
    [scores] = model.score_labels([SCORE])
    assert scores.log_probabilities["a"] == {"A": 0.0, "B": -20.0}


def test_many_requests_all_come_back(server, model):
    server.answers = [(200, completion("{}"))]
    requests = [GenerateRequest(str(i), (), (Message("user", "u"),), SCHEMA, 5) for i in range(20)]
    assert {output.id for output in model.generate(requests)} == {str(i) for i in range(20)}


LISTED = {"object": "list", "data": [{"id": "m", "object": "model", "created": 1}]}
LLAMA = {
    "build_info": "b8681-Debian",
    "model_path": "/models/one.gguf",
    "chat_template": "{{ messages }}",
    "default_generation_settings": {"n_ctx": 4096},
}


def fingerprint_at(url, name="m"):
    opened = OpenAIModel(name, base_url=url, api_key="sk-secret", timeout_s=5, attempts=2, longest_pause_s=0.01)
    try:
        return opened.info.fingerprint
    finally:
        opened.close()


def llama(properties=LLAMA, size=10):
    listed = {"data": [{"id": "/models/one.gguf", "created": len(str(properties)), "meta": {"size": size}}]}
    return {"/v1/models": (200, listed), "/props": (200, properties)}


def test_nothing_is_asked_of_openai_and_what_was_paid_there_stays_known():
    assert fingerprint_at(None) == "openai api.openai.com m"
    for same in ("https://api.openai.com/v1", "HTTPS://API.OpenAI.com:443/v1/", "https://me:pass@api.openai.com/v1"):
        assert fingerprint_at(same) == "openai api.openai.com m"
    assert fingerprint_at(None, "n") == "openai api.openai.com n"


def test_servers_differ_by_scheme_host_port_path_and_model(server):
    port = server.http.server_port
    places = [f"http://127.0.0.1:{port}/v1", f"http://localhost:{port}/v1", f"http://127.0.0.1:{port}/other/v1"]
    other = Server()
    found = {fingerprint_at(url) for url in (*places, other.url)} | {fingerprint_at(server.url, "n")}
    other.http.shutdown()
    other.http.server_close()
    assert len(found) == 5
    assert fingerprint_at(f"HTTP://LocalHost:{port}/v1/") in found


def test_a_fingerprint_holds_neither_key_nor_user_nor_query(server):
    plain = fingerprint_at(server.url)
    assert fingerprint_at(server.url.replace("//", "//me:word@")) == plain
    assert not [secret for secret in ("sk-secret", "word", "me:") if secret in plain]


@pytest.mark.parametrize(
    "change",
    [
        llama(LLAMA | {"build_info": "b8690"}),
        llama(LLAMA | {"model_path": "/models/two.gguf"}),
        llama(LLAMA | {"chat_template": "other"}),
        llama(size=11),
    ],
)
def test_another_model_behind_llama_cpp_is_another_one(server, change):
    server.name, server.pages = "llama.cpp", llama()
    before = fingerprint_at(server.url)
    server.pages = llama(LLAMA | {"default_generation_settings": {"n_ctx": 8192}, "is_sleeping": True})
    assert fingerprint_at(server.url) == before
    server.pages = change
    assert fingerprint_at(server.url) != before


def test_other_servers_are_asked_for_their_models_alone(server):
    server.pages = {"/v1/models": (200, {"data": [*LISTED["data"], {"id": "n", "root": "/models/n"}]})}
    before = fingerprint_at(server.url, "n")
    assert server.got == ["/v1/models"]
    server.pages = {"/v1/models": (200, {"data": [{"id": "m2"}, {"id": "n", "root": "/models/n"}]})}
    assert fingerprint_at(server.url, "n") == before
    server.pages = {"/v1/models": (200, {"data": [{"id": "m2"}, {"id": "n", "root": "/models/n2"}]})}
    assert fingerprint_at(server.url, "n") != before


def test_the_server_is_asked_once_and_not_before_it_is_needed(server, model):
    server.answers = [(200, completion("{}"))]
    list(model.generate([GENERATE]))
    assert server.got == []
    assert model.info is model.info
    assert server.got == ["/v1/models"]


@pytest.mark.parametrize(
    "page", [(404, b""), (401, {}), (501, b""), (200, b"<html>"), (200, b"[" * 100_000), (200, {"data": [{}]})]
)
def test_a_server_that_tells_nothing_has_its_address_and_name(server, page):
    server.pages = {"/v1/models": page}
    found = fingerprint_at(server.url)
    assert found.startswith(f"openai {server.url} m ")
    server.pages = {}
    assert fingerprint_at(server.url) == found


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_not_ready_is_not_taken_for_one_that_tells_nothing(server, status):
    server.pages = {"/v1/models": (status, {"error": {"message": "Loading model"}})}
    with pytest.raises(ModelUnavailable, match="Loading model"):
        fingerprint_at(server.url)
    assert len(server.got) == 2


def test_a_server_that_is_not_there_is_one_line_without_its_password():
    with pytest.raises(ModelUnavailable, match=r"http://127\.0\.0\.1:9/v1: .*start the server") as caught:
        fingerprint_at("http://me:word@127.0.0.1:9/v1")
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["localhost:8080/v1", "127.0.0.1:8080", "ftp://x.example", "http://[::1", "http://", ""]
)
def test_an_address_that_is_none_is_told_at_once(url):
    with pytest.raises(InputError, match="CHURN_AGENT_BASE_URL"):
        OpenAIModel("m", base_url=url)
