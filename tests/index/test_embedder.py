"""A folder of an embedder that is damaged in any way is one line, whichever library notices."""

import shutil

import pytest

from churn_agent.errors import BadWeights, ModelUnavailable
from churn_agent.index.embedder import Embedder
from churn_agent.learning.encoder import _load

pytestmark = pytest.mark.slow  # torch and transformers are loaded

LETTERS = "abcdefghijklmnopqrstuvwxyz"
HALF = object()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A tiny embedder with made-up weights."""
    from sentence_transformers import SentenceTransformer, models
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("embedder")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(pieces))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = BertConfig(vocab_size=len(pieces), max_position_embeddings=128, **sizes)
    BertModel(config).save_pretrained(folder / "bert")
    modules = [models.Transformer(str(folder / "bert"), max_seq_length=64), models.Pooling(8)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "whole"))
    return folder / "whole"


def encode(folder):
    return Embedder(folder, embedder_id="tiny", revision="1").encode(["hello", "hello " * 40])


def damaged(whole, folder, name, content):
    shutil.copytree(whole, folder)
    if content is None:
        (folder / name).unlink()
    elif content is HALF:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    else:
        (folder / name).write_bytes(content)
    return folder


def test_a_whole_folder_gives_unit_vectors(whole):
    short, long = encode(whole)
    assert short.shape == (1, 8)
    assert len(long) > 1
    assert (long**2).sum(axis=1) == pytest.approx(1)


DAMAGES = [
    ("model.safetensors", HALF),
    ("model.safetensors", b""),
    ("model.safetensors", None),
    ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n"),
    ("config.json", None),
    ("config.json", HALF),
    ("config.json", b"[" * 100_000),
    ("config.json", b"5"),
    ("modules.json", HALF),
    ("modules.json", b"{}"),
    ("modules.json", b"[" * 100_000),
    ("1_Pooling/config.json", None),
    ("1_Pooling/config.json", b"[]"),
    ("sentence_bert_config.json", b"\x00\xff"),
    ("tokenizer.json", None),
    ("tokenizer.json", HALF),
    ("tokenizer.json", b"{}"),
    ("tokenizer_config.json", b"[]"),
]


@pytest.mark.parametrize(("name", "content"), DAMAGES)
def test_a_damaged_folder_is_one_line(whole, tmp_path, name, content):
    folder = damaged(whole, tmp_path / "damaged", name, content)
    with pytest.raises((BadWeights, ModelUnavailable)) as caught:
        encode(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_says_it_in_one_line(whole, tmp_path, cli, monkeypatch):
    folder = damaged(whole, tmp_path / "damaged", "model.safetensors", HALF)
    (tmp_path / "a.csv").write_text("customer_id,timestamp,channel,text\nc,2026-02-01,chat,hello\n")
    assert cli("ingest", tmp_path / "a.csv", "--unknown-is", "customer").code == 0
    monkeypatch.setenv("CHURN_AGENT_EMBEDDER", str(folder))
    result = cli("index")
    assert result.code == 4
    [line] = [line for line in result.err.splitlines() if line.startswith("churn-agent:")]
    assert "cannot load the embedder" in line


@pytest.mark.parametrize("content", [HALF, b"", None])
def test_a_damaged_encoder_is_the_same_error(whole, tmp_path, content):
    with pytest.raises((BadWeights, ModelUnavailable)):
        _load(damaged(whole, tmp_path / "damaged", "model.safetensors", content))
