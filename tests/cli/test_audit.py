"""`audit` as it is called."""

import csv
import json

import pytest

from tests.lookback.small_book import SCRIPT, make


@pytest.fixture
def call(cli, tmp_path):
    with make(tmp_path / "book"):
        pass
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    model = ("--model", f"scripted:{tmp_path / 'script.json'}", "--mode", "read", "--prompt", "direct")
    store = ("--store", tmp_path / "book" / "store")
    assert cli(*store, "batch", "--as-of", "2026-02-05", *model).code == 0
    return lambda *arguments: cli(*store, *arguments)


def test_a_draw_writes_a_page_and_a_file_and_an_import_shows_the_result(call, tmp_path):
    done = call("audit", "--random", 8, "-o", "cards.html", "-o", "cards.csv")
    assert done.code == 0, done.err
    page = (tmp_path / "cards.html").read_text(encoding="utf-8")
    assert page.count('<section class="card"') == 8
    assert "default-src 'none'" in page
    with (tmp_path / "cards.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "ana.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["audit", "card", "item", "mark"], extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "mark": "none" if row["item"] == "missed" else "right"})
    done = call("audit", "import", "ana.csv", "--by", "Ana", "--json")
    assert done.code == 0, done.err
    assert done.json["people"] == ["Ana"]
    assert done.json["reasons_right"]["value"] == 1
    assert "marked by Ana" in call("audit").out
    assert call("report", "-o", "report.md").code == 0
    assert "Audit of" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_without_marks_or_with_another_ending_one_line_says_what_to_do(call):
    done = call("audit")
    assert (done.code, done.out) == (2, "")
    assert "audit --random 50" in done.err
    done = call("audit", "--random", 3, "-o", "cards.txt")
    assert done.code == 2
    assert ".html or .csv" in done.err


def test_an_unmarked_file_is_refused(call):
    assert call("audit", "--random", 3, "-o", "cards.csv").code == 0
    done = call("audit", "import", "cards.csv")
    assert done.code == 3
    assert "no row has a mark" in done.err
