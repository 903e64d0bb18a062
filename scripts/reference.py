"""Writes `docs/reference/` from the code: commands, settings, the record, the Python API, exit codes.

python scripts/reference.py            # writes the pages that differ
python scripts/reference.py --check    # exits with 1 if a page is out of date
"""

import ast
import dataclasses
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

import churn_agent
from churn_agent import errors, evals
from churn_agent.assessing.agent import ChurnAgent
from churn_agent.cli.main import cli
from churn_agent.domain import assessment, snapshot
from churn_agent.ingest.questions import NeedsAnswer
from churn_agent.settings import Settings
from churn_agent.settings.files import NEEDS_TRUST, PREFIX
from churn_agent.store.store import Store

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
HEAD = "<!-- Written by `make reference` from the code. Change the code, not this page. -->\n"


def pages() -> dict[str, str]:
    """File name -> text of each page."""
    return {
        "commands.md": commands(),
        "settings.md": settings(),
        "record.md": record(),
        "python.md": python(),
        "exit-codes.md": exit_codes(),
    }


# --- commands


def commands() -> str:
    parts = [
        HEAD,
        "# Commands\n",
        "`churn-agent COMMAND --help` prints the same text. `--store FOLDER` goes before the command: "
        "`churn-agent --store FOLDER assess c-102`.\n",
        "Data goes to standard output, progress and notes to standard error. Exit codes: [one table](exit-codes.md).\n",
    ]
    for path, command in _walk(cli, ("churn-agent",)):
        level = "##" if len(path) <= 2 else "###"
        parts += [f"{level} {' '.join(path[1:]) or 'churn-agent'}\n", *_about_command(path, command)]
    return "\n".join(parts)


def _walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if len(path) > 1:
        yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _walk(command.commands[name], (*path, name))


def _about_command(path: tuple[str, ...], command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(path))
    yield f"```text\n{' '.join(path)} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    yield f"{_escaped(inspect.cleandoc(command.help or ''))}\n"
    rows = [_about_option(option, context) for option in command.params if isinstance(option, click.Option)]
    if rows:
        yield "| option | description |\n|---|---|"
        yield "".join(f"| {names} | {about} |\n" for names, about in rows)


def _about_option(option: click.Option, context: click.Context) -> tuple[str, str]:
    names, about = option.get_help_record(context) or (", ".join(option.opts), "")
    return f"`{_cell(names)}`", _escaped(_cell(about))


# --- settings


def settings() -> str:
    docs = attribute_docs(Settings)
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_kind(field.annotation)} | {_default(name)} "
        f"| {'yes' if NEEDS_TRUST in field.metadata else 'no'} | {_escaped(_cell(docs.get(name, '')))} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            HEAD,
            "# Settings\n",
            "Each setting is read from the command line, the environment, `.env`, `churn-agent.toml`, the user's "
            "`config.toml`, or its default, in this order. In a TOML file its name is lower case without the prefix. "
            "A setting that needs trust is taken from `.env` or `churn-agent.toml` only after `churn-agent trust` "
            "([why](../settings.md)).\n",
            "| setting | type | default | needs trust | description |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.default is PydanticUndefined:
        return "the user's folder"  # depends on the machine
    return "" if field.default is None else f"`{field.default}`"


# --- the record


def record() -> str:
    parts = [
        HEAD,
        "# The record\n",
        "`churn-agent assess --json` prints one, each line of a batch file is one, and `ChurnAgent.assess` returns "
        f"one. This is schema version {assessment.SCHEMA_VERSION}. Fields are added, never renamed.\n",
    ]
    for model in _models(assessment.Assessment):
        parts += [f"## {model.__name__}\n", _escaped(_cell(inspect.getdoc(model) or "")) + "\n", _fields(model)]
    card = "The card of a book (`card.yaml`), which `ingest --card` reads.\n"
    return "\n".join([*parts, "## Card\n", card, _fields(snapshot.Card)])


