"""A model of your own behind churn-agent: any class with the methods of `ChatModel` can be passed as `model`.

This one looks for words, so it needs no weights: python examples/own_reader.py
To use a real model of yours, send `request.context` and the question to it where `_yes` is called.
"""

import math
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from churn_agent import ChurnAgent, Settings
from churn_agent.errors import ModelCallError
from churn_agent.models.base import Capabilities, GenerateRequest, LabelScores, ModelInfo, ModelOutput, ScoreRequest

LEAVING = ("cancel", "switch", "leave", "elsewhere", "refund")


class KeywordReader:
    """Says yes the more surely, the more words of leaving it sees. Results carry the id of their request."""

    info = ModelInfo(
        id="keywords", sha256=None, fingerprint="keywords 1", capabilities=Capabilities(context_tokens=100_000)
    )

    def score_labels(self, requests: Iterable[ScoreRequest]) -> Iterator[LabelScores]:
        for request in requests:
            yes = self._yes(request.context)
            odds = {"Yes": math.log(yes), "No": math.log(1 - yes)}
            yield LabelScores(request.id, {question.id: odds for question in request.questions})

    def generate(self, requests: Iterable[GenerateRequest]) -> Iterator[ModelOutput]:
        for request in requests:  # a failed request carries its error; the others go on
            yield ModelOutput(request.id, finish_reason="error", error=ModelCallError("this model writes no text"))

    def count_tokens(self, text: str) -> int:
        return len(text) // 4 + 1

    def close(self) -> None:
        pass

    def _yes(self, text: str) -> float:
        return 1 - 0.9 * 0.5 ** sum(word in text.casefold() for word in LEAVING)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(store=Path(name) / "store", mode="ask", prompt="yes_no")
        with ChurnAgent(settings, model=KeywordReader()) as agent:
            for text in ("Please cancel it, I will switch to another one.", "Thank you, all is fine."):
                record = agent.assess_text(text, company="Acme")
                number = record.churn_probability
                print(f"{number.shown:.2f}" if number else record.status_reason, text)


if __name__ == "__main__":
    main()
