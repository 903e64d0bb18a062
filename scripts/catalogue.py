"""Brings the catalogues of the reports up to date with the code, the templates, the playbook and the taxonomy.

Run it after a change of words that readers see (`make catalogue`), and translate what it names as missing or changed in
`churn_agent/reports/locale/*.po`. With --check it writes nothing and exits with 1 if a catalogue is not up to date.
"""

import argparse
import ast
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from churn_agent.content.playbook import load_playbook
from churn_agent.content.task_rules import load_task_rules
from churn_agent.content.taxonomy import load_taxonomy
from churn_agent.domain.snapshot import REPORT_LANGUAGES
from churn_agent.reports.sentences import form_of

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "churn_agent" / "reports"
FOLDERS = (REPORTS, ROOT / "churn_agent" / "followup")
"""Packages with words that readers see."""
MARKS = {"gettext": 1, "noop": 1, "ngettext": 2, "_forms": 2, "pgettext": 2}
"""Functions that mark messages -> the number of their first arguments that are texts."""


def messages() -> Iterator[tuple[str | tuple[str, str], str | None, str]]:
    """Yields (message or both forms, context, file)."""
    for path in sorted(path for folder in FOLDERS for path in folder.rglob("*.py")):
        for message, context in _in_code(path.read_text(encoding="utf-8")):
            yield message, context, path.relative_to(ROOT).as_posix()
    for path in sorted(path for folder in FOLDERS for path in folder.rglob("*.html")):
        with path.open("rb") as file:
            for _, message, _, _ in extract("jinja2.ext:babel_extract", file, keywords={"_": None}):
                yield message, None, path.relative_to(ROOT).as_posix()
    for action in load_playbook().actions:
        for text in (action.title, action.what, *action.talk_track, *action.never_say, action.owner, action.channel):
            yield text, None, "prompts/playbook.yaml"
    for rule in load_task_rules().rules:
        yield rule.says, None, "prompts/tasks.yaml"
    for signal in load_taxonomy().signals:
        yield form_of(signal.statement), None, "prompts/signals.yaml"


def _in_code(source: str) -> Iterator[tuple[str | tuple[str, str], str | None]]:
    """Yields the messages in Python code; Babel's own extractor does not look into f-strings."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS):
            continue
        texts = [part.value for part in node.args[: MARKS[node.func.id]] if isinstance(part, ast.Constant)]
        if len(texts) == 1:
            yield texts[0], None
        elif node.func.id == "pgettext" and texts:
            yield texts[1], texts[0]
        elif texts:
            yield (texts[0], texts[1]), None


def template() -> Catalog:
    """Returns all messages, untranslated."""
    catalogue = Catalog(project="churn-agent", charset="utf-8")
    for message, context, file in messages():
        catalogue.add(message, locations=[(file, 0)], context=context)
    return catalogue


def updated(language: str) -> tuple[str, str, list[str]]:
    """Returns the catalogue as it is, as it should be, and the messages that are missing or have changed."""
    path = REPORTS / "locale" / f"{language}.po"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    catalogue = read_po(io.StringIO(before), locale=language) if before else Catalog(locale=language)
    catalogue.update(template(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    missing = [
        str(message.id) for message in catalogue if message.id and (message.fuzzy or not all(_forms_of(message.string)))
    ]
    output = io.BytesIO()
    write_po(output, catalogue, width=110, include_lineno=False, sort_by_file=True, omit_header=False)
    return before, output.getvalue().decode("utf-8"), missing


def _forms_of(string: object) -> tuple[object, ...]:
    return string if isinstance(string, tuple) else (string,)


def main() -> None:
    """Updates or checks all catalogues."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    failed = False
    for language in REPORT_LANGUAGES[1:]:
        before, after, missing = updated(language)
        for message in missing:
            print(f"{language}: no translation of {message!r}")
        if check and before != after:
            print(f"{language}: the catalogue is not up to date; run: make catalogue")
        if not check:
            (REPORTS / "locale" / f"{language}.po").write_text(after, encoding="utf-8")
        failed = failed or bool(missing) or (check and before != after)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
