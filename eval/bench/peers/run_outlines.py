"""The peer `outlines`: its llama.cpp model and its default back-end for JSON schemas.

Its other back-end that knows llama.cpp, `llguidance`, leaves white space free, where small models under greedy
decoding can write spaces until `max_tokens`. The default builds an index for each schema, which takes many seconds and
2.5 GB where strings have a `maxLength`; those of the last two schemas are kept.
"""

import json
from functools import lru_cache
from typing import Any

import outlines
from outlines.inputs import Chat
from outlines.types import JsonSchema
from plain import open_plain
from serving import Answering, serve


def open_model(path: str, threads: int, context_tokens: int) -> Answering:
    """As in the documentation of outlines, with the tokens noted that it does not pass on."""
    llama = open_plain(path, context_tokens=context_tokens, threads=threads)
    complete = llama.create_chat_completion
    completions: list[Any] = []

    def noting(*args: Any, **options: Any) -> Any:
        completions.append(complete(*args, **options))
        return completions[-1]

    llama.create_chat_completion = noting  # type: ignore[method-assign]
    model = outlines.from_llamacpp(llama)

    @lru_cache(maxsize=2)
    def generator(schema: str) -> Any:
        return outlines.Generator(model, JsonSchema(schema))

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        ask = generator(json.dumps(request["schema"]))
        text = ask(Chat(request["messages"]), max_tokens=request["max_tokens"], temperature=0.0)
        completion = completions.pop()
        return {
            "id": request["id"],
            "text": text,
            "prompt_tokens": completion["usage"]["prompt_tokens"],  # all: outlines resets the model after each answer
            "output_tokens": completion["usage"]["completion_tokens"],
            "finished": completion["choices"][0]["finish_reason"] == "stop",
        }

    return answer


if __name__ == "__main__":
    serve(open_model)
