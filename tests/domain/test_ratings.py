import pytest

from churn_agent.domain.ratings import kind_of_rating, rating


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rating", "rating"),
        ("star_rating", "rating"),
        ("attributes.rating", "rating"),
        ("starrating", "rating"),
        ("nps", "score"),
        ("operating", None),
        ("rating.comment", None),
    ],
)
def test_a_rating_is_known_by_the_name_of_its_column(name, kind):
    assert kind_of_rating(name) == kind


def test_the_first_number_counts():
    metadata = {"review_rating": "great", "stars": "4", "rating": "1", "nps": "9"}
    assert (rating(metadata, "rating"), rating(metadata, "score"), rating({}, "score")) == (4, 9, None)
