import struct
import subprocess
import sys
from importlib.metadata import version

import pytest

from churn_agent.models.base import GenerateRequest, Message
from churn_agent.models.xllamacpp import to_arguments, to_log_probabilities, to_output, to_reason
from churn_agent.settings import Settings
from tests.conftest import find_language_model

WITHOUT = """
import sys
for name in {missing!r}:
    sys.modules[name] = None
from churn_agent.cli.main import main
main()
"""


def run(missing, *arguments, store):
    code = WITHOUT.format(missing=missing)
    command = [sys.executable, "-c", code, "--store", str(store), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_request_is_translated():
    request = GenerateRequest("1", (), (Message("user", "hi"),), {"type": "object"}, 40, seed=3)
    arguments = to_arguments(request, [1, 2])
    assert (arguments["prompt"], arguments["n_predict"], arguments["seed"]) == ([1, 2], 40, 3)
    assert arguments["json_schema"] == {"type": "object"}


@pytest.mark.parametrize(("stop_type", "finish"), [("eos", "stop"), ("limit", "length")])
def test_an_answer_is_translated(stop_type, finish):
    answer = {"content": "{}", "stop_type": stop_type, "tokens_evaluated": 9, "tokens_predicted": 2}
    output = to_output("1", answer)
    assert (output.id, output.text, output.finish_reason) == ("1", "{}", finish)
    assert (output.usage.prompt_tokens, output.usage.output_tokens) == (9, 2)


def test_probabilities_are_read_off_the_first_token():
    top = [{"id": 5, "logprob": -0.1}, {"id": 6, "logprob": -2.5}]
    answer = {"completion_probabilities": [{"id": 5, "logprob": -0.1, "top_logprobs": top}]}
    assert to_log_probabilities(answer) == {5: -0.1, 6: -2.5}


def test_a_context_that_is_exceeded_says_what_to_do():
    assert "CHURN_AGENT_EVIDENCE_TOKENS" in to_reason("request (9 tokens) exceeds the available context size")
    assert "nonsense" in to_reason("nonsense")


@pytest.mark.slow
def test_without_the_engine_everything_else_works(tmp_path):
    (tmp_path / "rows.csv").write_text(
        "customer_id,timestamp,direction,text\nc1,2026-01-01,inbound,hello there\n", encoding="utf-8"
    )
    assert run(["llama_cpp"], "ingest", str(tmp_path / "rows.csv"), store=tmp_path / "s").returncode == 0
    assert run(["llama_cpp"], "show", "c1", store=tmp_path / "s").returncode == 0


@pytest.fixture
def weights(tmp_path):
    """A file that looks like a model from outside."""
    path = tmp_path / "small.gguf"
    path.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 1, 0) + bytes(100))
    return path


def assess(missing, model, *, store):
    return run(missing, "assess", "--text", "hello", "--model", str(model), store=store)


@pytest.mark.parametrize("missing", ["llama_cpp", "llguidance"])
def test_without_the_compiled_engine_the_other_one_runs_and_says_so(weights, tmp_path, missing):
    done = assess([missing], weights, store=tmp_path / "s")
    assert f"{missing} is not installed: the model runs on xllamacpp, which is slower" in done.stderr
    assert "cannot be loaded by xllamacpp" in done.stderr  # it was given the file, which only looks like a model
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_without_any_engine_one_line_names_both_installs(weights, tmp_path):
    done = assess(["llama_cpp", "xllamacpp"], weights, store=tmp_path / "s")
    assert done.returncode == 4
    [line] = [line for line in done.stderr.splitlines() if line.startswith("churn-agent: ")]
    assert "'churn-agent[llama-cpp]'" in line
    assert "'churn-agent[xllamacpp]'" in line
    assert "Traceback" not in done.stderr


def test_an_engine_whose_library_cannot_be_loaded_counts_as_missing(weights, tmp_path):
    broken = tmp_path / "llama_cpp"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('Failed to load shared library')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})" + WITHOUT.format(missing=["xllamacpp"])
    command = [sys.executable, "-c", code, "--store", str(tmp_path / "s"), "assess", "--text", "x", "--model", weights]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "cannot be loaded (Failed to load shared library); run: pip install" in done.stderr
    assert "Traceback" not in done.stderr


def test_tuning_needs_the_compiled_engine_and_says_so(weights, tmp_path):
    done = run(["llama_cpp"], "models", "tune", str(weights), store=tmp_path / "s")
    assert done.returncode == 4
    assert "llama_cpp is not installed; run: pip install" in done.stderr
    assert "Traceback" not in done.stderr


FINGERPRINT = """
import sys
sys.modules["llama_cpp"] = None
from churn_agent.models.opening import open_model
from churn_agent.settings import Settings
model = open_model(Settings.load())
print(model.info.id, model.info.fingerprint)
model.close()
"""


@pytest.mark.model
def test_answers_of_the_other_engine_are_kept_apart():
    find_language_model()
    done = subprocess.run([sys.executable, "-c", FINGERPRINT], capture_output=True, text=True, check=True)
    id_, fingerprint = done.stdout.strip().split(" ", 1)
    assert id_ == f"xllamacpp:{Settings.load().model}"
    assert f"xllamacpp {version('xllamacpp')}" in fingerprint


def test_a_missing_xllamacpp_says_how_to_get_it(weights, tmp_path):
    missing = ["llama_cpp", "xllamacpp"]
    done = run(missing, "assess", "--text", "hello", "--model", f"xllamacpp:{weights}", store=tmp_path / "s")
    assert done.returncode == 4
    assert "churn-agent[xllamacpp]" in done.stderr
