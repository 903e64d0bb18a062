"""Continuous batching on a context that only keeps books."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn_agent.errors import ModelCallError
from churn_agent.models.gguf.prefixes import PrefixFiles
from churn_agent.models.gguf.scheduler import KEPT_PREFIXES, WORKING_SEQUENCES, Counters, Feed, Job, Scheduler
from tests.conftest import examples

MICRO_BATCH = 16


class Books:
    """Knows which tokens each sequence holds; its logits tell the whole sequence that they follow."""

    micro_batch = MICRO_BATCH

    def __init__(self, cells=200, fail_at=None):
        self.cells = cells
        self.held = {}
        self.sizes = []
        self.fail_at = fail_at

    def decode(self, entries):
        assert 0 < len(entries) <= MICRO_BATCH
        if self.fail_at == len(self.sizes):
            self.sizes.append(0)
            raise ModelCallError("refused")
        self.sizes.append(len(entries))
        for entry in entries:
            for sequence in entry.sequences:
                tokens = self.held.setdefault(sequence, [])
                assert entry.position == len(tokens), "a token at the wrong place"
                tokens.append(entry.token)
        assert self.used() <= self.cells
        return [(i, tuple(self.held[e.sequences[0]])) for i, e in enumerate(entries) if e.logits]

    def used(self):
        """An upper bound: what is shared counts once for each prefix."""
        return len({(n, *tokens[: n + 1]) for tokens in self.held.values() for n in range(len(tokens))})

    def fork(self, source, target):
        assert not self.held.get(target)
        self.held[target] = list(self.held[source])

    def cut(self, sequence, length=0):
        self.held[sequence] = self.held.get(sequence, [])[:length]


def writing(id_, prefix, prompt, output):
    """Writes `output`, one token at a time, and returns what each of them followed."""

    def begin(sequences, start):
        seen, position, pending = [], start, list(prompt)
        for token in output:
            seen += yield [Feed(pending, position, sequences, read=lambda held: held)]
            position += len(pending)
            pending = [token]
        return id_, seen

    likely = len(prompt) + len(output) // 2
    return Job(id_, tuple(prefix), 1, len(prompt) + len(output), likely, begin, lambda error: (id_, error))


def asking(id_, prefix, context, questions):
    """Reads a context once and asks several questions about it."""

    def begin(sequences, start):
        feeds = [Feed(context, start, sequences)]
        after = start + len(context)
        feeds += [Feed(q, after, (s,), read=lambda held: held) for q, s in zip(questions, sequences, strict=True)]
        return id_, (yield feeds)

    cells = len(context) + sum(map(len, questions))
    return Job(id_, tuple(prefix), len(questions), cells, cells, begin, lambda error: (id_, error))


def run(jobs, context=None, parallel=3, most_cells=100):
    context = context or Books()
    files = PrefixFiles(None, build="", most_bytes=0)
    scheduler = Scheduler(context, files, Counters(), parallel=parallel, most_cells=most_cells)
    return dict(scheduler.run(jobs)), context


tokens = st.lists(st.integers(1, 9), min_size=1, max_size=30)
prefixes = st.sampled_from([(), (1, 1, 1), (2,) * 20, (3, 3), (4,), (5, 5, 5), (6,)])


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), prefixes, tokens, st.lists(st.integers(1, 9), min_size=1, max_size=12)),
            st.tuples(st.just("ask"), prefixes, tokens, st.lists(tokens, min_size=1, max_size=4)),
        ),
        max_size=14,
    ),
    st.integers(1, 5),
)
def test_every_job_sees_its_own_words_and_nothing_else(wanted, parallel):
    jobs, expected = [], {}
    for n, (kind, prefix, context, rest) in enumerate(wanted):
        if kind == "write":
            jobs.append(writing(n, prefix, context, rest))
            expected[n] = [(*prefix, *context, *rest[:i]) for i in range(len(rest))]
        else:
            jobs.append(asking(n, prefix, context, rest))
            expected[n] = [(*prefix, *context, *question) for question in rest]
    found, context = run(jobs, Books(), parallel=parallel, most_cells=200)
    assert found == expected
    assert not any(held for sequence, held in context.held.items() if sequence >= KEPT_PREFIXES)


def test_writers_share_their_batches():
    jobs = [writing(n, (), [1] * 4, [2] * 10) for n in range(4)]
    _, alone = run(jobs, parallel=1)
    _, together = run(jobs, parallel=4)
    assert len(together.sizes) == 10
    assert len(alone.sizes) == 40


def test_questions_of_many_requests_fill_the_batch():
    _, context = run([asking(n, (), [1] * 4, [[2, 3], [4, 5]]) for n in range(10)], parallel=None)
    assert sum(context.sizes) == 80
    assert len(context.sizes) <= 6


def test_a_prefix_is_evaluated_once_also_between_runs_of_others():
    jobs = [writing(n, [7] * 10 if n % 2 else [8] * 10, [1], [2]) for n in range(8)]
    _, context = run(jobs)
    assert sum(context.sizes) == 2 * 10 + 8


def test_a_request_that_is_too_long_fails_alone():
    found, _ = run([writing(0, (), [1] * 300, [2]), writing(1, (), [1], [2])])
    assert "tokens of context" in str(found[0][1] if isinstance(found[0], tuple) else found[0])
    assert found[1] == [(1,)]


def test_a_request_with_more_questions_than_sequences_fails_and_the_next_go_on():
    found, _ = run([asking(0, (), [1], [[2]] * (WORKING_SEQUENCES + 1)), writing(1, (), [1], [2])])
    assert isinstance(found[0], ModelCallError)
    assert found[1] == [(1,)]


def test_a_job_that_needs_no_evaluation_ends_at_once():
    found, context = run([writing(0, (), [1], []), writing(1, (), [1], [2])])
    assert found == {0: [], 1: [(1,)]}
    assert not any(context.held.values())


def test_a_job_that_fails_as_it_begins_gives_its_sequences_back():
    def begin(sequences, start):
        raise ModelCallError("no such schema")
        yield []

    bad = [Job(n, (), 1, 4, 4, begin, lambda error, n=n: (n, error)) for n in range(100)]
    found, _ = run([*bad, writing(100, (), [1], [2])])
    assert len(found) == 101
    assert found[100] == [(1,)]


def test_what_llama_cpp_refuses_fails_those_it_held_and_the_next_go_on():
    jobs = [writing(n, (), [1, n], [2]) for n in range(4)]
    found, context = run(jobs, Books(fail_at=0), parallel=2)
    assert [isinstance(found[n], ModelCallError) for n in range(4)] == [True, True, False, False]
    assert found[3] == [(1, 3)]
    assert not any(context.held.values())


def test_jobs_that_write_more_than_is_likely_are_begun_again_and_lose_nothing():
    begun = []
    scheduler = Scheduler(
        Books(cells=100), PrefixFiles(None, build="", most_bytes=0), Counters(), parallel=4, most_cells=100
    )
    jobs = [writing(n, [8] * 10, [n] * 5, [2] * 30) for n in range(8)]
    found = dict(scheduler.run(jobs, begun=begun.append))
    assert found == {n: [(*[8] * 10, *[n] * 5, *[2] * i) for i in range(30)] for n in range(8)}
    assert len(begun) > 8


def test_no_prefix_in_use_is_let_go():
    long = [writing(n, [n] * 30, [1], [2] * 20) for n in range(7)]
    found, _ = run(long, Books(cells=130), parallel=7, most_cells=80)
    assert len(found) == 7


def test_files_hold_prefixes_only_as_they_were_written(tmp_path):
    files = PrefixFiles(tmp_path / "p", build="b", most_bytes=10_000)
    prefix = list(range(300))
    read = []

    def save(path):
        path.write_bytes(b"x" * 4000)
        return True

    def load(path):
        read.append(path)
        return True

    assert not files.read(prefix, load)
    files.write(prefix, save)
    assert files.read(prefix, load)
    assert not PrefixFiles(tmp_path / "p", build="other", most_bytes=10_000).read(prefix, load)
    [path] = (tmp_path / "p").glob("*.kv")
    path.write_bytes(b"y" * 4000)
    assert not files.read(prefix, load)
    assert not path.exists()
    assert len(read) == 1


def test_the_folder_of_prefixes_has_a_limit(tmp_path):
    files = PrefixFiles(tmp_path, build="b", most_bytes=10_000)
    for n in range(5):
        files.write([n] * 300, lambda path: bool(path.write_bytes(b"x" * 4000)))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.kv")) <= 10_000
    assert files.read([4] * 300, lambda path: True)


@pytest.mark.parametrize("short", [[], [1] * 255])
def test_short_prefixes_are_not_kept(tmp_path, short):
    files = PrefixFiles(tmp_path, build="b", most_bytes=10_000)
    files.write(short, lambda path: pytest.fail("kept"))
    assert not files.read(short, lambda path: True)


def test_what_a_kill_left_unfinished_goes_and_what_others_are_writing_stays(tmp_path):
    files = PrefixFiles(tmp_path, build="b", most_bytes=10_000)
    left, fresh = tmp_path / "old.kv.1.part", tmp_path / "fresh.kv.2.part"
    for path in (left, fresh):
        path.write_bytes(b"half")
    os.utime(left, (0, 0))
    files.write(list(range(300)), lambda path: bool(path.write_bytes(b"cells")))
    assert not left.exists()
    assert fresh.exists()
