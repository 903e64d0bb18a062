"""Runs many requests on one context and packs their tokens into full micro-batches.

A job is a generator. It yields tokens to evaluate and is sent the results read from the logits. When it returns, its
cells are free for the next job. There are two ways to take turns:

* Continuous batching, for jobs that write: a job begins as soon as another has ended. Jobs that write one token at a
  time share batches with jobs that still read their prompt, so that the weights are read from memory once for all.
* Waves, for jobs that only read: as many as fill a micro-batch, and the next ones when all of them have ended. The
  cells of every job then follow its prefix in the order of its tokens, regardless of other jobs.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from more_itertools import peekable

from churn_agent.errors import ModelCallError
from churn_agent.models.gguf.context import MOST_OUTPUTS, Context, Entry, Logits
from churn_agent.models.gguf.prefixes import PrefixFiles

KEPT_PREFIXES = 4
WORKING_SEQUENCES = 60
SEQUENCES = KEPT_PREFIXES + WORKING_SEQUENCES


@dataclass(frozen=True)
class Feed:
    """Tokens to evaluate one after the other."""

    tokens: Sequence[int]
    position: int
    """Position of the first token."""
    sequences: tuple[int, ...]
    read: Callable[[Logits], Any] | None = None
    """Applied at once to the logits after the last token, because the next batch overwrites them."""


@dataclass
class Counters:
    """Work since the start."""

    tokens: int = 0
    """Tokens evaluated, in `decode_s` seconds."""
    decode_s: float = 0.0
    mask_s: float = 0.0
    """Seconds spent on computing the tokens that a schema allows."""


Work = Generator[list[Feed], list[Any], Any]
"""Yields feeds, is sent the results of their `read` functions (in order), and returns the result."""


@dataclass(frozen=True)
class Job:
    """A request that has not begun."""

    id: str
    prefix: tuple[int, ...]
    """Shared with other jobs; evaluated once and forked."""
    sequences: int
    """The number of sequences that it needs."""
    cells: int
    """The most tokens that it evaluates besides the prefix."""
    likely_cells: int
    """The likely number of cells. Room is made for these. If more are needed and none is free, the job begins again."""
    begin: Callable[[tuple[int, ...], int], Work]
    """Called with its sequences, which contain the prefix, and the prefix's length."""
    fail: Callable[[ModelCallError], Any]
    """Makes the result of a failed job."""


@dataclass
class _Running:
    job: Job
    sequences: tuple[int, ...]
    work: Work
    todo: deque[tuple[Feed, int]] = field(default_factory=deque[tuple[Feed, int]])
    """Feeds, each with its number of evaluated tokens."""
    evaluated: int = 0
    """Cells in use besides the prefix."""
    read: list[Any] | None = None
    """None before the job has begun."""