def _fields(model: type[BaseModel]) -> str:
    docs = attribute_docs(model)
    rows = [
        f"| `{name}` | {_kind(field.annotation)} | {_escaped(_cell(docs.get(name, '')))} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join(["| field | type | description |", "|---|---|---|", *rows, ""])


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and those that its fields hold, in the order they are met."""
    known, waiting = [], [model]
    while waiting:
        current = waiting.pop(0)
        if current not in known:
            known.append(current)
            waiting += [each for field in current.model_fields.values() for each in _held(field.annotation)]
    return known


def _held(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _held(part)


# --- exit codes


def exit_codes() -> str:
    tree = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    tree.append(NeedsAnswer)
    rows = [
        f"| {each.exit_code} | `{each.__name__}` | {_escaped(_cell(inspect.getdoc(each) or ''))} |" for each in tree
    ]
    return "\n".join(
        [
            HEAD,
            "# Exit codes\n",
            _exit_codes_in_short() + "\n",
            "The classes are in `churn_agent.errors`. A message is one line on standard error, or a few for open "
            "questions about data: what happened, to which thing, what to do. Anything else is a bug and keeps its "
            "traceback.\n",
            "| exit code | error | meaning |",
            "|---|---|---|",
            *sorted(rows),
            "",
        ]
    )


def _exit_codes_in_short() -> str:
    [line] = [part for part in inspect.cleandoc(cli.help or "").split("\n\n") if part.startswith("Exit codes:")]
    return _escaped(" ".join(line.removeprefix("Exit codes:").split()).capitalize())


# --- Python


def python() -> str:
    public = {name: getattr(churn_agent, name) for name in churn_agent.__all__}
    tables = {name for name, member in public.items() if _is_model(member) or _is_error(member)}
    classes = [member for name, member in public.items() if inspect.isclass(member) and name not in tables]
    functions = [member for member in public.values() if inspect.isfunction(member)]
    further = [getattr(evals, name) for name in sorted(evals.__all__) if name not in public]
    parts = [
        HEAD,
        "# Python\n",
        "Import these names from `churn_agent`. The record and its parts, and `Card`, are in [the record](record.md), "
        "`Settings` in [settings](settings.md), the errors in [exit codes](exit-codes.md). `examples/` has scripts.\n",
        "```python\nfrom churn_agent import ChurnAgent\n\n"
        'with ChurnAgent.open("my-store") as agent:\n'
        '    agent.ingest(["interactions.csv"])\n'
        '    record = agent.assess("c-102")\n```\n',
    ]
    for member in sorted(classes, key=lambda each: (each is not ChurnAgent, each is not Store, each.__name__)):
        parts += _about_class(member)
    parts.append("## Functions\n")
    for member in functions:
        parts += _about_function(_tree(member), level="###")
    parts += ["## Evaluation\n", "These are imported from `churn_agent.evals`.\n"]
    for member in further:
        if inspect.isfunction(member):
            parts += _about_function(_tree(member), level="###")
    return "\n".join(parts)


def _is_model(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, BaseModel)


def _is_error(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, Exception)


def _about_class(cls: type) -> Iterator[str]:
    yield f"## {cls.__name__}\n"
    yield from _about_docs(inspect.getdoc(cls) or "")
    if dataclasses.is_dataclass(cls):
        docs = attribute_docs(cls)
        yield "| field | type | description |\n|---|---|---|"
        yield "".join(
            f"| `{field.name}` | `{_cell(ast.unparse(_annotation(cls, field.name)))}` | "
            f"{_escaped(_cell(docs.get(field.name, '')))} |\n"
            for field in dataclasses.fields(cls)
        )
    for node in _tree(cls).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield from _about_function(node, level="###")


def _annotation(cls: type, name: str) -> ast.expr:
    [annotation] = [
        node.annotation
        for node in _tree(cls).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name
    ]
    return annotation


def _about_function(node: ast.FunctionDef, *, level: str) -> Iterator[str]:
    decorators = {ast.unparse(each).rpartition(".")[2] for each in node.decorator_list}
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    yield f"{level} {node.name}\n"
    if decorators & {"property", "cached_property"}:
        yield f"```python\n{node.name}{returns.replace(' ->', ':')}\n```\n"
    else:
        node.args.args = [each for each in node.args.args if each.arg not in ("self", "cls")]
        yield f"```python\n{node.name}({ast.unparse(node.args)}){returns}\n```\n"
    yield from _about_docs(ast.get_docstring(node) or "")


def _about_docs(text: str) -> Iterator[str]:
    """A docstring in Google's style as Markdown: sections as lists."""
    for block in re.split(r"\n\n", text):
        title, _, rest = block.partition("\n")
        if title in ("Args:", "Returns:", "Raises:", "Yields:"):
            yield f"**{title.rstrip(':')}**\n"
            items = re.split(r"\n(?=\S)", textwrap.dedent(rest))
            yield "".join(f"* {_escaped(_cell(each))}\n" for each in items)
        elif block.strip():
            yield f"{_escaped(block)}\n"


# --- text


def _tree(member: Any) -> Any:
    return ast.parse(textwrap.dedent(inspect.getsource(member))).body[0]


def attribute_docs(model: type) -> dict[str, str]:
    """The string below each annotated attribute of a class."""
    body = _tree(model).body
    docs: dict[str, str] = {}
    for before, after in itertools.pairwise(body):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            docs[before.target.id] = inspect.cleandoc(str(after.value.value))
    return docs


def _kind(annotation: Any) -> str:
    return f"`{_cell(_name(annotation))}`"


def _name(annotation: Any) -> str:
    if get_origin(annotation) is None:
        return "none" if annotation is type(None) else getattr(annotation, "__name__", str(annotation))
    arguments = get_args(annotation)
    origin = getattr(get_origin(annotation), "__name__", "")
    if origin == "Annotated":
        return _name(arguments[0])
    if origin == "Literal":
        return " | ".join(map(repr, arguments))
    if origin in ("UnionType", "Union"):
        return " | ".join(map(_name, arguments))
    return f"{origin}[{', '.join(_name(each) for each in arguments if each is not Ellipsis)}]"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _escaped(text: str) -> str:
    """Text with angle brackets and asterisks outside of code kept as they are in Markdown."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _plain(part) for part in parts)


def _plain(text: str) -> str:
    return re.sub(r"([*_])", r"\\\1", text).replace("<", "&lt;").replace(">", "&gt;")


def main() -> int:
    written = pages()
    stale = [name for name, text in written.items() if _current(FOLDER / name) != text]
    if "--check" in sys.argv:
        for name in stale:
            print(f"docs/reference/{name} is out of date; run: make reference", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(written[name], encoding="utf-8")
        print(f"written: docs/reference/{name}")
    return 0


def _current(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
