"""Answers requests in threads, for back-ends that accept one request at a time."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from typing import TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")


def in_parallel(answer: Callable[[Request], Result], requests: Iterable[Request], *, at_once: int) -> Iterator[Result]:
    """Yields results as they arrive."""
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(at_once)
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)  # after an interrupt, the rest is not needed
        for done in as_completed([pool.submit(answer, request) for request in requests]):
            yield done.result()
