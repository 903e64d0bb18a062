"""The index on a real Chroma; the embedder is a table except where the test says otherwise."""

from contextlib import closing

import numpy as np
import pytest

from churn_agent.errors import StoreUnavailable
from churn_agent.index import updating
from churn_agent.index.embedder import Embedder
from churn_agent.index.vectors import Index
from tests.index.letters import Letters

TEXTS = {f"{n:032x}": text for n, text in enumerate(["one", "two", "three|parts|here", "four"])}


def update(store, embedder, texts=TEXTS):
    with closing(Index(store)) as index:
        return updating.update(index, embedder, set(texts), lambda ids: {i: texts[i] for i in ids})


def rebuild(store, embedder):
    return updating.rebuild(Index(store), store, embedder, set(TEXTS), lambda ids: {i: TEXTS[i] for i in ids})


def test_what_was_embedded_is_found_by_its_text(tmp_path):
    assert update(tmp_path, Letters()) == 4
    found = Index(tmp_path).vectors([*TEXTS, "f" * 32])
    assert set(found) == set(TEXTS)
    assert [len(found[id_]) for id_ in sorted(TEXTS)] == [1, 1, 3, 1]
    for id_, text in TEXTS.items():
        assert found[id_] == pytest.approx(Letters().encode([text])[0], abs=1e-6)


def test_only_what_is_new_is_embedded_and_what_is_gone_leaves(tmp_path):
    update(tmp_path, Letters())
    again = Letters()
    kept = {id_: text for id_, text in TEXTS.items() if text != "two"} | {"e" * 32: "five"}
    assert update(tmp_path, again, kept) == 1
    assert again.seen == ["five"]
    assert Index(tmp_path).text_ids() == set(kept)


def test_a_text_of_which_a_part_is_missing_is_embedded_again(tmp_path):
    update(tmp_path, Letters())
    index = Index(tmp_path)
    long = next(id_ for id_, text in TEXTS.items() if "|" in text)
    index._call(lambda collection: collection.delete(ids=[f"{long}:1"]))
    assert long not in index.vectors(TEXTS)
    assert update(tmp_path, Letters()) == 1


def test_an_interrupted_update_goes_on(tmp_path, monkeypatch):
    texts = {f"{n:032x}": f"text {'abc'[n % 3] * (n % 7 + 1)}" for n in range(1200)}

    class Stopped(Letters):
        def stream(self, texts, progress=lambda done: None):
            for position, vectors in super().stream(texts, progress):
                if position == 700:
                    raise KeyboardInterrupt
                yield position, vectors

    with pytest.raises(KeyboardInterrupt):
        update(tmp_path, Stopped(), texts)
    assert update(tmp_path, Letters(), texts) == 1200 - 512


def test_vectors_of_another_embedder_are_refused_and_rebuilt(tmp_path):
    update(tmp_path, Letters())
    other = Letters()
    other.id = "other"
    with pytest.raises(StoreUnavailable, match="index --rebuild"):
        update(tmp_path, other)
    assert rebuild(tmp_path, other) == 4
    assert Index(tmp_path).manifest["embedder"] == "other"


def test_a_rebuild_that_fails_leaves_the_old_index(tmp_path):
    update(tmp_path, Letters())

    class Broken(Letters):
        def stream(self, texts, progress=lambda done: None):
            raise RuntimeError("no")
            yield

    with pytest.raises(RuntimeError):
        rebuild(tmp_path, Broken())
    assert Index(tmp_path).text_ids() == set(TEXTS)
    assert {path.name for path in tmp_path.iterdir()} == {"index", "index.lock"}


@pytest.mark.model
def test_the_real_embedder_puts_like_to_like_and_cuts_long_texts(tmp_path, embedder_folder):
    embedder = Embedder(embedder_folder, embedder_id="e5", revision="r")
    words = " ".join(f"word{n}" for n in range(900))
    invoice, bill, rechnung, cat, long = embedder.encode(
        ["My invoice is wrong", "The bill is not right", "Die Rechnung stimmt nicht", "The cat sleeps", words]
    )
    assert min(float(invoice[0] @ bill[0]), float(invoice[0] @ rechnung[0])) > float(invoice[0] @ cat[0]) + 0.08
    assert len(long) > 3
    pieces = [len(embedder._model.tokenizer(f"query: {part}")["input_ids"]) for part in embedder.split(words)]
    assert max(pieces) <= embedder._model.max_seq_length
    assert np.linalg.norm(long, axis=1) == pytest.approx(1, abs=1e-3)
    parts = embedder.split(words)
    assert parts[0].split()[-1] in parts[1]  # neighbours overlap
    assert set(" ".join(parts).split()) >= set(words.split()[1:-1])


@pytest.mark.model
def test_loading_the_real_embedder_says_nothing(capfd, embedder_folder):
    Embedder(embedder_folder, embedder_id="e5", revision="r").encode(["hello"])
    assert capfd.readouterr() == ("", "")
