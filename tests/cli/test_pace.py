"""The pace beside a bar, by a clock of its own."""

import pytest
from rich.progress import Progress

from churn_agent.cli.common import Counting, Pace


def test_blocks_that_arrive_at_once_are_counted_over_the_time_they_took() -> None:
    clock = 0.0
    pace = Pace()
    bar = Progress(pace, disable=True, get_time=lambda: clock)
    task = bar.add_task("customers", total=200)

    def shown() -> str:
        return str(pace.render(bar.tasks[0]))

    assert not shown()
    for minutes in (1, 2):
        clock = 60.0 * minutes
        for _ in range(40):
            bar.advance(task)
        assert shown().startswith("40.0 a minute")
    assert shown() == "40.0 a minute, 0:03:00 left"
    clock = 180.0
    assert shown() == "26.7 a minute, 0:04:30 left"  # nothing came since


def test_another_stage_is_counted_anew() -> None:
    clock = 0.0
    pace = Pace()
    bar = Progress(pace, disable=True, get_time=lambda: clock)
    task = bar.add_task("screening", total=560, completed=560)
    pace.render(bar.tasks[0])
    clock = 10.0
    bar.update(task, completed=5, total=300)
    assert not str(pace.render(bar.tasks[0]))
    clock = 70.0
    bar.update(task, completed=25)
    assert str(pace.render(bar.tasks[0])) == "20.0 a minute, 0:13:45 left"


def test_in_a_file_a_line_a_minute_stands_for_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    clock = 0.0
    with Counting(get_time=lambda: clock) as bar:
        task = bar.add_task("screening", total=200)
        for half_minutes in range(5):
            clock = 1.0 + 30 * half_minutes
            bar.advance(task, 20)
    said = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in said] == ["· screening: 60 of 200", "· screening: 100 of 200"]
    assert said[1].endswith("a minute, 0:02:30 left")
