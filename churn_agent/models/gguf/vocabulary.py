"""Turns chats into tokens and back, with the vocabulary and the template of one loaded model.

Only the template may write control tokens: it is rendered around placeholders, and people's words are tokenized
separately with control tokens switched off, so `<|im_end|>` in a message stays ten characters of text. The template
itself is never executed: llama.cpp recognises the common ones and renders them in C++.
"""

import ctypes
import secrets
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from churn_agent.errors import ModelUnavailable
from churn_agent.models.base import Message
from churn_agent.models.gguf.native import llama_cpp


class Vocabulary:
    """Tokenizer and chat template of a model."""

    def __init__(self, model: Any) -> None:
        self._vocab = llama_cpp.llama_model_get_vocab(model)
        self._template: bytes | None = llama_cpp.llama_model_chat_template(model, None)
        self.size: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        bos = llama_cpp.llama_vocab_bos(self._vocab)
        self.prefix: list[int] = [bos] if llama_cpp.llama_vocab_get_add_bos(self._vocab) else []

    @property
    def pointer(self) -> Any:
        """llama.cpp's pointer to the vocabulary."""
        return self._vocab

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        """Tokens of a text. Control tokens in it are recognised only if `special`."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (llama_cpp.llama_token * room)()
        n = llama_cpp.llama_tokenize(self._vocab, data, len(data), tokens, room, False, special)
        return list(tokens[:n])

    def is_end(self, token: int) -> bool:
        """Whether a token ends an answer."""
        return llama_cpp.llama_vocab_is_eog(self._vocab, token)

    def _render(self, messages: Sequence[Message]) -> str:
        chat = (llama_cpp.llama_chat_message * len(messages))(
            *(llama_cpp.llama_chat_message(m.role.encode(), m.content.encode()) for m in messages)
        )
        room = sum(len(m.content) + 200 for m in messages)
        buffer = ctypes.create_string_buffer(room)
        n = llama_cpp.llama_chat_apply_template(self._template, chat, len(messages), True, buffer, room)
        if n < 0 or n > room:
            raise ModelUnavailable("llama.cpp does not know the model's chat template; use an instruct model")
        return buffer.raw[:n].decode()

    def chat_tokens(self, messages: Sequence[Sequence[str] | Message]) -> list[list[int]]:
        """Tokens of a chat up to the start of the assistant's answer, in pieces between which a caller can fork.

        Args:
            messages: each is `(role, part, part, ...)`; the parts are joined in the chat.

        Returns:
            Lists of tokens: the template's text before the first part, the part, the text before the next part, and so
            on. The last list is the text after all parts.
        """
        marks: list[str] = []
        texts: list[str] = []
        turns: list[Message] = []
        for role, *parts in messages:
            here = [f"@{secrets.token_hex(12)}@" for _ in parts]
            marks += here
            texts += parts
            turns.append(Message(role, "".join(here)))  # type: ignore[arg-type]
        rendered = self._render(turns)
        starts = [rendered.index(mark) for mark in marks]
        edges = [0, *(start + len(mark) for start, mark in zip(starts, marks, strict=True))]
        pieces = [
            piece
            for begin, start, text in zip(edges, starts, texts, strict=False)
            for piece in (self.tokenize(rendered[begin:start], special=True), self.tokenize(text))
        ]
        pieces[0] = self.prefix + pieces[0]
        if any(later < earlier for earlier, later in pairwise(starts)):
            raise ModelUnavailable("the model's chat template reorders messages; use another model")
        return [*pieces, self.tokenize(rendered[edges[-1] :], special=True)]


def first_own_piece(shared: Sequence[Message]) -> int:
    """Index of the first piece of a chat that is neither from the template nor shared. The prefix ends before it."""
    return 2 * len(shared) + 1


def joined(pieces: Sequence[Sequence[int]]) -> list[int]:
    """Concatenates lists of tokens."""
    return [token for piece in pieces for token in piece]
