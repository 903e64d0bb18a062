"""A calibration from books with outcomes, for one whose base rate alone is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from churn_agent.assessing.agent import ChurnAgent
from churn_agent.errors import DataError, InputError
from churn_agent.learning.methods import score
from churn_agent.learning.transfer import TransferredCalibration, transferred_scores
from churn_agent.measuring import metrics
from churn_agent.outcomes.samples import labelled_samples
from churn_agent.outcomes.training import carry
from churn_agent.settings import Settings

from .test_ladder import with_scores


def book(seed, *, at, n=600):
    """Customers of whom a difference of scores means half as much as it says, while scores stand as high as `at`."""
    random = np.random.default_rng(seed)
    true = random.normal(-0.5, 1.5, n)
    return with_scores(2 * true + at, random.random(n) < expit(true))


def test_scores_that_stand_higher_in_another_book_mean_no_more():
    books, own = [book(1, at=-2), book(2, at=0)], book(3, at=5)
    rate = own.labels.mean()
    fitted = TransferredCalibration().fit(books, own, rate)
    told = score(fitted, own)
    assert told.mean() == pytest.approx(rate)
    assert metrics.calibration_slope(own.labels, told) == pytest.approx(1, abs=0.25)
    low, high = fitted.interval(own)
    assert ((low <= told) & (told <= high)).all()
    assert (high - low).max() > 0.05
    # Outcomes of the own book are not looked at.
    again = TransferredCalibration().fit(books, replace(own, labels=~own.labels), rate)
    np.testing.assert_array_equal(score(again, own), told)


def test_scores_that_say_nothing_elsewhere_are_hardly_believed():
    random = np.random.default_rng(4)
    said_nothing = [with_scores(random.normal(size=2000) * 3, random.random(2000) < 0.3) for _ in range(2)]
    told = score(TransferredCalibration().fit(said_nothing, book(3, at=0), 0.2), book(3, at=0))
    assert told.std() < 0.05


def test_each_book_is_judged_by_the_others():
    books = [book(1, at=-2), book(2, at=0), book(3, at=5)]
    told = transferred_scores(books)
    changed = transferred_scores([replace(books[0], labels=np.roll(books[0].labels, 1)), *books[1:]])
    np.testing.assert_array_equal(told[0], changed[0])
    assert (told[1] != changed[1]).all()


def test_a_book_of_one_outcome_teaches_nothing():
    known = book(1, at=0)
    with pytest.raises(DataError, match="who left and customers who stayed"):
        TransferredCalibration().fit([replace(known, labels=np.ones(600, dtype=bool))], known, 0.2)


@pytest.fixture
def stores(tmp_path, book_folder):
    """A store with outcomes, and one of the same customers without, whose base rate is known."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "interactions.csv").write_bytes((book_folder / "interactions.csv").read_bytes())
    card = (book_folder / "card.yaml").read_text()
    assert "base_rate" not in card
    (other / "card.yaml").write_text(card + "base_rate: 0.1\n")
    for folder in (book_folder, other):
        with ChurnAgent(Settings.load(store=tmp_path / folder.name / "store", model="scripted")) as agent:
            agent.ingest([folder])
    return tmp_path / book_folder.name / "store", other / "store"


@pytest.mark.slow
def test_from_the_command_line(cli, stores):
    known, own = stores
    made = cli("--store", own, "calibrate", "--from", known, "--perturb", 0, "--model", "scripted")
    assert made.code == 0, made.err
    assert "stored calibrated-1: trained on 60 labels" in made.out
    assert "base rate of 10.0%" in made.out
    with ChurnAgent(Settings.load(store=own, model="scripted")) as agent:
        book_ = [agent.assess(each).churn_probability for each in _customers(agent)]
        assert all(each.calibrated and each.low <= each.value <= each.high for each in book_)
        assert np.mean([each.value for each in book_]) == pytest.approx(0.1, abs=1e-3)


def test_what_is_missing_is_said(cli, stores):
    known, own = stores
    with (
        ChurnAgent(Settings.load(store=known, model="scripted")) as agent,
        pytest.raises(InputError, match="base_rate"),
    ):
        carry(agent, [known])
    refused = cli("--store", own, "calibrate", "--from", own, "--model", "scripted")
    assert refused.code != 0
    assert f"{own}: the store has no labels" in refused.err
    assert cli("--store", own, "calibrate", "--from", known, "--by", "segment").code == 2


def _customers(agent):
    from churn_agent.history import interactions

    assert not labelled_samples(agent.store)
    return interactions.customer_ids(agent.history)
