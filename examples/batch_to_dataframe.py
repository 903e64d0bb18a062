"""All customers of a book into a data frame: the riskiest first, joined with their attributes.

With the default model (1.1 GB, downloaded once by `churn-agent models pull`): python examples/batch_to_dataframe.py
With made-up answers instead of a model: python examples/batch_to_dataframe.py --model scripted
It needs pandas: pip install pandas
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from churn_agent import Assessment, BatchSpec, ChurnAgent, Settings, run_batch, to_dataframe

MESSAGES = [
    "The line was down again today. I am looking at other providers.",
    "Thanks, it works now.",
    "Please cancel my contract at the end of the month.",
    "We want to add two more lines.",
    "Nobody has called me back for a week.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=Settings.model_fields["model"].default)
    model = parser.parse_args().model
    ids = [f"c-{n}" for n in range(len(MESSAGES))]
    interactions = pd.DataFrame({"customer_id": ids, "timestamp": "2026-02-20", "channel": "email", "text": MESSAGES})
    customers = pd.DataFrame({"customer_id": ids, "segment": ["smb", "smb", "enterprise", "enterprise", "smb"]})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ChurnAgent.open(folder / "store", model=model) as agent:
            agent.ingest(interactions, customers=customers)
            summary = run_batch(agent, folder / "records.jsonl", BatchSpec())
            print(dict(summary.statuses))
        lines = summary.path.read_text(encoding="utf-8").splitlines()
    frame = to_dataframe(Assessment.model_validate_json(line) for line in lines)
    frame = frame.merge(customers, on="customer_id").sort_values("score", ascending=False)
    print(frame[["customer_id", "segment", "band", "score", "reason"]].to_string(index=False))
    print(frame.groupby("segment")["score"].mean())


if __name__ == "__main__":
    main()
