from types import SimpleNamespace

import numpy as np

from churn_agent.outcomes.training import _without_announced


class Known(SimpleNamespace):
    def take(self, rows):
        return Known(labels=self.labels[rows], announced=self.announced[rows])


def known(labels, announced):
    said = None if announced is None else np.array(announced, dtype=bool)
    return Known(labels=np.array(labels, dtype=bool), announced=said)


def test_customers_whose_announcement_stands_teach_a_calibration_nothing():
    samples, rest = _without_announced(["a", "b", "c", "d"], known([1, 1, 0, 0], [1, 0, 0, 1]))
    assert samples == ["b", "c"]
    assert rest.labels.tolist() == [True, False]


def test_they_are_kept_where_without_them_one_outcome_is_missing():
    samples, rest = _without_announced(["a", "b"], known([1, 0], [1, 0]))
    assert samples == ["a", "b"]
    assert len(rest.labels) == 2


def test_methods_that_read_nothing_know_of_no_announcement():
    assert _without_announced(["a", "b"], known([1, 0], None))[0] == ["a", "b"]
