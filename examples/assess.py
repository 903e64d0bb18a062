"""From a CSV file to the assessment of one customer.

With the default model (1.1 GB, downloaded once by `churn-agent models pull`): python examples/assess.py
With made-up answers instead of a model, to see the form: python examples/assess.py --model scripted
"""

import argparse
import tempfile
from datetime import date
from pathlib import Path

from churn_agent import ChurnAgent, Settings

INTERACTIONS = """customer_id,timestamp,channel,text
c-1,2026-01-10,order,2 boxes of tea
c-1,2026-02-18,email,"The last two parcels came late. If it happens again, I will order elsewhere."
c-2,2026-02-20,chat,Thank you for the quick help.
"""
CARD = """company: Acme Tea
churn_means: the customer orders nothing more
horizon_days: 90
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=Settings.model_fields["model"].default)
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "interactions.csv").write_text(INTERACTIONS)
        (folder / "card.yaml").write_text(CARD)
        with ChurnAgent.open(folder / "store", model=model, notify=print) as agent:
            agent.ingest(folder / "interactions.csv", card=folder / "card.yaml")
            record = agent.assess("c-1", as_of=date(2026, 3, 1))
    print(record.status, record.band)
    if record.churn_probability:
        print(f"score {record.churn_probability.shown:.2f}, calibrated: {record.churn_probability.calibrated}")
    for reason in record.reasons:
        print(f"  {reason.polarity}: {reason.statement}")
        for citation in reason.citations:
            print(f"    {citation.occurred_at:%Y-%m-%d}: {citation.quote!r}")
    for action in record.actions:
        print(f"  do {action.urgency}: {action.title}")


if __name__ == "__main__":
    main()
