"""A week, end to end: a Monday run, a message in between, the next Monday run, and an audit of the cards.

With answers from a script instead of a model, in some seconds: python examples/week.py
"""

import json
import tempfile
from pathlib import Path

from churn_agent.cli.main import run

CARD = """
company: Acme Planning
horizon_days: 90
sources:
- exports/*.csv
- customers: customers.csv
"""
LEAVES = "we will not renew the contract"
SCRIPT = {
    "generate": [
        {"contains": LEAVES, "answer": {"signals": [{"quote": LEAVES, "signal": "leaving_announced"}]}},
        {"contains": "", "answer": {"signals": []}},
    ]
}
HEADER = "customer_id,timestamp,channel,speaker_role,text\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "exports").mkdir()
        (folder / "card.yaml").write_text(CARD)
        (folder / "script.json").write_text(json.dumps(SCRIPT))
        people = [f"c-{n},{'Ana' if n < 6 else 'Ben'},{1000 * n}\n" for n in range(1, 11)]
        (folder / "customers.csv").write_text("customer_id,owner,yearly_value\n" + "".join(people))
        rows = [
            f"c-{n},2026-0{month}-{10 + n},email,customer,Our question {month}\n"
            for n in range(1, 11)
            for month in (1, 2)
        ]
        (folder / "exports" / "february.csv").write_text(HEADER + "".join(rows))

        churn_agent = ["--store", f"{folder / 'store'}"]
        model = ["--model", f"scripted:{folder / 'script.json'}", "--mode", "read", "--prompt", "direct"]
        weekly = [*churn_agent, "weekly", "-o", str(folder / "reports"), "--format", "md", *model]
        run([*churn_agent, "ingest", "--card", str(folder / "card.yaml")])
        print("\nMonday: everything is new")
        run(weekly)
        (folder / "exports" / "march.csv").write_text(f"{HEADER}c-7,2026-03-04,email,customer,Sorry: {LEAVES}\n")
        print("\nNext Monday: one message is new, and only that is read")
        run(weekly)
        report = (folder / "reports" / "2026-03-04" / "report-ben.md").read_text()
        print("\nBen's report:", next(line for line in report.splitlines() if "given notice" in line).lstrip("- "))
        run([*churn_agent, "audit", "--random", "5", "-o", str(folder / "cards.csv")])


if __name__ == "__main__":
    main()
