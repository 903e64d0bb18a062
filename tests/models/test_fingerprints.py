"""What changes the answers of a local back-end is in its fingerprint, and what does not is not. (An API's is tested
beside it.)"""

import os
import sys
from types import SimpleNamespace

import pytest

from churn_agent.models import xllamacpp
from churn_agent.models.gguf import model as gguf
from churn_agent.models.gguf.tuning import Tuning
from churn_agent.models.scripted import ScriptedModel


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A file that no back-end looks into."""
    for module in (gguf, xllamacpp):
        monkeypatch.setattr(module, "check_header", lambda _: None)
        monkeypatch.setattr(module, "version", lambda package: f"{package} 1")
    monkeypatch.setattr(gguf, "load", lambda *_, **__: None)
    monkeypatch.setattr(gguf, "Vocabulary", lambda _: None)
    monkeypatch.setattr(gguf, "llama_cpp", SimpleNamespace(__version__="1", llama_model_n_ctx_train=lambda _: 0))
    monkeypatch.setitem(sys.modules, "xllamacpp", SimpleNamespace())
    server = SimpleNamespace(listening_address="http://127.0.0.1:1")
    monkeypatch.setattr(xllamacpp, "_serve", lambda *_: server)
    file = tmp_path / "m.gguf"
    file.write_text("weights")
    return file


def of_gguf(path, **options):
    return gguf.GGUFModel(path, **{"model_id": "m", "sha256": "abc"} | options).info


def of_xllamacpp(path, **options):
    return xllamacpp.XllamacppModel(path, **{"model_id": "m", "sha256": "abc"} | options).info


BACK_ENDS = pytest.mark.parametrize("of", [of_gguf, of_xllamacpp])


@BACK_ENDS
@pytest.mark.parametrize("option", [{"sha256": "def"}, {"sha256": None}, {"gpu_layers": 8}, {"gpu_layers": -1}])
def test_other_weights_and_layers_on_a_gpu_make_another_one(path, of, option):
    assert of(path, **option).fingerprint != of(path).fingerprint


@BACK_ENDS
@pytest.mark.parametrize("option", [{"model_id": "another name"}, {"context_tokens": 512}])
def test_a_name_and_room_for_tokens_change_no_answer(path, of, option):
    assert of(path, **option).fingerprint == of(path).fingerprint


@BACK_ENDS
def test_a_file_without_a_hash_is_another_one_once_it_changes(path, of):
    before = of(path, sha256=None).fingerprint
    assert of(path, sha256=None).fingerprint == before
    os.utime(path, ns=(1, 1))
    assert of(path, sha256=None).fingerprint != before


@BACK_ENDS
def test_another_version_of_the_runtime_makes_another_one(path, of, monkeypatch):
    before = of(path).fingerprint
    monkeypatch.setattr(gguf.llama_cpp, "__version__", "2")
    monkeypatch.setattr(xllamacpp, "version", lambda package: f"{package} 2")
    assert of(path).fingerprint != before


def test_what_keeps_written_answers_to_their_schema_is_told_apart_from_the_rest(path, monkeypatch):
    before = of_gguf(path)
    monkeypatch.setattr(gguf, "version", lambda package: f"{package} 2")
    assert of_gguf(path).fingerprint == before.fingerprint
    assert of_gguf(path).grammar != before.grammar


def test_threads_and_micro_batches_change_no_answer_and_attention_does(path):
    plain = of_gguf(path, tuning=Tuning(threads=1)).fingerprint
    assert of_gguf(path, tuning=Tuning(threads=2, micro_batch=64, parallel=2)).fingerprint == plain
    assert of_gguf(path, tuning=Tuning(threads=1, flash_attention=False)).fingerprint != plain


def test_a_script_is_known_by_all_that_it_says():
    def of(script):
        return ScriptedModel(script).info.fingerprint

    assert of({"generate": [{"answer": 1}]}) == of({"generate": [{"answer": 1}], "score": []})
    assert len({of(None), of({"generate": [{"answer": 1}]}), of({"generate": [{"answer": "1"}]})}) == 3
