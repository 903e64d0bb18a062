from hypothesis import given
from hypothesis import strategies as st

from churn_agent.domain.assessment import ChurnProbability
from churn_agent.scoring.bands import Bands, Capacity
from churn_agent.scoring.prior import log_odds

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


@given(st.lists(st.integers(1, 999), min_size=1, max_size=60), st.integers(1, 30))
def test_by_capacity_no_more_customers_are_high_than_can_be_called_and_as_many_medium(thousandths, count):
    values = [n / 1000 for n in thousandths]
    capacity = Capacity.over([log_odds(value) for value in values], count=count, customers=len(values))
    bands = [Bands(capacity=capacity).of(probability(value)) for value in values]
    if count >= len(values):
        assert set(bands) == {"high"}
        return
    high, at_least_medium = bands.count("high"), len(values) - bands.count("low")
    assert high <= count
    assert at_least_medium <= max(2 * count, high) or 2 * count >= len(values)
    if len(set(values)) == len(values):
        assert high == count
        assert at_least_medium == min(2 * count, len(values))
    assert capacity.high[1] == high


def test_by_capacity_the_card_says_how_many_reach_the_boundary():
    numbers = [log_odds(n / 100) for n in range(1, 51)]
    bands = Bands(capacity=Capacity.over(numbers, count=5, customers=50))
    assert bands.why(probability(0.48)) == "from 45%, reached by 5 of 50 customers (bands by capacity)"
    assert bands.why(probability(0.42)) == "from 40%, reached by 10 of 50 customers (bands by capacity)"
    assert bands.why(probability(0.2)) == "below 40%, reached by 10 of 50 customers (bands by capacity)"


def test_a_random_sample_stands_for_the_whole_book():
    numbers = [log_odds(n / 1000) for n in range(1, 301)]
    capacity = Capacity.over(numbers, count=100, customers=3000)
    assert capacity.high[1] == 100
    assert sum(number >= capacity.high[0] for number in numbers) == 10


def test_boundaries_that_are_set_and_scores_do_not_depend_on_the_capacity():
    capacity = Capacity.over([log_odds(0.01), log_odds(0.02)], count=1, customers=2)
    bands = Bands(medium_from=0.2, high_from=0.4, capacity=capacity)
    assert [bands.of(probability(p)) for p in (0.19, 0.2, 0.39, 0.4)] == ["low", "medium", "medium", "high"]
    assert bands.why(probability(0.5)) == "from 40%"
    score = probability(0.5, calibrated=False, raw=0.5)
    assert Bands(capacity=capacity).of(score) == Bands().of(score)


@given(st.lists(st.integers(1, 999), min_size=2, max_size=40), st.integers(1, 10))
def test_an_announcement_is_high_by_capacity_too(thousandths, count):
    capacity = Capacity.over([log_odds(n / 1000) for n in thousandths], count=count, customers=len(thousandths))
    bands = Bands(capacity=capacity)
    assert bands.high_boundary(probability(0.1)) >= max(log_odds(0.65), capacity.high[0])
