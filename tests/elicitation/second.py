"""A second reader that was not trained."""

from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.elicitation.second_reader.messages import LEANINGS, TONES
from churn_agent.elicitation.second_reader.reading import SecondReading

TAXONOMY = load_taxonomy()


class Second:
    """A second reader that finds signals by words."""

    id = "0" * 16

    def __init__(self, **likely):
        self.likely, self.texts = likely, []

    def read(self, texts):
        self.texts += texts
        return [self._of(text) for text in texts]

    def _of(self, text):
        signals, places = dict.fromkeys(TAXONOMY.by_id, 0.001), dict.fromkeys(TAXONOMY.by_id, 0)
        for id_, (words, probability) in self.likely.items():
            if words in text:
                signals[id_], places[id_] = probability, text.index(words) + len(words) - 1
        leaves = signals["leaving_announced"]
        leaning = dict.fromkeys(LEANINGS, 0.0) | {"leaves": leaves, "none": 1 - leaves}
        return SecondReading(signals, places, leaning, dict.fromkeys(TONES, 1 / 3))
