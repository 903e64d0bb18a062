"""The gold set of retrieval, and that the default way of choosing evidence is the best of those compared."""

import sys
from pathlib import Path

import pytest

from churn_agent.index.embedder import Embedder

sys.path.insert(0, str(Path(__file__).parents[2] / "eval"))
import retrieval as gold


def test_the_gold_set_has_enough_customers_and_messages():
    customers = gold.compose(60, 11)
    assert len(customers) >= 40
    for each in customers:
        assert len(each.snapshot.interactions) >= 30
        assert 3 <= len(each.matters) <= 8
    assert gold.compose(3, 11) == customers[:3]


def test_a_chooser_that_knows_finds_everything_and_one_that_does_not_finds_its_share():
    customers = gold.compose(60, 11)
    known = {id_ for each in customers for id_ in each.matters}
    knows = lambda snapshot, k: [e.id for e in snapshot.interactions if e.id in known][:k]  # noqa: E731
    first = lambda snapshot, k: [e.id for e in snapshot.interactions][:k]  # noqa: E731
    assert gold.recalls(customers, knows, 12).mean() == 1
    assert 0.2 < gold.recalls(customers, first, 12).mean() < 0.35


@pytest.mark.model
def test_the_default_way_finds_most_of_what_matters(embedder_folder):
    embedder = Embedder(embedder_folder, embedder_id="minilm", revision="r")
    customers = gold.with_vectors(gold.compose(60, 11), embedder)
    found = {name: gold.recalls(customers, way, 12).mean() for name, way in gold.choosers(embedder).items()}
    assert max(found, key=found.get) == "evidence"
    assert found["evidence"] > 0.6
