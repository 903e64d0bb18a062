"""What `imports` and `aliases` print."""

import pytest

from tests.conftest import write_csv

HEADER = "customer_id,date,text,direction"
LOGINS = "customer_id,date,metric,value"


@pytest.fixture
def tables(cli, tmp_path):
    """Imports four files, each in an import of its own."""
    files = {
        "interactions": (HEADER, "c-1,2026-03-01,I cancel,inbound"),
        "measurements": (LOGINS, "c-1,2026-02-01,logins,3", "c-1,2026-02-02,logins,4"),
        "customers": ("customer_id,plan", "c-1,gold"),
        "labels": ("customer_id,as_of,churned", "c-1,2026-03-01,1"),
    }
    for kind, (header, *rows) in files.items():
        path = write_csv(tmp_path / f"{kind}.csv", *rows, header=header)
        assert cli("ingest", *([path] if kind == "interactions" else [f"--{kind}", path])).code == 0
    return cli


def test_undoing_says_what_has_changed_and_nothing_else(tables):
    said = [tables("imports", "undo", n, "--yes").out for n in (4, 3, 2, 1)]
    assert said == [
        "import 4 undone: 1 label changed\n",
        "import 3 undone: attributes of 1 customer changed\n",
        "import 2 undone: 2 measurements removed\n",
        "import 1 undone: 1 interaction removed\n",
    ]


def test_undoing_an_import_of_a_card_says_that_no_row_has_changed(cli, tmp_path):
    (tmp_path / "card.yaml").write_text("company: Acme\n")
    cli("ingest", "--card", tmp_path / "card.yaml")
    assert cli("imports", "undo", 1, "--yes").out == "import 1 undone: no row has changed\n"


def test_making_an_import_again_says_whether_it_was_replaced(cli, tmp_path):
    path = write_csv(tmp_path / "a.csv", "c-1,2026-03-01,I cancel,inbound,x", header=f"{HEADER},tag")
    cli("ingest", path)
    assert cli("imports", "redo", 1).out == "import 1 was repeated with the same files and the same mapping\n"
    (tmp_path / "m.yaml").write_text("ignore: [tag]\n")
    again = cli("imports", "redo", 1, "--mapping", tmp_path / "m.yaml")
    assert again.out == "import 2 replaces 1: 0 interactions added, 1 with new values\n"


@pytest.mark.parametrize("ids", [("", "c-1"), ("c-1", " "), ("a\tb", "c-1"), ("c-1", "a\nb"), ("c-1", "\u200e")])
def test_an_alias_is_an_id_that_can_be_printed(tables, ids):
    result = tables("aliases", "merge", *ids)
    assert (result.code, result.out) == (2, "")
    assert "is not a customer id" in result.err.splitlines()[-1]
    assert tables("aliases", "list", "--json").json == {}


@pytest.mark.parametrize(
    ("ids", "named"),
    [(("nope", "nada"), "'nope' and 'nada'"), (("old", "c-1"), "'old'"), (("c-1", "new"), "'new'")],
)
def test_ids_without_data_are_named_when_they_are_merged(tables, ids, named):
    result = tables("aliases", "merge", *ids)
    assert result.code == 0
    assert f"the store has no data of {named} yet" in result.err


@pytest.mark.parametrize("kind", ["interactions", "measurements", "customers", "labels"])
def test_ids_with_data_of_any_kind_are_not(tables, kind):
    for n in range(1, 5):
        if n != 1 + ["interactions", "measurements", "customers", "labels"].index(kind):
            tables("imports", "undo", n, "--yes")
    assert "'c-1'" not in tables("aliases", "merge", "old", "c-1").err


def test_merging_again_the_other_way_round_names_both_ids(tables):
    tables("aliases", "merge", "c-0", "c-1")
    said = tables("aliases", "merge", "c-1", "c-0").err.splitlines()[-1]
    assert said == "churn-agent: 'c-1' and 'c-0' already refer to the same customer, 'c-1'"
