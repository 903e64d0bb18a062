"""An import leaves the garbage collector as it was."""

import gc

import pytest

from churn_agent.ingest.collecting import collecting_rarely


def failing_import(before):
    with collecting_rarely():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count()
        raise LookupError


def test_the_settings_of_the_collector_are_those_of_before():
    before = gc.get_threshold()
    with pytest.raises(LookupError):
        failing_import(before)
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
