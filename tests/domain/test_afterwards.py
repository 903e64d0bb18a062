import pytest

from churn_agent.domain.afterwards import is_time, lasting, may_change


@pytest.mark.parametrize(
    "name",
    ["updated_at", "account_updated_epoch", "closed_at", "ticket.status", "state", "statistics.time_to_first_close",
     "updatedAt", "closedDate", "total_count", "amount_paid", "conversation_rating.rating",
     "satisfaction_rating.score", "metric_set.reopens", "STATUS", "resolved-on", "helpful_votes",
     "reply_count", "likeCount", "ticket.comment_count"],
)  # fmt: skip
def test_a_field_that_its_source_writes_again_is_known_by_its_name(name):
    assert may_change(name)


@pytest.mark.parametrize(
    "name", ["rating", "score", "plan", "n_lines", "n_units", "clicks", "course_day", "product_id", "brand", "statement",
             "estate", "created", "conversation_id", "nps"],
)  # fmt: skip
def test_other_fields_stay(name):
    assert not may_change(name)
    assert lasting({name: "1", "updated_at": "2"}) == {name: "1"}


@pytest.mark.parametrize("number", [1772600000, 1772600000e3, 1772600000e6, 1772600000e9, 700000000])
def test_counts_since_1970_are_times_whatever_they_are_called(number):
    assert is_time("anything", number)


@pytest.mark.parametrize("name", ["created_at", "date", "opened.timestamp", "signupDate"])
def test_a_number_called_a_time_is_one(name):
    assert is_time(name, 20260301)


@pytest.mark.parametrize(
    ("name", "number"), [("response_time", 40), ("clicks", 3), ("n_units", 319), ("amount", 99999.5)]
)
def test_measurements_are_not_times(name, number):
    assert not is_time(name, number)
