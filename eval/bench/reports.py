"""How long reports on a large book take, and how much memory: a made-up book, judged by the scripted model.

    python eval/bench/reports.py [--customers 10000] [--json FILE]

Prints for each format seconds, the size of the file, and the most memory of the process that wrote it (in a process of
its own). For the page, a headless Chromium, if there is one, also tells how long it takes to open it and to sort it.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from churn_agent import ChurnAgent
from churn_agent.batch.running import run_batch
from churn_agent.demo.writing import write_book
from churn_agent.history import runs
from churn_agent.reports.portfolio import building, writing

_FORMATS = (".html", ".xlsx", ".csv", ".jsonl", ".md", ".ics")
_PROBE = """<script nonce="{nonce}">
const began = performance.now(), opened = began;
document.querySelector('[data-column="number"]').click();
document.title = JSON.stringify({{opened_ms: opened, sorted_ms: performance.now() - began}});
</script></body>"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", nargs=2, type=Path, metavar=("STORE", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        print(json.dumps(_write(*arguments.write)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.monotonic()
        # All texts are shown to the stand-in, so that none has to be embedded to choose among them.
        with ChurnAgent.open(folder / "store", model="scripted", evidence_limit=100) as agent:
            write_book(folder / "book", "telecom", arguments.customers)
            agent.ingest([folder / "book"])
            run_batch(agent, folder / "book.jsonl")
        found: dict[str, Any] = {"customers": arguments.customers, "batch_s": round(time.monotonic() - began, 1)}
        for ending in _FORMATS:
            command = [sys.executable, __file__, "--write", str(folder / "store"), str(folder / f"report{ending}")]
            made = subprocess.run(command, capture_output=True, text=True, check=True)
            found[ending] = json.loads(made.stdout)
        found["browser"] = _in_browser(folder / "report.html")
    print(json.dumps(found, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _write(store: Path, path: Path) -> dict[str, float]:
    began = time.monotonic()
    with ChurnAgent.open(store, model="scripted") as agent:
        portfolio = building.build(agent.store, runs.find(agent.history, "latest"))
        writing.write(portfolio, path, changes={})
    return {
        "seconds": round(time.monotonic() - began, 1),
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "peak_memory_mb": _peak_memory_mb(),
    }


def _peak_memory_mb() -> int:
    """Of this process alone: what `getrusage` tells begins, on Linux, with the peak of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _in_browser(page: Path) -> dict[str, float] | None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        return None
    text = page.read_text(encoding="utf-8")
    nonce = text.split('nonce="')[1].split('"')[0]
    page.write_text(text.replace("</body>", _PROBE.format(nonce=nonce)), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(made.stdout.split("<title>")[1].split("</title>")[0])


if __name__ == "__main__":
    main()
