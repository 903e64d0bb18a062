"""A prompt of your own: one question, answered by the probabilities of its labels.

With the default model (1.1 GB, downloaded once by `churn-agent models pull`): python examples/own_prompt.py
With made-up answers instead of a model: python examples/own_prompt.py --model scripted

A folder of prompts adds to the shipped ones; in it, a prompt is MODE/NAME.yaml. On the command line, the same is:
CHURN_AGENT_PROMPTS_DIR=my-prompts churn-agent assess c-1 --mode ask --prompt renewal
"""

import argparse
import tempfile
from pathlib import Path

from churn_agent import ChurnAgent, Settings

PROMPT = """version: 1
tries: asks about the renewal instead of about leaving
system: You judge whether customers of $company will renew their contract.
user: |
  What is known about the customer on $as_of:
  $facts
  What happened, oldest first:
  $evidence
questions:
  - id: renewal
    text: "\\nWill this customer renew the contract? Answer Yes or No."
    churn: ["No"]
    stay: ["Yes"]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=Settings.model_fields["model"].default)
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as name:
        prompts = Path(name) / "prompts"
        (prompts / "ask").mkdir(parents=True)
        (prompts / "ask" / "renewal.yaml").write_text(PROMPT)
        options = {"model": model, "prompts_dir": prompts, "mode": "ask", "prompt": "renewal"}
        with ChurnAgent.open(Path(name) / "store", **options) as agent:
            record = agent.assess_text("Your competitor offers the same for less. Can you match it?", company="Acme")
    print(record.provenance.prompt, record.status)
    if record.churn_probability:
        print(f"score {record.churn_probability.shown:.2f}")


if __name__ == "__main__":
    main()
