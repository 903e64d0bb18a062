"""The open risk item of a customer is in the page and in each file of a report."""

import csv
import io
import json
from datetime import date

from churn_agent.followup.editing import Edit, edit
from churn_agent.followup.items import items
from churn_agent.followup.syncing import sync
from churn_agent.history import runs
from churn_agent.reports.portfolio import writing
from churn_agent.reports.portfolio.building import build

from .conftest import TODAY


def test_page_and_files_show_the_item_until_it_is_closed(agent, tmp_path):
    sync(agent.store)
    [found] = items(agent.store, customer="c-1")
    edit(agent.store, found.task.number, Edit(state="working", owner="Cleo", due=date(2026, 3, 9)), today=TODAY)

    def written(ending):
        portfolio = build(agent.store, runs.find(agent.history, "latest"))
        assert writing.write(portfolio, tmp_path / f"r{ending}", changes={})
        return (tmp_path / f"r{ending}").read_text(encoding="utf-8-sig")

    line = f"Risk item {found.task.number}: working, due 2026-03-09, Cleo"
    assert line in written(".html")
    assert line in written(".md")
    of_file = {
        ".csv": lambda text: list(csv.DictReader(io.StringIO(text))),
        ".jsonl": lambda text: [json.loads(each) for each in text.splitlines()],
    }
    for ending, parse in of_file.items():
        rows = {row["customer_id"]: row for row in parse(written(ending))}
        shown = [str(rows["c-1"][name]) for name in ("task", "task_state", "task_due", "task_owner")]
        assert shown == [str(found.task.number), "working", "2026-03-09", "Cleo"]
        assert not rows["c-6"]["task"]
    edit(agent.store, found.task.number, Edit(state="lost", code="price"), today=TODAY)
    assert "Risk item" not in written(".html")
