"""Ids with `.0` beside the same ids without are asked about once for all files of an import."""

import pytest

from churn_agent.errors import DataError
from churn_agent.history import book, interactions
from churn_agent.ingest.importing import ingest
from churn_agent.ingest.options import ImportOptions
from churn_agent.ingest.sources import find_sources
from tests.conftest import write_csv


@pytest.fixture
def files(tmp_path):
    write_csv(tmp_path / "interactions.csv", "1001,2026-01-01,chat,hello there", "1002,2026-01-02,chat,hi")
    write_csv(tmp_path / "customers.csv", "1001.0,gold", header="customer_id,plan")
    write_csv(tmp_path / "labels.csv", "1002.0,2026-01-31,1", header="customer_id,as_of,churned")
    return tmp_path


def imported(agent, folder, **options):
    asked = []

    def ask(question):
        asked.append(question)
        return question.options[0]

    ingest(agent.history, find_sources([folder]), ImportOptions(ask=ask, **options))
    customers = sorted(row[0] for row in interactions.summaries(agent.history))
    return asked, customers, [row[0] for row in book.all_labels(agent.history)]


def test_without_an_answer_the_import_is_refused(agent, files):
    with pytest.raises(DataError, match=r"2 ids with '\.0'(?s:.*)whole_ids: true") as caught:
        ingest(agent.history, find_sources([files]))
    assert "'1001.0' in" in str(caught.value)


def test_the_answer_counts_for_all_files(agent, files):
    asked, customers, labels = imported(agent, files)
    assert len(asked) == 1
    assert customers == ["1001", "1002"]
    assert labels == ["1002"]
    assert set(book.all_attributes(agent.history)) == {"1001"}


def test_interactions_may_have_the_point(agent, tmp_path):
    write_csv(tmp_path / "interactions.csv", "7.0,2026-01-01,chat,hello", "8.0,2026-01-02,chat,hi")
    write_csv(tmp_path / "customers.csv", "7,gold", header="customer_id,plan")
    asked, customers, _ = imported(agent, tmp_path)
    assert len(asked) == 1
    assert customers == ["7", "8"]


def test_a_file_that_has_both_means_two_customers(agent, tmp_path):
    write_csv(tmp_path / "interactions.csv", "7.0,2026-01-01,chat,hello", "7,2026-01-02,chat,hi")
    asked, customers, _ = imported(agent, tmp_path)
    assert not asked
    assert customers == ["7", "7.0"]


def test_ids_that_all_have_the_point_are_no_question(agent, tmp_path):
    write_csv(tmp_path / "interactions.csv", "7.0,2026-01-01,chat,hello", "v1.0,2026-01-01,chat,hello")
    asked, customers, _ = imported(agent, tmp_path)
    assert not asked
    assert customers == ["7.0", "v1.0"]
