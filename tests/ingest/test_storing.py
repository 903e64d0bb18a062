"""The second pass: what it reads again, and what it does not."""

from datetime import date

import pandas as pd
import pytest

from churn_agent.ingest import storing, understanding
from tests.conftest import write_csv


@pytest.fixture
def read_again(monkeypatch):
    """The names of the sources that the second pass opens."""
    names = []

    def opened(source, *arguments):
        names.append(source.name)
        return understanding.open_rows(source, *arguments)

    monkeypatch.setattr(storing, "open_rows", opened)
    return names


def test_a_small_source_is_read_once(agent, tmp_path, read_again):
    assert agent.ingest(write_csv(tmp_path / "a.csv", "c-1,2026-02-01,chat,hello")).added == 1
    assert read_again == []


def test_a_large_source_is_read_twice_and_a_small_one_beside_it_once(agent, tmp_path, read_again, monkeypatch):
    monkeypatch.setattr(understanding, "_KEPT_ROWS", 2)
    small = write_csv(tmp_path / "small.csv", "c-1,2026-02-01,chat,hello")
    large = write_csv(tmp_path / "large.csv", *(f"c-2,2026-02-0{n},chat,again" for n in (1, 2, 3)))
    assert agent.ingest([small, large]).added == 4
    assert read_again == [str(large)]


def test_a_source_is_read_again_if_an_answer_may_change_how_it_is_read(agent, tmp_path, read_again):
    path = write_csv(tmp_path / "a.csv", "c-1,01/02/2026,chat,hello")
    agent.ingest(path, ask=lambda question: question.options[0])
    assert read_again == [str(path)]
    [row] = agent.snapshot("c-1").interactions
    assert row.occurred_at.date() in (date(2026, 1, 2), date(2026, 2, 1))


def test_two_data_frames_keep_their_rows_apart(agent, read_again):
    frames = [
        pd.DataFrame({"customer_id": [id_], "timestamp": ["2026-02-01"], "channel": ["chat"], "text": [f"by {id_}"]})
        for id_ in ("c-1", "c-2")
    ]
    assert agent.ingest(frames).added == 2
    assert read_again == []
    assert [agent.snapshot(id_).interactions[0].text for id_ in ("c-1", "c-2")] == ["by c-1", "by c-2"]
