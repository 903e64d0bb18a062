"""What was learned, as data: the same numbers after it, and nothing in a file that runs."""

import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from churn_agent.learning import estimators, states
from churn_agent.learning.ladder import LEARNED, Ladder
from churn_agent.learning.methods import METHODS, score
from churn_agent.learning.similar import SimilarCustomers

from .test_ladder import with_scores
from .test_methods import make_examples

QUICK = sorted(set(METHODS) - {"encoder"})


def again(estimator, fresh):
    return states.restore(fresh, states.from_bytes(states.to_bytes(states.state_of(estimator))))


@pytest.mark.parametrize("name", QUICK)
def test_a_method_says_the_same_after_it_was_kept(name):
    given, others = make_examples(120), make_examples(80, seed=1)
    fitted = METHODS[name].make(0).fit(given, given.labels)
    restored = again(fitted, METHODS[name].make(0))
    np.testing.assert_array_equal(score(restored, others), score(fitted, others))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(LEARNED) - set(METHODS)))
def test_a_ladder_says_the_same_after_it_was_kept(name):
    given, others = make_examples(120), make_examples(80, seed=1)
    fitted = LEARNED[name].make(3).fit(given, given.labels)
    restored = again(fitted, LEARNED[name].make(3))
    np.testing.assert_array_equal(score(restored, others), score(fitted, others))
    np.testing.assert_array_equal(restored.interval(others), fitted.interval(others))
    assert (restored.says_, restored.chosen_) == (fitted.says_, fitted.chosen_)
    assert_alike(restored.alike_, fitted.alike_)


def assert_alike(one, other):
    for name in vars(other):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.usefixtures("short_ladder")
def test_segments_and_customers_alike_are_kept():
    random = np.random.default_rng(4)
    channels = [{"channel": ["shop", "web"][i % 2]} for i in range(60)]
    given = replace(with_scores(random.normal(size=60), random.random(60) < 0.4), attributes=channels)
    fitted = Ladder(segment="channel").fit(given, given.labels)
    restored = again(fitted, Ladder())
    assert restored.offsets_ == fitted.offsets_
    np.testing.assert_array_equal(score(restored, given), score(fitted, given))
    alike = SimilarCustomers.of(make_examples(40))
    assert_alike(SimilarCustomers.of_state(states.from_bytes(states.to_bytes(alike.state()))), alike)


def test_trees_that_were_read_off_say_what_scikit_learn_says():
    random = np.random.default_rng(0)
    x = random.normal(size=(1200, 6))
    y = random.random(1200) < 0.5 + 0.4 * np.sign(x[:, 0])
    x[random.random(x.shape) < 0.3] = np.nan
    fitted = HistGradientBoostingClassifier(max_leaf_nodes=8).fit(x, y)
    np.testing.assert_allclose(estimators._walked(estimators._trees(fitted), x), fitted.decision_function(x), atol=1e-9)


def test_an_estimator_of_another_kind_is_not_kept():
    with pytest.raises(TypeError, match="RandomForestClassifier cannot be stored as data"):
        states.state_of(RandomForestClassifier())
    with pytest.raises(TypeError, match="state/f is of type function"):
        states.to_bytes({"f": make_examples})
    with pytest.raises(TypeError, match="not data"):
        states.to_bytes({"objects": np.array([object()])})


@pytest.mark.parametrize(
    "state",
    [
        {},
        [],
        None,
        {"columns": 1},
        {"columns": {"names": [print]}},
        {"pipeline": {}},
        {"standardscaler": {"mean": "x"}},
    ],
)
def test_the_state_of_something_else_is_refused(state):
    for name in ("rfm", "boosting", "tfidf", "platt", "neighbours"):
        with pytest.raises(states.DamagedState):
            states.restore(METHODS[name].make(0), state)


class Trap:
    """Leaves a file when it is unpickled."""

    def __init__(self, left):
        self.left = left

    def __reduce__(self):
        return Path.touch, (self.left,)


def traps(left):
    """Files of many kinds, all of which run code in a reader that is careless."""
    pickled = pickle.dumps(Trap(left))
    objects = io.BytesIO()
    np.savez(objects, learned=np.array([Trap(left)], dtype=object))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("schema.json", json.dumps({"__class__": "call", "__module__": "operator", "__loader__": "x"}))
        file.writestr("data.pkl", pickled)
    header = json.dumps({"format": 1, "state": {"carried": False, "learned": pickled.decode("latin-1")}})
    deep = json.dumps({"format": 1, "state": None})[:-5] + "[" * 100_000 + "]" * 100_000 + "}"
    return {
        "pickle": pickled,
        "npz of objects": objects.getvalue(),
        "zip with a pickle": archive.getvalue(),
        "tensor of a pickle": save({"state/learned": np.frombuffer(pickled, dtype=np.uint8)}),
        "pickle as text": save({}, {"churn-agent": header}),
        "pickle as header": len(pickled).to_bytes(8, "little") + pickled,
        "array that is not there": save({}, {"churn-agent": '{"format": 1, "state": {"array": "x"}}'}),
        "very deep": save({}, {"churn-agent": deep}),
        "empty": b"",
    }


def test_the_traps_are_traps(tmp_path):
    left = tmp_path / "ran"
    pickle.loads(traps(left)["pickle"])  # noqa: S301
    assert left.exists()


@pytest.mark.parametrize("kind", traps(Path("x")))
def test_no_file_runs_code(tmp_path, kind):
    left = tmp_path / "ran"
    with pytest.raises(states.DamagedState):
        states.restore(METHODS["rfm"].make(0), states.from_bytes(traps(left)[kind])["learned"])
    assert not left.exists()
