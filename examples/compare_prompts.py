"""Prompts compared on a few labelled messages.

With the default model (1.1 GB, downloaded once by `churn-agent models pull`): python examples/compare_prompts.py
With made-up answers instead of a model: python examples/compare_prompts.py --model scripted

Ten messages show how it is done; they decide nothing. For intervals and paired tests on your own outcomes:
`churn-agent eval run`, see docs/evals.md.
"""

import argparse
import tempfile
from pathlib import Path

from sklearn.metrics import roc_auc_score

from churn_agent import ChurnAgent, Settings

PROMPTS = (("read", "words"), ("ask", "lettered"), ("ask", "yes_no"))
MESSAGES = {
    "I have signed up with another provider.": True,
    "Please delete my account.": True,
    "If the price goes up again, I am gone.": True,
    "This is the third time. I want my contract ended.": True,
    "Your competitor is cheaper and faster, we move next month.": True,
    "How do I change my address?": False,
    "Thank you, the technician was very kind.": False,
    "I would like to order two more.": False,
    "I came to you from another provider and do not regret it.": False,
    "The invoice arrived twice, no hurry.": False,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=Settings.model_fields["model"].default)
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder, ChurnAgent.open(Path(folder), model=model) as agent:
        for mode, prompt in PROMPTS:
            variant = agent.varied(mode=mode, prompt=prompt)  # the same store, and the same model
            records = [variant.assess_text(text, company="Acme") for text in MESSAGES]
            scores = [record.churn_probability.shown if record.churn_probability else 0.5 for record in records]
            tokens = sum(record.provenance.prompt_tokens + record.provenance.output_tokens for record in records)
            area = roc_auc_score(list(MESSAGES.values()), scores)
            print(f"{f'{mode}/{prompt}':<14} AUROC {area:.2f}  {tokens} tokens")


if __name__ == "__main__":
    main()
