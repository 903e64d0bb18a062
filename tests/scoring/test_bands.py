from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.assessment import ChurnProbability
from churn_agent.scoring.bands import Bands

ORDER = ("low", "medium", "high")
shares = st.floats(0.01, 0.99)


def probability(value, *, calibrated=True, base_rate=0.1, raw=None):
    return ChurnProbability(
        value=value,
        low=None,
        high=None,
        raw=value if raw is None else raw,
        method="m",
        calibrated=calibrated,
        base_rate=base_rate,
        horizon_days=90,
    )


def test_a_calibrated_probability_is_banded_by_the_base_rate():
    def bands(base_rate, *values):
        return [Bands().of(probability(p, base_rate=base_rate)) for p in values]

    assert bands(0.04, 0.03, 0.05, 0.12) == ["low", "medium", "high"]
    assert bands(0.5, 0.4, 0.6, 0.8) == ["low", "medium", "high"]


def test_boundaries_can_be_set():
    bands = Bands(medium_from=0.2, high_from=0.4)
    assert [bands.of(probability(p)) for p in (0.19, 0.2, 0.39, 0.4)] == ["low", "medium", "medium", "high"]


def test_an_uncalibrated_score_is_banded_by_itself_and_not_by_what_the_base_rate_makes_of_it():
    bands = Bands(medium_from=0.01, high_from=0.02)
    scores = [probability(0.05, calibrated=False, raw=raw) for raw in (0.3, 0.5, 0.7)]
    assert [bands.of(score) for score in scores] == list(ORDER)


def test_a_customer_near_a_boundary_stays_where_they_were():
    bands = Bands(medium_from=0.2, high_from=0.4, margin=0.2)
    assert bands.of(probability(0.42), "medium") == "medium"
    assert bands.of(probability(0.38), "high") == "high"
    assert bands.of(probability(0.22), "low") == "low"
    assert bands.of(probability(0.18), "medium") == "medium"
    assert bands.of(probability(0.5), "low") == "high"


@given(shares, st.sampled_from(ORDER), st.floats(0, 2))
def test_where_somebody_was_never_pushes_them_away_from_it(value, before, margin):
    bands = Bands(margin=margin)
    free, held = (ORDER.index(bands.of(probability(value), was)) for was in (None, before))
    assert min(free, ORDER.index(before)) <= held <= max(free, ORDER.index(before))
    assert bands.of(probability(value), ORDER[held]) == ORDER[held]
