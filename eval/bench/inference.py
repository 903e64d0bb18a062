"""Customers a minute: the engine beside a plain llama-cpp-python loop, on the same model, packs, prompt and schema.

    python eval/bench/inference.py [--customers 10] [--json FILE] [INTERACTIONS_CSV ...]

Customers come from the synthetic book and from the files given. After a warm-up, groups of customers are done in turns
by each way:

* `plain`: `create_chat_completion` with a JSON schema, one customer after the other (mode `explain`);
* `explain`: ours on the very same requests;
* `default`: `assess` as it is by default (mode `read`, with its checks), nothing paid before;
* `second_run`: the same customers again with one new message each, the rest answered from the store.

Then the limits: the rate of bare `llama_decode` on full micro-batches, and for one token of each of as many answers as
are written at once. `bound_share` is the time that the tokens of `explain` would take at these rates, as a share of
what it took.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from llama_cpp import Llama
from more_itertools import chunked
from plain import open_plain

from churn_agent import ChurnAgent
from churn_agent.demo.writing import write_book
from churn_agent.elicitation.explain import explain
from churn_agent.history import interactions
from churn_agent.models.base import ChatModel, GenerateRequest, LabelScores, ModelOutput, ScoreRequest
from churn_agent.models.gguf import measuring
from churn_agent.models.gguf.tuning import Tuning, load_tuning
from churn_agent.models.opening import find_gguf, open_model
from churn_agent.prompts import load_prompt
from churn_agent.settings import Settings

_GROUP = 5
_FEWEST_MESSAGES, _MOST_MESSAGES = 3, 12


@dataclass
class Way:
    """What one way of doing it cost."""

    seconds: float = 0.0
    customers: int = 0
    latencies: list[float] = field(default_factory=list)
    prompt_tokens: int = 0
    output_tokens: int = 0
    valid: int = 0

    def row(self) -> dict[str, Any]:
        waits = sorted(self.latencies)
        return {
            "customers": self.customers,
            "customers_a_minute": round(60 * self.customers / self.seconds, 2),
            "seconds_p50": round(statistics.median(waits), 2),
            "seconds_p95": round(waits[min(len(waits) - 1, int(0.95 * len(waits)))], 2),
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": self.output_tokens,
            "valid_share": round(self.valid / self.customers, 3),
        }


class Recorder:
    """A `ChatModel` that notes what is asked."""

    def __init__(self, model: ChatModel) -> None:
        self.model, self.info, self.requests = model, model.info, list[GenerateRequest]()

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        asked = list(requests)
        self.requests += asked
        return iter([ModelOutput(each.id, "{}") for each in asked])

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        return self.model.count_tokens(text)

    def close(self) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--customers", type=int, default=10, help="of the synthetic book, and of each file")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    settings = Settings.load()
    path, _, sha256 = find_gguf(settings)
    tuning = load_tuning(sha256) or Tuning()

    model = open_model(settings)
    ways = {name: Way() for name in ("plain", "explain", "default", "second_run")}
    plain = open_plain(path, context_tokens=settings.context_tokens, threads=tuning.threads)
    with tempfile.TemporaryDirectory() as folder:
        for n, source in enumerate([_synthetic(Path(folder)), *arguments.files]):
            with ChurnAgent(settings.model_copy(update={"store": Path(folder) / f"store-{n}"}), model=model) as agent:
                _run_book(agent, source, arguments.customers, plain, model, ways)
                agent.__dict__.pop("model", None)  # shared by the books; closed at the end
    model.close()
    del plain

    prefill = measuring.rate(path, tuning, "prefill", tuning.micro_batch)
    decode = measuring.rate(path, tuning, "decode", tuning.parallel)
    ours = ways["explain"]
    bound = ours.prompt_tokens / prefill + ours.output_tokens / decode
    result = {
        "ratios": {
            f"{name}_vs_plain": round(way.row()["customers_a_minute"] / ways["plain"].row()["customers_a_minute"], 2)
            for name, way in ways.items()
            if name != "plain"
        },
        "bound_share": round(bound / ours.seconds, 3),
        "bare_prefill_tokens_a_second": round(prefill, 1),
        "bare_decode_tokens_a_second": round(decode, 1),
        "tuning": tuning.model_dump(),
        "ways": {name: way.row() for name, way in ways.items()},
    }
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2), encoding="utf-8")


def _synthetic(folder: Path) -> Path:
    write_book(folder / "book", "telecom", 200)
    return folder / "book"


def _run_book(agent: ChurnAgent, source: Path, n: int, plain: Llama, model: ChatModel, ways: dict[str, Way]) -> None:
    agent.ingest(source)
    chosen: list[str] = []
    for id_ in interactions.customer_ids(agent.history):
        if _FEWEST_MESSAGES <= len(agent.snapshot(id_).messages) <= _MOST_MESSAGES:
            chosen.append(id_)
        if len(chosen) == n + 1:
            break
    warm, *timed = chosen
    requests = {id_: _request(agent, model, id_) for id_ in chosen}
    _plain(plain, requests[warm])
    list(model.generate([requests[warm]]))
    agent.assess(warm)
    shared_tokens = _tokens(model, [message.content for message in requests[warm].shared])
    for group in chunked(timed, _GROUP):
        for id_ in group:
            _note(ways["plain"], [_timed(lambda id_=id_: [_plain(plain, requests[id_])])])
        began = time.perf_counter()
        outputs = model.generate([replace(requests[id_], id=id_) for id_ in group])
        waits = [(output, time.perf_counter() - began) for output in outputs]
        ways["explain"].seconds += time.perf_counter() - began
        for output, wait in waits:
            _count(ways["explain"], wait, output.usage.prompt_tokens - shared_tokens, output.usage.output_tokens,
                   output.finish_reason == "stop")  # fmt: skip
        _assess(agent, group, ways["default"])
    _add_messages(agent, timed)
    for group in chunked(timed, _GROUP):
        _assess(agent, group, ways["second_run"])


def _request(agent: ChurnAgent, model: ChatModel, id_: str) -> GenerateRequest:
    recorder = Recorder(model)
    explain([agent.evidence(id_)], recorder, load_prompt("explain"), seed=0)
    return recorder.requests[0]


def _plain(plain: Llama, request: GenerateRequest) -> tuple[int, int, bool]:
    answer: Any = plain.create_chat_completion(
        [{"role": m.role, "content": m.content} for m in (*request.shared, *request.messages)],  # type: ignore[misc]
        response_format={"type": "json_object", "schema": dict(request.schema)},
        max_tokens=request.max_tokens,
        temperature=0.0,
    )
    usage = answer["usage"]
    return usage["prompt_tokens"], usage["completion_tokens"], answer["choices"][0]["finish_reason"] == "stop"


def _assess(agent: ChurnAgent, group: list[str], way: Way) -> None:
    began = time.perf_counter()
    for record in agent.assess_many(group):
        used = record.provenance
        _count(way, time.perf_counter() - began, used.prompt_tokens, used.output_tokens, record.status != "failed")
    way.seconds += time.perf_counter() - began


def _add_messages(agent: ChurnAgent, ids: list[str]) -> None:
    with agent.history.begin() as connection:
        for n, id_ in enumerate(ids):
            last = agent.snapshot(id_).messages[-1]
            new = replace(last, id=f"{n:032x}", occurred_at=last.occurred_at + timedelta(minutes=1),
                          text=f"Another thing: my order {n} of last week has not come yet.")  # fmt: skip
            interactions.add(connection, [new])


def _timed(do: Any) -> tuple[Any, float]:
    began = time.perf_counter()
    [found] = do()
    return found, time.perf_counter() - began


def _note(way: Way, found: list[tuple[tuple[int, int, bool], float]]) -> None:
    for (prompt_tokens, output_tokens, valid), wait in found:
        way.seconds += wait
        _count(way, wait, prompt_tokens, output_tokens, valid)


def _count(way: Way, wait: float, prompt_tokens: int, output_tokens: int, valid: bool) -> None:
    way.customers += 1
    way.latencies.append(wait)
    way.prompt_tokens += prompt_tokens
    way.output_tokens += output_tokens
    way.valid += valid


def _tokens(model: ChatModel, texts: list[str]) -> int:
    return sum(map(model.count_tokens, texts))


if __name__ == "__main__":
    main()
