"""Cleaning of mails: sentences lost and left, and texts per second beside plain HTML-to-text.

    python eval/bench/cleaning.py [--repeats 20]

The corpus is `tests/ingest/mails/corpus.yaml`. A sentence is lost if the sender wrote it and it is not in the cleaned
text; it is left if the mail quotes it, or a client or a firm added it, and it is still there. The plain way only turns
HTML into text by inscriptis; it loses nothing and leaves everything that it sees. Neither way detects languages, and
no text comes from a cache.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from churn_agent.ingest.cleaning import cleaner as cleaning
from churn_agent.ingest.cleaning.markup import is_html
from tests.ingest.mails import Mail, mails, outcome_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="rounds over the corpus, of which the fastest counts")
    repeats = parser.parse_args().repeats
    corpus = mails()
    result: dict[str, object] = {"mails": len(corpus), "languages": len({mail.language for mail in corpus})}
    ways: dict[str, Callable[[Mail], str]] = {"cleaned": _cleaned, "html_to_text": _html_to_text}
    speeds = {name: _texts_per_second(way, corpus, repeats) for name, way in ways.items()}
    for name, way in ways.items():
        outcome = outcome_of(corpus, way)
        result[name] = {
            "own_sentences": outcome.own,
            "own_lost": len(outcome.lost),
            "quoted_sentences": outcome.quoted,
            "quoted_left": len(outcome.left),
            "quoted_left_share": round(len(outcome.left) / outcome.quoted, 3),
            "texts_per_second": round(speeds[name]),
        }
    result["times_html_to_text"] = round(speeds["cleaned"] / speeds["html_to_text"], 2)
    print(json.dumps(result, indent=2))


def _cleaned(mail: Mail) -> str:
    text, _, _ = cleaning.left_out(mail.text, mail=cleaning.is_mail(mail.channel))
    return text


def _html_to_text(mail: Mail) -> str:
    from inscriptis import get_text

    return get_text(mail.text) if is_html(mail.text) else mail.text


def _texts_per_second(way: Callable[[Mail], str], corpus: list[Mail], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        for mail in corpus:
            way(mail)
        best = min(best, time.perf_counter() - began)
    return len(corpus) / best


if __name__ == "__main__":
    main()
