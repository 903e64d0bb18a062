"""What the children of `client.Peer` share: batches come in as lines of JSON, answers go out as lines of JSON."""

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

Answering = Callable[[dict[str, Any]], dict[str, Any]]


def serve(open_model: Callable[[str, int, int], Answering], *, at_once: int = 1) -> None:
    """Opens the model of the command line, then answers until standard input ends.

    Args:
        open_model: Takes the model's path, threads and context tokens; returns what answers one request.
        at_once: Requests that are asked at the same time.
    """
    # Native libraries print to descriptor 1 as they like: answers leave by a copy that they do not know.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(line: dict[str, Any]) -> None:
        print(json.dumps(line), file=answers, flush=True)

    path, threads, context_tokens = sys.argv[1:]
    answer = open_model(path, int(threads), int(context_tokens))
    say({"ready": True})
    pool = ThreadPoolExecutor(at_once)
    try:
        for line in sys.stdin:
            for done in as_completed([pool.submit(answer, request) for request in json.loads(line)]):
                say(done.result())
    finally:
        pool.shutdown(cancel_futures=True)


def is_json(text: str) -> bool:
    """Whether an answer under a schema of an object has come to its end."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
