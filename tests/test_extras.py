"""What needs an extra says so in one line, and assessing needs none."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import churn_agent
from churn_agent.domain.snapshot import Card
from churn_agent.errors import MissingExtra
from churn_agent.learning.estimators import BgNbd
from churn_agent.measuring import metrics, plots
from churn_agent.reports import book
from churn_agent.reports.portfolio import calendar, page, sheets
from churn_agent.reports.portfolio.accounts import Portfolio
from tests.conftest import AS_OF, write_csv

PACKAGE = Path(churn_agent.__file__).parent
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = {
    "files": ("duckdb", "openpyxl"),
    "reports": ("icalendar", "jinja2", "matplotlib", "xlsxwriter"),
    "evals": ("empulse", "lifetimes"),
}
OF = {module: extra for extra, modules in EXTRAS.items() for module in modules}
NOT_IMPORTED_HERE = {"defusedxml"}
"""openpyxl imports it."""
EMPTY = Portfolio(
    run=None, card=Card(company="Acme"), as_of=AS_OF, accounts=(), drivers=(), capacity=1, planned=False, method=None
)
CORE = (
    ("ingest", "a.csv", "--card", "card.yaml"),
    ("assess", "c-1", "--model", "scripted"),
    ("assess", "--text", "I am leaving.", "--model", "scripted"),
    ("batch", "--model", "scripted", "-o", "book.jsonl"),
    ("customers",),
)


def names(requirements):
    return {re.match(r"[\w.-]+", each)[0] for each in requirements if not each.startswith(f"{PROJECT['name']}[")}


@pytest.fixture
def company(tmp_path):
    write_csv(tmp_path / "a.csv", "c-1,2026-01-10,chat,I am considering switching.", "c-2,2026-01-20,chat,All good.")
    (tmp_path / "card.yaml").write_text("company: Acme\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_packages_of_an_extra_are_in_it_and_not_in_the_core(extra):
    packages = set(EXTRAS[extra])
    assert names(PROJECT["optional-dependencies"][extra]) - NOT_IMPORTED_HERE == packages
    assert not packages & names(PROJECT["dependencies"])


def test_all_is_every_extra_but_the_engines_and_the_names_of_before():
    [everything] = PROJECT["optional-dependencies"]["all"]
    others = PROJECT["optional-dependencies"].keys() - {"all", "llama-cpp", "xllamacpp", "eval", "train"}
    assert set(re.search(r"\[(.*)\]", everything)[1].split(",")) == others


def imports(tree):
    """(Module that is imported, the block around it)."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((each.name.partition(".")[0], node) for each in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                yield child.module.partition(".")[0], node


def test_every_import_of_an_extra_is_guarded_by_its_name():
    guarded = set()
    for path in PACKAGE.rglob("*.py"):
        for module, block in imports(ast.parse(path.read_text(encoding="utf-8"))):
            if module not in OF or (isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"):
                continue
            assert isinstance(block, ast.With), f"{path}: {module}"
            called = ast.unparse(block.items[0].context_expr)
            # What evals use of a report's packages comes with the reports, which their extra brings.
            assert called == f"extras.importing('{OF[module]}')", f"{path}: {module}"
            guarded.add(module)
    assert guarded == OF.keys()


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("matplotlib", lambda: plots.to_svg(lambda axes: None)),
        ("jinja2", lambda: book.to_html(None, None)),
        ("jinja2", lambda: page.to_html(EMPTY)),
        ("icalendar", lambda: calendar.to_ics(EMPTY)),
        ("xlsxwriter", lambda: sheets.to_xlsx(EMPTY, {})),
        ("empulse", lambda: metrics.expected_maximum_profit(np.eye(2, dtype=bool)[0], np.eye(2)[0], metrics.Costs())),
        ("lifetimes", lambda: BgNbd._fitter(0.1)),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch, module, use):
    for loaded in [name for name in sys.modules if name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, loaded)  # else an import of it would not look at the package
    monkeypatch.setitem(sys.modules, module, None)
    page._template.cache_clear()  # an earlier test of this process may have drawn a page
    with pytest.raises(MissingExtra) as missing:
        use()
    assert str(missing.value) == f"{module} is not installed; run: pip install 'churn-agent[{OF[module]}]'"


@pytest.mark.parametrize(
    ("module", "name"),
    [("duckdb", "a.parquet"), ("duckdb", "a.duckdb"), ("openpyxl", "a.xlsx")],
)
def test_a_file_that_needs_an_extra_is_one_line_and_exit_4(cli, company, monkeypatch, module, name):
    monkeypatch.setitem(sys.modules, module, None)
    (company / name).write_bytes(b"")
    result = cli("ingest", company / name, "--card", company / "card.yaml")
    assert result.code == 4
    assert result.err.splitlines()[-1] == (
        f"churn-agent: {module} is not installed; run: pip install 'churn-agent[{OF[module]}]'"
    )


def test_a_report_without_its_extra_is_one_line_and_exit_4(cli, company, monkeypatch):
    cli(*CORE[0])
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = cli("data", "report", "-o", "book.html")
    assert result.code == 4
    assert "pip install 'churn-agent[reports]'" in result.err.splitlines()[-1]


def test_the_core_works_without_any_extra(cli, company, monkeypatch):
    for module in OF:
        monkeypatch.setitem(sys.modules, module, None)
    for command in CORE:
        result = cli(*command)
        assert result.code == 0, (command, result.err)


@pytest.mark.slow
def test_the_core_imports_nothing_of_an_extra(company):
    code = (
        "import sys; from churn_agent.cli import main\n"
        f"codes = [main.run(list(each)) for each in {CORE!r}]\n"
        "print(codes, sorted({each.partition('.')[0] for each in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=company, capture_output=True, text=True, check=False)
    codes, loaded = re.search(r"(\[[\d, ]+\]) (\[.*\])$", done.stderr.strip()).groups()
    assert set(ast.literal_eval(codes)) == {0}, done.stderr
    assert not OF.keys() & set(ast.literal_eval(loaded))
