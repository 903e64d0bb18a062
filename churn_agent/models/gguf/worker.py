"""Runs the engine in a separate process, `python -m churn_agent.models.gguf.worker`, controlled through its pipes.

A crash of native code then ends only this process. Messages are pickles prefixed with their length. Only the process
that started the worker can write to it.

To the worker: `("open", options)`, then `("score" | "generate", requests)`. From it: `("ready", context_tokens)`,
`("begun", id)`, `("result", result)`, `("done", counters)`, `("error", exception)`.
"""

import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from churn_agent.errors import ChurnAgentError, ModelUnavailable
from churn_agent.models.gguf.scheduler import Counters

_LENGTH = struct.Struct("<Q")


class WorkerDied(Exception):
    """The worker process has ended unexpectedly."""


class Worker:
    """A running worker process, as seen from its parent."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Starts the process and loads the model.

        Raises:
            BadWeights, ModelUnavailable: the engine could not load the file, or the process died while loading it.
        """
        self.counters = Counters()
        """As of the last completed request."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "churn_agent.models.gguf.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            self._send(("open", dict(options)))
            self.context_tokens: int = self._next("ready")
        except WorkerDied as error:
            raise ModelUnavailable(
                f"the engine crashed while loading {str(options['path'])!r} (out of memory?)"
            ) from error
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def stream(self, kind: str, requests: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        """Yields ("begun", id) and ("result", result) until all requests are done. Raises `WorkerDied`."""
        self._send((kind, list(requests)))
        while True:
            name, value = self._receive()
            if name == "done":
                self.counters = value
                return
            if name == "error":
                raise value
            yield name, value

    def kill(self) -> None:
        """Ends the process at once, even during an evaluation."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _next(self, expected: str) -> Any:
        name, value = self._receive()
        if name == "error":
            raise value
        if name != expected:
            raise WorkerDied(f"unexpected {name!r}")
        return value

    def _send(self, message: Any) -> None:
        assert self._process.stdin
        try:
            _write(self._process.stdin, message)
        except (OSError, ValueError) as error:
            raise WorkerDied(str(error)) from error

    def _receive(self) -> tuple[str, Any]:
        assert self._process.stdout
        try:
            return _read(self._process.stdout)
        except (EOFError, OSError, ValueError) as error:
            raise WorkerDied(str(error)) from error


def _write(pipe: IO[bytes], message: Any) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _read(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    [length] = _LENGTH.unpack(head)
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - comes from the worker that we started, or from our parent


def main() -> None:
    """Serves until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles interrupts
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # output of native code must not mix with messages
    requests = sys.stdin.buffer

    def send(name: str, value: Any) -> None:
        _write(answers, (name, value))

    try:
        _, options = _read(requests)
        from churn_agent.models.gguf.engine import Engine

        engine = Engine(Path(options.pop("path")), **options)
    except EOFError:
        return
    except ChurnAgentError as error:
        send("error", error)
        return
    send("ready", engine.context_tokens)
    while True:
        try:
            kind, batch = _read(requests)
        except EOFError:
            break
        run = engine.score_labels if kind == "score" else engine.generate
        try:
            for result in run(batch, lambda id_: send("begun", id_)):
                send("result", result)
            send("done", engine.counters)
        except ChurnAgentError as error:
            send("error", error)
    engine.close()


if __name__ == "__main__":
    main()
