"""Classic methods: what they learn, and what they must not see."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from churn_agent.errors import DataError
from churn_agent.evals.sets.labelled import find_set
from churn_agent.index.embedder import Embedder
from churn_agent.learning import estimators, methods, states
from churn_agent.learning.encoder import FineTunedEncoder
from churn_agent.learning.examples import Examples, _groups
from churn_agent.outcomes import training
from churn_agent.settings import Settings


def make_examples(n=200, seed=0):
    """Churn shows in recency, in a word, in an attribute and in a vector."""
    random = np.random.default_rng(seed)
    labels = random.random(n) < 0.4
    recency = np.where(labels, 80, 20) * random.random(n)
    facts = [{"recency": r, "active_days": 5.0, "interactions": 9.0} for r in recency]
    return Examples(
        [f"c-{i}" for i in range(n)], [date(2026, 1, 1)] * n, labels, np.arange(n), facts, recency - 50.0, facts, [{"plan": "short" if c else "long"} for c in labels],
        [sorted(random.choice(np.arange(int(r), 200), 15), reverse=True) for r in recency],
        [f"{'goodbye' if c else 'hello'} number {i % 7}" for i, c in enumerate(labels)],
        (random.normal(size=(n, 8)) + labels[:, None]).astype(np.float32),
        readings=[{"leaning": c + x, "score": c + x} for c, x in zip(labels, random.normal(size=n), strict=True)],
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(methods.METHODS) - {"encoder"}))
def test_every_method_finds_what_is_there_and_scores_alike_twice(name):
    given = make_examples()
    scores = methods.cross_fitted(methods.METHODS[name], given)
    assert scores.shape == (200,)
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_array_equal(scores, methods.cross_fitted(methods.METHODS[name], given))
    assert name == "prior" or scores[given.labels].mean() > scores[~given.labels].mean()


@pytest.mark.parametrize("name", ["rfm", "tfidf", "embedding", "boosting", "boosting_embedding"])
def test_nothing_is_learned_from_outcomes_that_mean_nothing(name):
    given = make_examples(300)
    random = np.random.default_rng(1)
    shuffled = Examples(**{**vars(given), "labels": random.permutation(given.labels)})
    scores = methods.cross_fitted(methods.METHODS[name], shuffled)
    above, below = scores[shuffled.labels], scores[~shuffled.labels]
    won = (above[:, None] > below).mean() + 0.5 * (above[:, None] == below).mean()
    assert 0.35 < won < 0.65


def test_bg_nbd_wants_customers_who_came_back():
    given = make_examples()
    once = replace(given, active_days=[days[-1:] for days in given.active_days])
    assert methods.METHODS["bg_nbd"].lacks(given) is None
    assert "more than one day" in methods.METHODS["bg_nbd"].lacks(once)


@pytest.mark.model
def test_an_encoder_is_fine_tuned_and_keeps_what_is_not_told_by_words():
    settings = Settings.load()
    folder = Embedder.open(settings.embedder, settings.models_dir).folder
    given = replace(make_examples(120), encoder=folder)
    known, rest = given.take(np.arange(90)), given.take(np.arange(90, 120))
    fitted = methods.METHODS["encoder"].make(0).fit(known, known.labels)
    scores = methods.score(fitted, rest)
    assert scores[rest.labels].min() > scores[~rest.labels].max()
    np.testing.assert_allclose(scores, methods.score(fitted, rest), atol=1e-6)
    kept = states.from_bytes(states.to_bytes(states.state_of(fitted)))
    again = states.restore(methods.METHODS["encoder"].make(0), kept)
    np.testing.assert_allclose(scores, methods.score(again, rest), atol=1e-6)


def test_folds_keep_groups_whole():
    given = make_examples()
    grouped = Examples(**{**vars(given), "groups": np.arange(200) // 4})
    for train, test in methods.folds_of(grouped):
        assert not set(grouped.groups[train]) & set(grouped.groups[test])


def test_samples_with_the_same_customer_or_words_belong_together():
    groups = _groups(["a", "a", "b", "c", "d"], ["x", "y", "Y", "z", ""])
    assert groups[0] == groups[1] == groups[2]
    assert len({groups[0], groups[3], groups[4]}) == 3


def test_texts_do_not_name_the_company(book_folder, tmp_path):
    labelled = find_set(str(book_folder), near=tmp_path)
    with labelled.open(tmp_path / "s", Settings.load()) as agent:
        samples = labelled.samples(agent)
        company = labelled.description.book.company
        given = training.examples(agent, samples)
    assert len(given) == 60
    assert any("brand" in text for text in given.texts)
    assert not any(company.casefold() in text.casefold() for text in given.texts)


def test_bg_nbd_that_cannot_be_fitted_says_so(monkeypatch):
    monkeypatch.setattr(estimators, "_FIT_PENALTIES", ())
    with pytest.raises(DataError, match="cannot be fitted"):
        methods.cross_fitted(methods.METHODS["bg_nbd"], make_examples())


def test_too_few_samples_are_refused_in_one_line():
    few = make_examples(8)
    with pytest.raises(DataError, match="needs 10 samples"):
        methods.METHODS["boosting"].make(0).fit(few, few.labels)
    with pytest.raises(DataError, match="cannot be fine-tuned on 8 samples"):
        FineTunedEncoder()._held_out(few, np.arange(8) == 0)


def test_a_number_that_few_have_is_no_obstacle_to_boosting():
    """Not even where all who have it are held out to see when to stop."""
    given = make_examples(300)
    rows = [dict(row) for row in given.numbers]
    for n, row in enumerate(rows):
        row[f"rare {n // 2}"] = 1.0
    rare = replace(given, numbers=rows)
    fitted = methods.METHODS["boosting"].make(0).fit(rare, rare.labels)
    assert np.isfinite(fitted.predict_proba(rare)).all()