class Scheduler:
    """Runs jobs on a context."""

    def __init__(
        self, context: Context, files: PrefixFiles, counters: Counters, *, parallel: int | None, most_cells: int
    ) -> None:
        """A scheduler with its own context.

        Args:
            context: evaluates the tokens.
            files: evaluated prefixes on disk.
            counters: count the work.
            parallel: jobs at once in continuous batching; None runs jobs in waves.
            most_cells: the most cells that one job may have, including its prefix.
        """
        self._context = context
        self._files = files
        self._counters = counters
        self._parallel = parallel
        self._most_cells = most_cells
        self._free = list(range(KEPT_PREFIXES, KEPT_PREFIXES + WORKING_SEQUENCES))
        self._prefixes: dict[tuple[int, ...], int] = {}

    def run(self, jobs: Iterable[Job], *, begun: Callable[[str], None] = lambda id_: None) -> Iterator[Any]:
        """Yields the results as they are ready.

        Args:
            jobs: taken as there is room for them.
            begun: called with the id of each job before its first tokens are evaluated.
        """
        waiting = peekable(jobs)
        active: list[_Running] = []
        while waiting or active:
            while waiting and self._has_room(waiting.peek(), active):
                job = next(waiting)
                begun(job.id)
                try:
                    running = self._begin(job)
                except ModelCallError as error:
                    yield job.fail(error)
                else:
                    active.append(running)
                    yield from self._advance(running, active)
            while active:
                waiting.prepend(*self._make_way(active))
                yield from self._step(active)
                if self._parallel is not None:
                    break

    def close(self) -> None:
        """Frees the context."""
        self._context.close()

    # --- start and end of jobs

    def _has_room(self, job: Job, active: list[_Running]) -> bool:
        """Whether a job can begin now. True for a job that can never run, so that it fails at once."""
        if self._never_fits(job):
            return True
        if len(self._free) < job.sequences:
            return False
        if self._parallel is None:
            full = bool(active) and sum(map(_left, active)) + job.cells > self._context.micro_batch
        else:
            full = len(active) >= self._parallel
        return not full and self._make_room(job, active)

    def _never_fits(self, job: Job) -> bool:
        return len(job.prefix) + job.cells > self._most_cells or job.sequences > WORKING_SEQUENCES

    def _make_room(self, job: Job, active: list[_Running]) -> bool:
        """Whether a job's cells fit.

        If necessary, all unused prefixes are removed. Removing only one could leave a gap before the others, and a
        job's tokens would fill it before the tokens of its prefix.
        """
        known = job.prefix in self._prefixes or not job.prefix
        likely = sum(running.job.likely_cells for running in active) + job.likely_cells if active else job.cells
        needed = likely + (0 if known else len(job.prefix))
        in_use = {running.job.prefix for running in active} | {job.prefix}
        for kept in (self._prefixes, in_use & self._prefixes.keys()):
            if (known or len(kept) < KEPT_PREFIXES) and needed + sum(map(len, kept)) <= self._context.cells:
                self._let_go(self._prefixes.keys() - set(kept))
                return True
        return False

    def _make_way(self, active: list[_Running]) -> list[Job]:
        """Frees cells for the next batch if jobs take more than was likely.

        First the cells of unused prefixes, then those of jobs, the most recent first. Returns these jobs, which must
        begin again.
        """
        set_back: list[Job] = []
        while self._cells_taken(active) > self._context.cells:
            if unused := self._prefixes.keys() - {other.job.prefix for other in active}:
                self._let_go(unused)
            else:
                running = active.pop()
                self._end(running)
                set_back.insert(0, running.job)
        return set_back

    def _cells_taken(self, active: list[_Running]) -> int:
        """Cells in use after the next batch."""
        batch = min(sum(map(_left, active)), self._context.micro_batch)
        return batch + sum(running.evaluated for running in active) + sum(map(len, self._prefixes))

    def _let_go(self, prefixes: Iterable[tuple[int, ...]]) -> None:
        for prefix in prefixes:
            self._context.cut(self._prefixes.pop(prefix))

    def _begin(self, job: Job) -> _Running:
        if self._never_fits(job):
            raise _too_long(self._most_cells)
        sequences = tuple(self._free[: job.sequences])
        if job.prefix:
            source = self._prefix(job.prefix)
            for sequence in sequences:
                self._context.fork(source, sequence)
        del self._free[: job.sequences]
        return _Running(job, sequences, job.begin(sequences, len(job.prefix)))

    def _end(self, running: _Running) -> None:
        running.work.close()
        for sequence in running.sequences:
            self._context.cut(sequence)
        self._free += running.sequences

    def _prefix(self, tokens: tuple[int, ...]) -> int:
        """The sequence that contains a prefix. If there is none, the prefix is read from disk or evaluated."""
        if tokens in self._prefixes:
            return self._prefixes[tokens]
        sequence = min(set(range(KEPT_PREFIXES)) - set(self._prefixes.values()))
        if not self._files.read(tokens, lambda path: self._context.load(sequence, tokens, path)):
            try:
                for begin in range(0, len(tokens), self._context.micro_batch):
                    part = tokens[begin : begin + self._context.micro_batch]
                    self._decode([Entry(token, begin + i, (sequence,)) for i, token in enumerate(part)])
            except ModelCallError:
                self._context.cut(sequence)
                raise
            self._files.write(tokens, lambda path: self._context.save(sequence, tokens, path))
        self._prefixes[tokens] = sequence
        return sequence

    # --- one batch

    def _step(self, active: list[_Running]) -> Iterator[Any]:
        """Evaluates one micro-batch and yields the results that it completes."""
        entries: list[Entry] = []
        owners: list[tuple[_Running, Feed]] = []
        for running in sorted(active, key=_left):  # jobs that write go first, jobs that read fill the rest
            self._pack(running, entries, owners)
        try:
            for i, logits in self._decode(entries):
                running, feed = owners[i]
                assert feed.read
                assert running.read is not None
                running.read.append(feed.read(logits))
        except ModelCallError as error:
            for running in list(active):
                active.remove(running)
                self._end(running)
                yield running.job.fail(error)
            return
        for running in [candidate for candidate in active if not candidate.todo]:
            yield from self._advance(running, active)

    def _pack(self, running: _Running, entries: list[Entry], owners: list[tuple[_Running, Feed]]) -> None:
        while running.todo and len(entries) < self._context.micro_batch:
            feed, done = running.todo[0]
            part = feed.tokens[done : done + self._context.micro_batch - len(entries)]
            last = done + len(part) == len(feed.tokens)
            reads = last and feed.read is not None
            if reads and sum(entry.logits for entry in entries) >= MOST_OUTPUTS:
                return
            running.evaluated += len(part)
            for i, token in enumerate(part):
                logits = reads and i == len(part) - 1
                entries.append(Entry(token, feed.position + done + i, feed.sequences, logits))
                owners.append((running, feed))
            if not last:
                running.todo[0] = (feed, done + len(part))
                return
            running.todo.popleft()

    def _advance(self, running: _Running, active: list[_Running]) -> Iterator[Any]:
        """Begins a job, or sends it the results of its feeds. Yields the job's result if it ends."""
        read, running.read = running.read, []
        try:
            running.todo.extend((feed, 0) for feed in running.work.send(read))  # type: ignore[arg-type]
            return
        except StopIteration as done:
            result = done.value
        except ModelCallError as error:
            result = running.job.fail(error)
        active.remove(running)
        self._end(running)
        yield result

    def _decode(self, entries: list[Entry]) -> list[tuple[int, Logits]]:
        began = time.perf_counter()
        outputs = list(self._context.decode(entries))
        self._counters.decode_s += time.perf_counter() - began
        self._counters.tokens += len(entries)
        return outputs


def _left(running: _Running) -> int:
    """The number of tokens not yet evaluated."""
    return sum(len(feed.tokens) - done for feed, done in running.todo)


def _too_long(most: int) -> ModelCallError:
    return ModelCallError(
        f"the request needs more than the {most} tokens of context; "
        "reduce the evidence (CHURN_AGENT_EVIDENCE_TOKENS) or raise CHURN_AGENT_CONTEXT_TOKENS"
    )
