"""Other ways to get JSON from the same GGUF, each in an environment and a process of its own."""

import hashlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = ("outlines", "guidance", "server")
_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parents[2]
ENVIRONMENTS = _CHECKOUT / ".venv-peers"


class PeerUnavailable(Exception):
    """A peer cannot be installed, started or run here; the message is one line with the reason."""


@dataclass(frozen=True)
class Answer:
    """What a peer made of one request."""

    id: str
    text: str
    prompt_tokens: int
    """Of the prompt, only those that were evaluated: none that a cache of the peer still held."""
    output_tokens: int
    finished: bool
    """Not cut off by `max_tokens`."""
    seconds: float
    """From when the batch was given until this answer was there."""


class Peer:
    """One library, in a child process that holds the model from here to `close`."""

    def __init__(
        self, name: str, model: Path, *, threads: int, context_tokens: int, environments: Path = ENVIRONMENTS
    ) -> None:
        self.name = name
        python = _environment(name, environments / name)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the child
        self._child = subprocess.Popen(
            [python, _HERE / f"run_{name}.py", model, str(threads), str(context_tokens)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            env=os.environ | {"PYTHONPATH": str(_HERE.parent)},  # for plain.py
        )
        self._hear()

    def run(self, requests: Sequence[dict[str, Any]]) -> Iterator[Answer]:
        """Answers as they finish, to be taken to the last. A request has `id`, `messages`, `schema`, `max_tokens`."""
        began = time.perf_counter()
        assert self._child.stdin
        self._child.stdin.write(json.dumps(requests) + "\n")
        self._child.stdin.flush()
        for _ in requests:
            yield Answer(**self._hear(), seconds=time.perf_counter() - began)

    def peak_rss_mb(self) -> float:
        """The most memory that the child has held so far."""
        return peak_rss_mb(self._child.pid)

    def close(self) -> None:
        """Ends the child."""
        self._child.kill()  # it keeps nothing, and native threads may not end by themselves
        self._child.communicate()
        self._log.close()

    def _hear(self) -> dict[str, Any]:
        assert self._child.stdout
        if line := self._child.stdout.readline():
            return json.loads(line)
        self._log.seek(0)
        last = self._log.read().decode(errors="replace").strip().rpartition("\n")[2]
        self.close()
        raise PeerUnavailable(f"{self.name}: {last or f'ended with {self._child.returncode}'}")


def peak_rss_mb(process_id: int) -> float:
    """The most memory that a process has held so far, mapped weights included; NaN where /proc is missing."""
    status = Path(f"/proc/{process_id}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else math.nan


def _environment(name: str, folder: Path) -> Path:
    """The Python of a peer's environment, which is made anew when its requirements have changed."""
    requirements = _HERE / f"requirements-{name}.txt"
    python, marker = folder / "bin" / "python", folder / "requirements.sha256"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if marker.exists() and marker.read_text() == digest:
        return python
    print(f"{name}: making {folder} (minutes, if llama-cpp-python has to be compiled)", file=sys.stderr)
    # As in the project's own environment, so that pip has the wheel already.
    flags = re.search(r"^CMAKE_ARGS \?= (.+)$", (_CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert flags
    environment = {"CMAKE_ARGS": flags[1]} | os.environ
    try:
        for command in (
            [sys.executable, "-m", "venv", "--clear", folder],
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
        ):
            subprocess.run(command, check=True, stdout=sys.stderr, env=environment)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PeerUnavailable(f"{name} cannot be installed: {error}") from error
    marker.write_text(digest)
    return python
