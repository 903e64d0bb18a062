"""Folders that would run code of their own: nothing runs, and one line comes."""

import json
import pickle
from pathlib import Path

import pytest

from churn_agent.errors import BadWeights
from churn_agent.index.embedder import Embedder
from churn_agent.learning import encoder
from churn_agent.models.folder_safety import check_folder

TRANSFORMER = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}
POOLING = {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}
CLASSES = """
from pathlib import Path
Path({marker!r}).touch()
class Evil:
    @classmethod
    def load(cls, *arguments, **options): return cls()
"""


class Evil:
    """Touches a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "ran"


@pytest.fixture
def folder(tmp_path):
    """What a harmless embedder looks like from outside."""
    path = tmp_path / "embedder"
    (path / "1_Pooling").mkdir(parents=True)
    write(path / "modules.json", [TRANSFORMER, POOLING])
    write(path / "config.json", {"model_type": "bert", "architectures": ["BertModel"]})
    write(path / "sentence_bert_config.json", {"max_seq_length": 256})
    write(path / "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    (path / "model.safetensors").write_bytes(b"")
    return path


def write(path, document):
    path.write_text(json.dumps(document))


def custom_module(folder, marker):
    (folder / "custom_st.py").write_text(CLASSES.format(marker=str(marker)))
    write(folder / "modules.json", [{**TRANSFORMER, "type": "custom_st.Evil"}])


def installed_module(folder, marker):
    write(folder / "modules.json", [TRANSFORMER, {**POOLING, "type": "subprocess.Popen"}])


def other_module_of_the_library(folder, marker):
    write(folder / "modules.json", [{**TRANSFORMER, "type": "sentence_transformers.util.import_from_string"}])


def module_elsewhere(folder, marker):
    write(folder / "modules.json", [TRANSFORMER, {**POOLING, "path": "../elsewhere"}])


def custom_model(folder, marker):
    (folder / "modeling_evil.txt").write_text(CLASSES.format(marker=str(marker)))
    write(folder / "config.json", {"model_type": "evil", "auto_map": {"AutoModel": "modeling_evil.Evil"}})


def custom_tokenizer(folder, marker):
    write(folder / "tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["elsewhere--tokenizing.Evil", None]}})


def trusting_itself(folder, marker):
    write(folder / "sentence_bert_config.json", {"model_args": {"trust_remote_code": True}})


def code_beside(folder, marker):
    (folder / "modeling_bert.py").write_text(CLASSES.format(marker=str(marker)))


def pickled_weights(folder, marker):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(marker)))


def pickled_weights_of_a_module(folder, marker):
    (folder / "2_Dense").mkdir()
    write(folder / "modules.json", [TRANSFORMER, {**TRANSFORMER, "path": "2_Dense", "type": POOLING["type"]}])
    (folder / "2_Dense/pytorch_model.bin").write_bytes(pickle.dumps(Evil(marker)))


def foreign_activation(folder, marker):
    write(folder / "1_Pooling/config.json", {"activation_function": "custom_st.Evil"})


def adapter(folder, marker):
    write(folder / "adapter_config.json", {"base_model_name_or_path": "/elsewhere"})


def broken_modules(folder, marker):
    (folder / "modules.json").write_text("[" * 100_000)


def modules_of_another_form(folder, marker):
    write(folder / "modules.json", {"0": TRANSFORMER})


def module_without_a_type(folder, marker):
    write(folder / "modules.json", ["Transformer"])


PLANTED = [
    custom_module,
    installed_module,
    other_module_of_the_library,
    module_elsewhere,
    custom_model,
    custom_tokenizer,
    trusting_itself,
    code_beside,
    pickled_weights,
    pickled_weights_of_a_module,
    foreign_activation,
    adapter,
    broken_modules,
    modules_of_another_form,
    module_without_a_type,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_folder_that_could_run_code_is_refused_before_it_is_loaded(folder, marker, plant):
    plant(folder, marker)
    with pytest.raises(BadWeights, match=r"the model folder is not loaded because of '.*': [^\n]*$"):
        _ = Embedder.open(str(folder), folder.parent).dimension
    with pytest.raises(BadWeights, match="is not loaded because of"):
        encoder._load(folder)
    assert not marker.exists()


def test_a_command_says_it_in_one_line(cli, folder, marker, monkeypatch, tmp_path):
    from tests.conftest import write_csv

    cli("ingest", write_csv(tmp_path / "a.csv", "c-1,2026-02-20,chat,I will leave."))
    custom_module(folder, marker)
    monkeypatch.setenv("CHURN_AGENT_EMBEDDER", str(folder))
    result = cli("index")
    assert result.code == 4
    assert "the module 'custom_st.Evil' is not one of sentence-transformers" in result.err.splitlines()[-1]
    assert "Traceback" not in result.err
    assert not marker.exists()


@pytest.mark.parametrize(
    "kind",
    [
        "sentence_transformers.models.Normalize",
        "sentence_transformers.base.modules.transformer.Transformer",
        "sentence_transformers.sentence_transformer.modules.Pooling",
        "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    ],
)
def test_the_modules_of_text_embedders_pass_by_all_their_names(folder, kind):
    write(folder / "modules.json", [TRANSFORMER, {**POOLING, "type": kind}])
    (folder / "pytorch_model.bin").write_bytes(b"never read beside safetensors")
    write(folder / "tokenizer.json", {"model": {"vocab": {"auto_map": 1}}})
    check_folder(folder)


def test_a_plain_transformers_folder_passes(folder):
    (folder / "modules.json").unlink()
    check_folder(folder)


def test_the_default_embedder_passes(embedder_folder):
    check_folder(embedder_folder)
