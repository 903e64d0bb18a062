"""`lookback`, `retro` and `outcomes suggest` as they are called."""

import json
import math

import pytest

from tests.conftest import write_csv
from tests.lookback.small_book import NOTICE, SCRIPT, left_on, make, messages


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    segments = [f"c-{n:02},{'A' if n <= 20 else 'B' if n < 30 else 'C'}" for n in range(1, 31)]
    with make(folder, attributes=["customer_id,segment", *segments]):
        pass
    (folder / "script.json").write_text(json.dumps(SCRIPT))
    return folder


@pytest.fixture
def call(cli, folder):
    model = ("--model", f"scripted:{folder / 'script.json'}", "--mode", "read", "--prompt", "few_shot")

    def run(command, *arguments):
        return cli("--store", folder / "store", command, *arguments, *model)

    return run


def numbers(value):
    if isinstance(value, dict):
        return [each for item in value.values() for each in numbers(item)]
    if isinstance(value, list):
        return [each for item in value for each in numbers(item)]
    return [value] if isinstance(value, float) else []


def test_a_dry_run_estimates_and_assesses_nobody(call, folder):
    before = list((folder / "store").glob("lookback/*"))
    done = call("lookback", "--dry-run", "--months", 3)
    assert done.code == 0, done.err
    assert "at most" in done.out
    assert "hours" in done.out
    assert list((folder / "store").glob("lookback/*")) == before


def test_a_look_back_prints_tests_money_and_what_was_left_out(call):
    done = call("lookback", "--months", 9, "--capacity", 3, "--call-cost", 40)
    assert done.code == 0, done.err
    for words in ("Warned of before notice", "cannot tell", "not money saved", "segment", "Cost of the calls"):
        assert words in done.out
    assert "Left out of every score" in done.out


def test_json_has_no_nan_and_names_no_small_group(call):
    done = call("lookback", "--months", 9, "--by", "segment", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert [group["name"] for group in found["by"]["groups"]] == ["A", "B"]
    assert (found["by"]["not_named"], found["by"]["in_not_named"]) == (1, 1)
    nobody = found["by"]["groups"][1]["measures"]
    assert (nobody["left"], nobody["coverage"]["value"], nobody["lift"]) == (0, None, None)
    assert not any(math.isnan(number) for number in numbers(found))
    assert "NaN" not in done.out


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_stands_alone_and_has_plots(call, cli, folder, tmp_path, language):
    card = tmp_path / "card.yaml"
    card.write_text(f"company: Acme & Co <x>\nlanguage: {language}\n")
    assert cli("--store", folder / "store", "ingest", "--card", card).code == 0
    page = tmp_path / "lookback.html"
    done = call("lookback", "--months", 4, "--by", "band", "-o", page)
    assert done.code == 0, done.err
    html = page.read_text(encoding="utf-8")
    assert "Acme &amp; Co &lt;x&gt;" in html
    assert ("Rückschau" in html) == (language == "de")
    assert "<svg" in html
    assert "http://" not in html.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_another_score_is_compared_on_the_same_accounts(call, tmp_path):
    rows = [f"{id_},2026-0{month}-28,{'9' if id_ in NOTICE else '1'}" for month in range(1, 6) for id_ in NOTICE]
    rows += [f"c-{n},2026-0{month}-28,1" for month in range(1, 6) for n in range(10, 31)]
    file = write_csv(tmp_path / "scores.csv", *rows, header="customer,date,score")
    done = call("lookback", "--months", 9, "--against", file, "--capacity", 4, "--json")
    assert done.code == 0, done.err
    assert done.json["against"]["accounts"] == 27
    assert done.json["against"]["theirs"]["part"] >= done.json["against"]["ours"]["part"]


def test_a_page_needs_its_ending_and_a_bad_file_one_line(call, tmp_path):
    assert call("lookback", "-o", tmp_path / "x.pdf").code == 2
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    done = call("lookback", "--against", bad)
    assert (done.code, "no column for the customer" in done.err) == (3, True)


def test_one_customer_in_retrospect(call, tmp_path):
    page = tmp_path / "retro.html"
    done = call("retro", "c-05", "-o", page)
    assert done.code == 0, done.err
    assert f"Notice on {NOTICE['c-05']}" in done.out or "Kündigung am" in done.out
    found = call("retro", "c-05", "--json").json
    assert found["departure"]["left_on"] == left_on("c-05").isoformat()
    assert [each["after_notice"] for each in found["moments"]][-1]
    read = [row for row in messages() if row.startswith("c-05,")]
    assert all(any(each["words"] in row for row in read) for each in found["to_read"])
    assert page.read_text(encoding="utf-8").count("<table") == 2


def test_an_unknown_customer_is_one_line(call):
    done = call("retro", "nobody")
    assert (done.code, done.err.count("churn-agent:")) == (2, 1) or "unknown customer" in done.err


def test_suggestions_are_a_file_to_confirm(cli, folder, tmp_path):
    file = tmp_path / "suggested.csv"
    done = cli("--store", folder / "store", "outcomes", "suggest", "-o", file)
    assert done.code == 0, done.err
    assert file.read_text().startswith("customer_id,left_on,suggested_day,why,evidence")
