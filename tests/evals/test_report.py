"""The page about runs."""

import json
import re

import pytest
import yaml

from churn_agent.errors import InputError
from churn_agent.evals import run_suite, write_report
from churn_agent.settings import Settings


@pytest.fixture
def page(finished, tmp_path):
    write_report(finished, to=tmp_path / "report.html", command="churn-agent eval report run")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_stands_alone_and_says_first_which_is_better(page):
    assert not re.search(r'(src|href)="?(https?:)?//', page)
    assert page.index("AUROC, n =") < page.index("Leaderboard")
    for part in (
        "Pairs",
        "ROC curve",
        "Reliability",
        "Gain",
        "Abstention",
        "Cost against quality",
        "Segments",
        "Provenance",
    ):
        assert part in page
    assert page.count("<svg") == 7


@pytest.mark.slow
def test_words_of_customers_cannot_become_markup(finished, tmp_path):
    notes = (tmp_path / "run" / "samples.jsonl").read_text()
    (tmp_path / "run" / "samples.jsonl").write_text(
        re.sub(r'"evidence":\["', '"evidence":["<script>alert(1)</script>', notes)
    )
    write_report(tmp_path / "run", to=tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page


@pytest.mark.slow
def test_the_command_writes_it_and_names_what_it_cannot_write(cli, finished, tmp_path):
    assert cli("eval", "report", tmp_path / "run", "-o", tmp_path / "r.html").code == 0
    assert (tmp_path / "r.html").exists()
    with pytest.raises(InputError, match="cannot write"):
        write_report(tmp_path / "run", to=tmp_path / "nowhere" / "r.html")


@pytest.mark.slow
def test_a_run_too_small_for_curves_still_gives_a_page(suite_file, tmp_path):
    suite = yaml.safe_load(suite_file.read_text()) | {"baselines": ["recency"], "limit": 8}
    suite_file.write_text(yaml.safe_dump(suite))
    run_suite(suite_file, settings=Settings.load(), out=tmp_path / "run")
    write_report(tmp_path / "run", to=tmp_path / "report.html")
    assert "Leaderboard" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_markdown_has_verdicts_and_leaderboards(cli, finished, tmp_path):
    assert cli("eval", "report", tmp_path / "run", "-o", tmp_path / "results.md").code == 0
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "## book" in text
    assert "AUROC, n = " in text
    assert "| rfm |" in text
    assert "run on 20" in text


@pytest.mark.slow
def test_a_markdown_file_that_it_wrote_is_written_again(cli, finished, tmp_path):
    for _ in range(2):
        result = cli("eval", "report", finished, "-o", tmp_path / "results.md")
        assert result.code == 0, result.err
    assert (tmp_path / "results.md").read_text(encoding="utf-8").count("## book") == 1


@pytest.mark.slow
def test_a_run_that_is_not_finished_says_so(finished, tmp_path):
    about = json.loads((finished / "run.json").read_text())
    (finished / "run.json").write_text(json.dumps({**about, "finished": False}))
    write_report(finished, to=tmp_path / "report.html")
    assert "is not finished" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_one_line_a_set_is_put_between_marks(cli, finished, tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- eval -->\nold\n<!-- /eval -->\nafter\n")
    assert cli("eval", "report", tmp_path / "run", "--into", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- eval -->\n| set |")
    assert text.endswith("<!-- /eval -->\nafter\n")
    assert "old" not in text
    assert re.search(r"\| book \| \d+ \|", text)
    page.write_text("no marks")
    result = cli("eval", "report", tmp_path / "run", "--into", page)
    assert result.code == 2
    assert page.read_text() == "no marks"
