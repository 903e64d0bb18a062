"""The peer `server`: llama.cpp's own server with four slots, asked over HTTP by four threads of the OpenAI client.

The server is that of xllamacpp, whose wheels need no compiler. For Linux and Windows they are built without native
instructions: AVX2 at most, whatever the processor has. So they have no AMX either, and repacked weights, which
plain.py must do without, stay on by default. Its grammar leaves white space free: answers come in indented lines, and
cost more tokens.
"""

from typing import Any

import xllamacpp
from openai import OpenAI
from serving import Answering, serve

_SLOTS = 4


def open_model(path: str, threads: int, context_tokens: int) -> Answering:
    """Starts the server; continuous batching and the prompt cache are on by default."""
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_parallel = _SLOTS
    params.n_ctx = _SLOTS * context_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.verbosity = 1  # errors
    server = xllamacpp.Server(params)
    client = OpenAI(base_url=f"{server.listening_address}/v1", api_key="none", max_retries=0, timeout=3600)

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        completion = client.chat.completions.create(
            model="default",
            messages=request["messages"],
            response_format={"type": "json_schema", "json_schema": {"name": "answer", "schema": request["schema"]}},
            max_tokens=request["max_tokens"],
            temperature=0.0,
        )
        used = completion.usage
        return {
            "id": request["id"],
            "text": completion.choices[0].message.content,
            "prompt_tokens": used.prompt_tokens - used.prompt_tokens_details.cached_tokens,
            "output_tokens": used.completion_tokens,
            "finished": completion.choices[0].finish_reason == "stop",
        }

    answer.server = server  # type: ignore[attr-defined]  # which would end with this function
    return answer


if __name__ == "__main__":
    serve(open_model, at_once=_SLOTS)
