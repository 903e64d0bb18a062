"""Draws the picture of the report (docs/report.png) and runs the notebook (docs/notebook.ipynb), of the demo company.

    python scripts/pictures.py [--store FOLDER] [--only report|notebook] [--model scripted] [--weeks 5]

The report is on the 300 accounts of `churn-agent demo`, screened every week with the top tenth assessed in full; the
picture shows its head, with the first rows of each list. An interrupted run resumes with the same --store. Needs
Chromium for the picture, and the development tools.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from churn_agent import ChurnAgent
from churn_agent.batch.cascade import Top
from churn_agent.batch.running import BatchSpec, run_batch
from churn_agent.demo.state import AS_OF
from churn_agent.history import runs
from churn_agent.reports.portfolio import building, writing
from churn_agent.store import synthetic

ROOT = Path(__file__).parents[1]
WIDTH = 1180
"""Of the picture, in pixels."""
MOST_ROWS = 8
"""Rows of each list in the picture."""
_MEASURED = """<script nonce="{nonce}">
for (const list of document.querySelectorAll("table.calls")) {{
  for (const row of [...list.tBodies[0].rows].slice({rows})) row.remove();
}}
document.title = Math.ceil(document.getElementById("customers").getBoundingClientRect().top);
</script></body>"""


def draw_report(store: Path, weeks: int, model: dict[str, Any]) -> None:
    """Draws the head of the report."""
    with ChurnAgent.open(store, **model) as agent:
        agent.ingest([synthetic.write_files(agent.store, "software", 300)])
        for before in range(weeks, -1, -1):
            day = AS_OF - timedelta(weeks=before)
            run_batch(agent, store / f"{day}.jsonl", BatchSpec(as_of=day, top=Top(share=0.1)))
        page = store / "report.html"
        writing.write(building.build(agent.store, runs.find(agent.history, "latest")), page, changes={})
    text = page.read_text(encoding="utf-8")
    nonce = re.search(r'nonce="([^"]+)"', text)
    assert nonce
    page.write_text(text.replace("</body>", _MEASURED.format(nonce=nonce[1], rows=MOST_ROWS)), encoding="utf-8")
    dom = _chromium(page, "--dump-dom", f"--window-size={WIDTH},900")
    height = re.search(r"<title>(\d+)</title>", dom)
    assert height
    _chromium(page, f"--screenshot={ROOT / 'docs' / 'report.png'}", f"--window-size={WIDTH},{height[1]}")


def run_notebook() -> None:
    """Runs the notebook in an empty folder and keeps its outputs."""
    path = ROOT / "docs" / "notebook.ipynb"
    notebook: Any = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=1800, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if "outputs" in cell:  # without progress bars
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    nbformat.write(notebook, path)


def _chromium(page: Path, *options: str) -> str:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("no Chromium on this machine; install it, or run with --only notebook")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def main() -> None:
    """Draws what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("pictures-store"))
    parser.add_argument("--only", choices=["report", "notebook"])
    parser.add_argument("--model", help="another model for the report, such as scripted, to try the script")
    parser.add_argument("--prompt", help="another prompt for the report")
    parser.add_argument("--weeks", type=int, default=5, help="weekly runs before the last one")
    arguments = parser.parse_args()
    if arguments.only != "notebook":
        model = {name: value for name in ("model", "prompt") if (value := getattr(arguments, name))}
        draw_report(arguments.store.absolute(), arguments.weeks, model)
    if arguments.only != "report":
        run_notebook()


if __name__ == "__main__":
    main()
