"""The documentation: plain English, a reference that matches the code, figures that agree, a site whose links work."""

import re
import sys
import tokenize
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
PROSE = [
    *PAGES,
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", ".env.example")),
]
CODE = [
    path
    for folder in (
        *("assessing", "batch", "cli", "content", "demo", "domain", "elicitation", "evals", "evidence", "files"),
        *("history", "index", "ingest", "learning", "measuring", "models", "outcomes", "reports"),
        *("scoring", "settings", "store"),
    )
    for path in sorted((ROOT / "churn_agent" / folder).rglob("*.py"))
]
PHRASES = yaml.safe_load((ROOT / "tests" / "english.yaml").read_text(encoding="utf-8"))


def _script(name):
    spec = spec_from_file_location(f"scripts_{name}", ROOT / "scripts" / f"{name}.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _prose(text):
    """Text with line breaks as blanks, without code and without what the tool wrote."""
    for left_out in (r"<!-- eval -->.*?<!-- /eval -->", r"```.*?```", r"`[^`]*`"):
        text = re.sub(left_out, " ` ", text, flags=re.S)
    return " ".join(text.split())


def _stumbles(text):
    return [
        f"{text[max(0, match.start() - 40) : match.end() + 20]!r}: write {each['instead']}"
        for each in PHRASES
        for match in re.finditer(each["phrase"], text, flags=re.I)
    ]


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_the_documentation_avoids_phrases_that_readers_stumble_over(path):
    stumbles = _stumbles(_prose(path.read_text(encoding="utf-8")))
    assert not stumbles, "\n".join(stumbles)


@pytest.mark.parametrize("path", CODE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_messages_docstrings_and_comments_avoid_them_too(path):
    literals = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    with path.open("rb") as file:
        texts = [" ".join(token.string.split()) for token in tokenize.tokenize(file.readline) if token.type in literals]
    stumbles = [stumble for text in texts for stumble in _stumbles(text)]
    assert not stumbles, "\n".join(stumbles)


def test_the_reference_is_that_of_the_code():
    reference = _script("reference")
    for name, text in reference.pages().items():
        written = (reference.FOLDER / name).read_text(encoding="utf-8")
        assert written == text, f"docs/reference/{name} is out of date; run: make reference"


def test_the_reference_names_every_command_setting_and_field():
    pages = _script("reference").pages()
    assert "## assess\n" in pages["commands.md"]
    assert "### eval compare\n" in pages["commands.md"]
    assert "| `CHURN_AGENT_API_KEY` | `SecretStr \\| none` |  | yes |" in pages["settings.md"]
    assert "| `status` | `'assessed' \\| 'abstained' \\| 'failed'` |" in pages["record.md"]
    assert "assess(customer_id: str | int, *, as_of: date | str | None=None) -> Assessment" in pages["python.md"]


def test_the_rows_of_the_readme_are_rows_of_the_results():
    rows = [
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if re.match(r"\| \w+ \| \d", line)
    ]
    results = (ROOT / "docs" / "results-summary.md").read_text(encoding="utf-8").splitlines()
    cells = {tuple(line.split(" | ")[:6]) for line in results}
    assert len(rows) == 3
    for row in rows:
        assert tuple(row.removesuffix(" |").split(" | ")) in cells, row


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_files_that_the_documentation_names_exist(path):
    named = re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|yaml|csv|md))`", path.read_text(encoding="utf-8"))
    folders = ROOT, ROOT / "churn_agent"
    missing = [name for name in named if "NAME" not in name and not any((folder / name).exists() for folder in folders)]
    assert not missing


def test_the_architecture_page_names_every_layer_in_its_order():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract["layers"] for contract in contracts if contract.get("containers") == ["churn_agent"]]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (`\w+[/.].*?) \|", page)
    named = [{name.removesuffix("/").removesuffix(".py") for name in re.findall(r"`([^`]+)`", row)} for row in rows]
    assert named == [set(layer.split(" | ")) for layer in layers]


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        assert f'"{path.relative_to(ROOT / "docs").as_posix()}"' in navigation, path


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="other.html#there">', None),
        ('<a href="#here">', None),
        ('<a href="https://example.org/">', None),
        ('<a href="missing.html">', "no such file"),
        ('<a href="other.html#nowhere">', "no such anchor"),
        ('<img src="missing.png">', "no such file"),
        ('<script src="https://example.org/x.js"></script>', "another host"),
    ],
)
def test_a_broken_link_and_a_foreign_file_are_found(tmp_path, body, problem):
    (tmp_path / "index.html").write_text(f'<html><body><p id="here">{body}</p></body></html>', encoding="utf-8")
    (tmp_path / "other.html").write_text('<html><body><p id="there">x</p></body></html>', encoding="utf-8")
    found = _script("links").problems(tmp_path)
    assert [problem in line for line in found] == ([True] if problem else [])
