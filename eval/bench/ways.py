"""The ways of `inference.py`, and what each of them costs."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from more_itertools import chunked
from peers.client import NAMES as PEERS
from peers.client import Peer, PeerUnavailable, peak_rss_mb
from plain import open_plain

from churn_agent import ChurnAgent
from churn_agent.batch.cascade import Top, rank
from churn_agent.content.prompts import load_prompt
from churn_agent.demo.writing import write_book
from churn_agent.domain.assessment import Assessment
from churn_agent.elicitation.ask import ask
from churn_agent.elicitation.base import Case
from churn_agent.elicitation.explain import explain
from churn_agent.evals.sets.labelled import find_set
from churn_agent.evidence.facts import compute
from churn_agent.history import interactions
from churn_agent.models.base import ChatModel, GenerateRequest, LabelScores, ModelOutput, ScoreRequest
from churn_agent.models.gguf.model import GGUFModel
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.opening import open_model
from churn_agent.settings import Settings

OURS = ("explain", "default", "cascade", "second_run")
WAYS = ("plain", *PEERS, *OURS)
_GROUP = 15
_ON_TOP = Top(share=0.1)
_FEWEST_MESSAGES, _MOST_MESSAGES = 3, 12


@dataclass
class Way:
    """What one way of doing it cost."""

    seconds: float = 0.0
    customers: int = 0
    latencies: list[float] = field(default_factory=list)
    """Seconds from when a customer's group was begun."""
    prompt_tokens: int = 0
    """Evaluated, as far as it is told."""
    output_tokens: int = 0
    valid: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds: of the model in `decode` and `mask`, of everything else in `rest`."""

    def count(self, wait: float, prompt_tokens: int, output_tokens: int, *, valid: bool) -> None:
        """Adds one customer."""
        self.customers += 1
        self.latencies.append(wait)
        self.prompt_tokens += prompt_tokens
        self.output_tokens += output_tokens
        self.valid += valid

    def row(self) -> dict[str, Any]:
        waits = sorted(self.latencies)
        return {
            "customers": self.customers,
            "customers_a_minute": round(60 * self.customers / self.seconds, 2),
            "seconds": round(self.seconds, 2),
            "seconds_p50": round(statistics.median(waits), 2),
            "seconds_p95": round(waits[min(len(waits) - 1, int(0.95 * len(waits)))], 2),
            "seconds_a_stage": {name: round(seconds, 2) for name, seconds in self.stages.items()},
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": self.output_tokens,
            "valid_share": round(self.valid / self.customers, 3),
        }


class Recorder:
    """A `ChatModel` that notes what is asked."""

    def __init__(self, model: ChatModel) -> None:
        self.model, self.info = model, model.info
        self.written, self.scored = list[GenerateRequest](), list[ScoreRequest]()

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        asked = list(requests)
        self.written += asked
        return iter([ModelOutput(each.id, "{}") for each in asked])

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        asked = list(requests)
        self.scored += asked
        even = {q.id: dict.fromkeys(q.labels, -1.0) for each in asked for q in each.questions}
        return iter([LabelScores(each.id, even) for each in asked])

    def count_tokens(self, text: str) -> int:
        return self.model.count_tokens(text)

    def close(self) -> None: ...


class Bench:
    """All ways on the same customers."""

    def __init__(self, settings: Settings, path: Path, tuning: Tuning, ways: Sequence[str], scratch: Path) -> None:
        self.ways = {name: Way() for name in WAYS}
        self.unavailable: dict[str, str] = {}
        """Peer -> why it does not run here."""
        self.peak_rss_mb: dict[str, float] = {}
        self.mask_ms_a_decision: float | None = None
        """Milliseconds that finding out what a schema allows took for each token decided."""
        self.packs: list[ScoreRequest] = []
        self.requests: list[GenerateRequest] = []
        self._settings = settings
        self._wanted = set(ways)
        self._scratch = scratch
        model = open_model(settings)
        assert isinstance(model, GGUFModel)
        self._model = model
        self._plain = open_plain(path, context_tokens=settings.context_tokens, threads=tuning.threads)
        self._peers: dict[str, Peer] = {}
        for name in PEERS:
            if name in self._wanted:
                self._open_peer(name, path, tuning)

    def close(self) -> None:
        used = self._model.counters
        if used.decisions:
            self.mask_ms_a_decision = round(1000 * used.mask_s / used.decisions, 3)
        for name, peer in self._peers.items():
            self.peak_rss_mb[name] = peer.peak_rss_mb()
            peer.close()
        if self._model.process_id:
            self.peak_rss_mb["ours"] = peak_rss_mb(self._model.process_id)
        self.peak_rss_mb["plain (with this benchmark)"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self._model.close()

    def prefill_rate(self) -> float:
        """Tokens a second when prompts are read and nothing is written, all that is around it included."""
        briefly = [replace(each, max_tokens=1) for each in self.requests[:20]]
        before, began = self._model.counters.tokens, time.perf_counter()
        list(self._model.generate(briefly))
        return (self._model.counters.tokens - before) / (time.perf_counter() - began)

    def label_scores(self, packs: Sequence[ScoreRequest]) -> list[LabelScores]:
        """Scores of packs in one call, in their order."""
        requests = [replace(each, id=str(n)) for n, each in enumerate(packs)]
        return sorted(self._model.score_labels(requests), key=lambda scores: int(scores.id))

    def run_book(self, number: int, folder: Path | None, customers: int) -> None:
        """Does customers of one book by all ways, in groups that take turns."""
        if folder is None:
            folder = self._scratch / "book"
            write_book(folder, "telecom", 200)
        with self._agent(f"a{number}", folder) as agent, self._agent(f"b{number}", folder) as fresh:
            warm, *timed = _choose(agent, customers)
            requests = {id_: _request(agent.evidence(id_), self._model, id_) for id_ in (warm, *timed)}
            self.requests += [requests[id_] for id_ in timed]
            self.packs += [_pack(agent.evidence(id_), self._model) for id_ in timed]
            self._warm_up(agent, warm, requests[warm])
            for group in chunked(timed, _GROUP):
                self._turn(agent, group, requests)
            if "second_run" in self._wanted:
                _add_messages(agent, timed)
                for group in chunked(timed, _GROUP):
                    self._assess(agent, group, "second_run")
            if "cascade" in self._wanted:
                self._timed("cascade", _cascaded(fresh, timed), _told)
            for each in (agent, fresh):
                each.__dict__.pop("model", None)  # shared; closed at the end

    def _agent(self, store: str, folder: Path) -> ChurnAgent:
        settings = self._settings.changed(store=self._scratch / store)
        agent = ChurnAgent(settings, model=self._model)
        find_set(folder.name, near=folder.parent).import_into(agent)
        return agent

    def _open_peer(self, name: str, path: Path, tuning: Tuning) -> None:
        try:
            self._peers[name] = Peer(name, path, threads=tuning.threads, context_tokens=self._settings.context_tokens)
        except PeerUnavailable as reason:
            self._drop(name, reason)

    def _drop(self, name: str, reason: PeerUnavailable) -> None:
        print(reason, file=sys.stderr)
        self.unavailable[name] = str(reason)
        self._peers.pop(name, None)
        self.ways[name] = Way()

    def _warm_up(self, agent: ChurnAgent, id_: str, request: GenerateRequest) -> None:
        self._answer_plainly(request)
        for name, peer in list(self._peers.items()):
            try:
                list(peer.run([_as_dict(id_, request) | {"max_tokens": 16}]))
            except PeerUnavailable as reason:
                self._drop(name, reason)
        list(self._model.generate([request]))
        agent.assess(id_)
        list(agent.screen_many([id_]))

    def _turn(self, agent: ChurnAgent, group: list[str], requests: dict[str, GenerateRequest]) -> None:
        for id_ in group:
            self._timed("plain", iter(lambda id_=id_: self._answer_plainly(requests[id_]), None), tuple, most=1)
        for name, peer in list(self._peers.items()):
            try:
                answers = peer.run([_as_dict(id_, requests[id_]) for id_ in group])
                self._timed(name, answers, lambda a: (a.prompt_tokens, a.output_tokens, a.finished))
            except PeerUnavailable as reason:
                self._drop(name, reason)
        if "explain" in self._wanted:
            shared = sum(self._model.count_tokens(m.content) for m in requests[group[0]].shared)
            outputs = self._model.generate([replace(requests[id_], id=id_) for id_ in group])
            self._timed(
                "explain",
                outputs,
                lambda o: (o.usage.prompt_tokens - shared, o.usage.output_tokens, o.finish_reason == "stop"),
            )
        if "default" in self._wanted:
            self._assess(agent, group, "default")

    def _assess(self, agent: ChurnAgent, group: list[str], name: str) -> None:
        self._timed(name, agent.assess_many(group), _told)

    def _timed(
        self,
        name: str,
        results: Iterator[Any],
        told: Callable[[Any], tuple[int, int, bool]],
        *,
        most: int | None = None,
    ) -> None:
        """Takes results as they come; `told` gives prompt tokens, output tokens, and whether it can be used."""
        way, before, began = self.ways[name], self._model.counters, time.perf_counter()
        for n, result in enumerate(results, start=1):
            prompt_tokens, output_tokens, valid = told(result)
            way.count(time.perf_counter() - began, prompt_tokens, output_tokens, valid=valid)
            if n == most:
                break
        took = time.perf_counter() - began
        way.seconds += took
        print(f"{name}: {way.customers} customers, {way.seconds:.0f} seconds", file=sys.stderr)
        if name in ("plain", *PEERS):
            return
        after = self._model.counters
        decode, mask = after.decode_s - before.decode_s, after.mask_s - before.mask_s
        for stage, seconds in {"decode": decode, "mask": mask, "rest": took - decode - mask}.items():
            way.stages[stage] = way.stages.get(stage, 0.0) + seconds

    def _answer_plainly(self, request: GenerateRequest) -> tuple[int, int, bool]:
        answer: Any = self._plain.create_chat_completion(
            [{"role": m.role, "content": m.content} for m in (*request.shared, *request.messages)],  # type: ignore[misc]
            response_format={"type": "json_object", "schema": dict(request.schema)},
            max_tokens=request.max_tokens,
            temperature=0.0,
        )
        usage = answer["usage"]
        return usage["prompt_tokens"], usage["completion_tokens"], answer["choices"][0]["finish_reason"] == "stop"


def _cascaded(agent: ChurnAgent, ids: Sequence[str]) -> Iterator[Assessment]:
    """Records as `batch --top 10%` makes them."""
    top, others = rank(agent, ids, _ON_TOP.of(len(ids)))
    for screening in others:
        facts = compute(agent.store.snapshot(screening.customer_id, as_of=screening.as_of))
        yield screening.record(facts)
    yield from agent.assess_many([screening.customer_id for screening in top])


def _told(record: Assessment) -> tuple[int, int, bool]:
    return record.provenance.prompt_tokens, record.provenance.output_tokens, record.status != "failed"


def _choose(agent: ChurnAgent, n: int) -> list[str]:
    """A customer to warm up with and `n` to be timed, with some but not very many messages."""
    chosen: list[str] = []
    for id_ in interactions.customer_ids(agent.history):
        if _FEWEST_MESSAGES <= len(agent.snapshot(id_).messages) <= _MOST_MESSAGES:
            chosen.append(id_)
        if len(chosen) == n + 1:
            break
    return chosen


def _request(case: Case, model: ChatModel, id_: str) -> GenerateRequest:
    recorder = Recorder(model)
    explain([case], recorder, load_prompt("explain"), seed=0)
    return replace(recorder.written[0], id=id_)


def _pack(case: Case, model: ChatModel) -> ScoreRequest:
    recorder = Recorder(model)
    ask([case], recorder, load_prompt("ask", "yes_no"))
    return recorder.scored[0]


def _as_dict(id_: str, request: GenerateRequest) -> dict[str, Any]:
    messages = [{"role": m.role, "content": m.content} for m in (*request.shared, *request.messages)]
    return {"id": id_, "messages": messages, "schema": dict(request.schema), "max_tokens": request.max_tokens}


def _add_messages(agent: ChurnAgent, ids: list[str]) -> None:
    with agent.history.begin() as connection:
        for n, id_ in enumerate(ids):
            last = agent.snapshot(id_).messages[-1]
            text = f"Another thing: my order {n} of last week has not come yet."
            at = last.occurred_at + timedelta(minutes=1)
            interactions.add(connection, [replace(last, id=f"{n:032x}", occurred_at=at, text=text)])
