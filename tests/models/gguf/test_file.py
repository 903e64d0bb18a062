import struct

import pytest

from churn_agent.errors import BadWeights, ModelUnavailable, WeightsMissing
from churn_agent.models.gguf import engine
from churn_agent.models.gguf.file import check_header, probe

FILES = [
    "array_bad_type",
    "big_endian_magic",
    "huge_string",
    "huge_tensor_count",
    "lfs_pointer",
    "magic_only",
    "unknown_arch",
    "wrong_magic",
]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_model_is_one_error_and_no_crash(data, name):
    path = data / "adversarial" / "bad_gguf" / f"{name}.gguf"

    with pytest.raises(BadWeights) as caught:
        probe(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has 0 bytes"),
        (b"GGML" + bytes(40), "starts with b'GGML'"),
        (b"FUGG" + bytes(40), "big-endian"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (struct.pack("<4sIQQ", b"GGUF", 9, 1, 1) + bytes(99), "version 9"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 10**9, 1) + bytes(99), "do not fit"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 0, 0) + bytes(99), "0 tensors"),
    ],
)
def test_the_header_tells_what_is_wrong(tmp_path, content, said):
    path = tmp_path / "some.gguf"
    path.write_bytes(content)
    with pytest.raises(BadWeights, match=said.replace("(", r"\(")):
        check_header(path)


def test_a_file_that_passes_the_header_but_not_the_library_is_an_error(tmp_path):
    path = tmp_path / "some.gguf"
    path.write_bytes(struct.pack("<4sIQQ", b"GGUF", 3, 1, 1) + bytes(200))
    with pytest.raises(BadWeights, match="cannot be loaded"):
        probe(path)


def test_no_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(WeightsMissing, match="cannot read"):
        check_header(tmp_path / "none.gguf")


def test_a_gpu_that_is_asked_for_and_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(engine.llama_cpp, "llama_supports_gpu_offload", lambda: False)

    with pytest.raises(ModelUnavailable, match="CHURN_AGENT_GPU_LAYERS is -1"):
        engine.load(tmp_path / "model.gguf", gpu_layers=-1)
