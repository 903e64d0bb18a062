"""A model whose answers are drawn from hashes of what it is asked: always the same, and of every kind."""

import hashlib
import json
import math

from churn_agent.models.base import LabelScores, ModelOutput
from churn_agent.models.scripted import ScriptedModel


def share(*parts):
    """A number from 0 to 1 that depends on the parts alone."""
    return int(hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12], 16) / 16**12


class MadeUp(ScriptedModel):
    """Sure of one word a sentence, and of yes or no to most questions.

    Args:
        salt: models with other salts give other answers.
    """

    def __init__(self, salt=""):
        super().__init__()
        self.salt = salt

    def score_labels(self, requests):
        for request in requests:
            scores = {}
            for question in request.questions:
                asked = f"{self.salt}{request.shared[0].content}{request.context}{question.text}"
                if set(question.labels) == {"Yes", "No"}:
                    odds = 12 * share(asked) - 5
                    scores[question.id] = {"Yes": -math.log1p(math.exp(-odds)), "No": -math.log1p(math.exp(odds))}
                else:
                    weights = {label: share(asked, label) ** 30 for label in question.labels}
                    total = sum(weights.values())
                    scores[question.id] = {label: math.log(weight / total) for label, weight in weights.items()}
            yield LabelScores(request.id, scores)

    def generate(self, requests):
        for request in requests:
            yield ModelOutput(request.id, json.dumps({"text": "In short: " + request.messages[0].content[:60]}))
