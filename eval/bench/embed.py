"""Texts a second into vectors: the index's way beside a plain `SentenceTransformer.encode` in input order.

    python eval/bench/embed.py [--texts 3000] [INTERACTIONS_CSV ...]

Without files the texts are those of a synthetic book. Ours embeds equal texts once, long texts in parts (plain encoding
cuts off their ends), and in bfloat16 where the processor is faster at it. `same_evidence` is the share of the evidence
chosen with plain vectors that is chosen with ours too, over customers of at least 15 messages.
"""

import argparse
import csv
import gzip
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.interactions import RECORD_CHANNELS, Interaction
from churn_agent.domain.snapshot import Card, Snapshot
from churn_agent.evidence.retrieval import retrieve
from churn_agent.evidence.sessions import Piece
from churn_agent.index.embedder import Embedder
from churn_agent.models import weights
from churn_agent.settings import Settings

_EVIDENCE = 12
_FEWEST = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--texts", type=int, default=3000, help="of each file, the first so many")
    arguments = parser.parse_args()
    settings = Settings.load()
    embedder = Embedder.open(settings.embedder, settings.models_dir)
    plain = SentenceTransformer(str(weights.find(settings.embedder, settings.models_dir)), local_files_only=True)
    with tempfile.TemporaryDirectory() as folder:
        files = arguments.files or [_synthetic(Path(folder))]
        print(json.dumps([_compare(path, arguments.texts, embedder, plain) for path in files], indent=2))


def _synthetic(folder: Path) -> Path:
    from churn_agent.demo.writing import write_book

    write_book(folder, "telecom", 1000)
    return folder / "interactions.csv"


def _read(path: Path, most: int) -> Iterator[tuple[str, str]]:
    """(customer, text) of messages."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if most and row["text"].strip() and row["channel"] not in RECORD_CHANNELS:
                most -= 1
                yield row["customer_id"], row["text"]


def _compare(path: Path, most: int, embedder: Embedder, plain: SentenceTransformer) -> dict[str, object]:
    rows = list(_read(path, most))
    texts = [text for _, text in rows]
    plain.encode(texts[:64], show_progress_bar=False)
    embedder.encode(texts[:64])

    started = time.perf_counter()
    theirs = plain.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    their_seconds = time.perf_counter() - started

    started = time.perf_counter()
    distinct = list(dict.fromkeys(texts))
    ours = dict(zip(distinct, embedder.encode(distinct), strict=True))
    our_seconds = time.perf_counter() - started

    cosines = [float((ours[text][0] * vector).sum()) for text, vector in zip(texts, theirs, strict=True)]
    whole = [cosine for text, cosine in zip(texts, cosines, strict=True) if len(ours[text]) == 1]
    return {
        "file": f"{path.parent.name}/{path.name}",
        "texts": len(texts),
        "distinct": len(distinct),
        "plain_texts_a_second": round(len(texts) / their_seconds),
        "our_texts_a_second": round(len(texts) / our_seconds),
        "times_faster": round(their_seconds / our_seconds, 2),
        "lowest_cosine_of_whole_texts": round(min(whole), 5),
        **_same_evidence(rows, dict(zip(texts, theirs, strict=True)), ours, embedder, plain),
    }


def _same_evidence(
    rows: list[tuple[str, str]], theirs: dict, ours: dict, embedder: Embedder, plain: SentenceTransformer
) -> dict[str, object]:
    """With texts that are cut into parts left out: plain vectors do not see their ends."""
    phrases = load_taxonomy().phrases
    plain_queries = {
        kind: plain.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        for kind, texts in phrases.items()
    }
    our_queries = {kind: np.vstack(embedder.encode(texts)) for kind, texts in phrases.items()}
    by_customer: dict[str, list[str]] = defaultdict(list)
    for customer, text in rows:
        if len(ours[text]) == 1:
            by_customer[customer].append(text)
    shares: list[float] = []
    for texts in by_customer.values():
        if len(set(texts)) < _FEWEST:
            continue
        first = _choose(texts, {text: theirs[text][None, :] for text in texts}, plain_queries)
        second = _choose(texts, {text: ours[text] for text in texts}, our_queries)
        shares.append(len(first & second) / len(first))
    return {"same_evidence": round(float(np.mean(shares)), 4) if shares else None, "of_customers": len(shares)}


def _choose(texts: list[str], vectors: dict, queries: dict) -> set[str]:
    end = datetime(2026, 1, 1, tzinfo=UTC)
    rows = tuple(
        Interaction(str(i), "c", end - timedelta(days=len(texts) - i), "chat", text) for i, text in enumerate(texts)
    )
    by_id = {row.text_id: vectors[row.text] for row in rows}
    pack = retrieve(
        Snapshot("c", end.date(), Card(), rows, vectors=by_id), list(map(Piece.of, rows)), queries,
        limit=_EVIDENCE, token_budget=10**6, count_tokens=len,
    )  # fmt: skip
    return {each.interaction.text for each in pack.evidence}


if __name__ == "__main__":
    main()
