"""Whatever a command writes replaces neither its inputs nor a file of a store; asked of every option of every command."""

import shutil

import click
import pytest

from churn_agent.cli import main
from churn_agent.cli.outputs import Output
from tests.cli.test_commands import commands
from tests.conftest import write_csv

INPUTS = {
    "file", "card", "customers", "labels", "measurements", "aliases", "mapping", "suite_file", "runs", "run", "store",
    "stores", "source", "files", "against",
}  # fmt: skip
"""Names of the parameters of paths that commands read."""


def found(words):
    command = main.cli
    for word in words:
        command = command.commands[word]
    return command


LEAVES = [words for words in commands() if not isinstance(found(words), click.Group)]
OUTPUTS = [(words, param) for words in LEAVES for param in found(words).params if isinstance(param.type, Output)]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_path_is_an_input_or_guarded(words):
    paths = {param.name for param in found(words).params if type(param.type) is click.Path}
    assert paths <= INPUTS


def test_the_outputs_are_those_that_we_know():
    assert {(" ".join(words), param.name) for words, param in OUTPUTS} >= {
        ("assess", "output"), ("batch", "output"), ("calibrate", "plot"), ("check", "output"), ("check", "junit"),
        ("data report", "output"), ("digest", "output"), ("eval abstention", "plot"), ("eval calibration", "plot"),
        ("eval fetch", "out"), ("eval report", "into"), ("eval report", "out"), ("eval run", "out"),
        ("ingest", "rejects"), ("ingest", "write_mapping"), ("models bundle", "file"), ("report", "outputs"),
    }  # fmt: skip


@pytest.fixture
def call(cli, tmp_path):
    """Calls a command with an output, on a store with an import. Each other argument that it needs is `input`."""
    cli("ingest", write_csv(tmp_path / "a.csv", "c-1,2026-03-01,hi,inbound", header="customer_id,date,text,direction"))
    (tmp_path / "input").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "predictions.jsonl").write_text("{}")

    def given(param):
        if isinstance(param.type, click.Choice):
            return param.type.choices[0]
        folder = isinstance(param.type, click.Path) and not param.type.file_okay
        return tmp_path / ("run" if folder else "input")

    def run(words, output_param, output, *more):
        command, arguments = found(words), []
        for param in command.params:
            if param is output_param:
                arguments += [output] if isinstance(param, click.Argument) else [param.opts[0], output]
            elif param.required:
                arguments += [given(param)] if isinstance(param, click.Argument) else [param.opts[0], given(param)]
        return cli(*words, *arguments, *more)

    return run


@pytest.mark.parametrize(("words", "param"), OUTPUTS, ids=lambda of: " ".join(of) if isinstance(of, tuple) else of.name)
def test_no_output_is_written_over_the_store_or_another_one(call, tmp_path, words, param):
    other = tmp_path / "elsewhere" / "store"
    other.mkdir(parents=True)
    shutil.copy(tmp_path / "store" / "history.db", other)
    for store in (tmp_path / "store", other):
        before = (store / "history.db").read_bytes()
        folder = not param.type.file_okay
        result = call(words, param, store / ("index" if folder else "history.db"))
        assert (result.code, result.out) == (2, "")
        assert "belongs to the store" in result.err.splitlines()[-1]
        assert (store / "history.db").read_bytes() == before


READING = [
    (("check",), "output"), (("check",), "junit"), (("ingest",), "rejects"), (("eval", "run"), "out"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "name"), READING, ids=lambda of: " ".join(of) if isinstance(of, tuple) else of)
def test_no_output_is_written_over_an_input(call, tmp_path, words, name):
    [param] = [param for param in found(words).params if param.name == name]
    more = [tmp_path / "input"] if words == ("ingest",) else []
    result = call(words, param, tmp_path / "input", *more)
    assert (result.code, result.out) == (2, "")
    assert (tmp_path / "input").read_text() == "mine"


@pytest.mark.parametrize(
    "command",
    [
        ("eval", "report", "run", "-o", "run/predictions.jsonl"),
        ("eval", "report", "run", "--into", "run/samples.jsonl"),
        ("eval", "calibration", "run", "--plot", "run/run.json"),
        ("assess", "--text", "hi", "--model", "scripted:input.md", "-o", "input.md"),
        ("calibrate", "--labels", "input.md", "--plot", "input.md"),
        ("check", "input.md", "-o", "x.md", "--junit", "x.md"),
        ("report", "-o", "x.md", "-o", "./x.md"),
    ],
)
def test_a_run_and_a_file_named_in_any_option_are_not_replaced(cli, call, tmp_path, command):
    (tmp_path / "input.md").write_text("mine")
    before = {path: path.read_bytes() for path in (*tmp_path.glob("run/*"), tmp_path / "input.md")}
    result = cli(*command)
    assert (result.code, result.out) == (2, "")
    assert "name another file" in result.err.splitlines()[-1]
    assert {path: path.read_bytes() for path in (*tmp_path.glob("run/*"), tmp_path / "input.md")} == before
