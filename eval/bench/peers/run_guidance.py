"""The peer `guidance`: its llama.cpp model and `guidance.json`.

guidance writes chats by templates of its own and takes ChatML for every model whose template it does not know, which
is right for the default model. Its `max_tokens` counts sampled tokens, not those that the schema forces.
"""

import json
from functools import lru_cache
from typing import Any

import guidance
import llama_cpp
from guidance import assistant, models, system, user
from plain import open_plain
from serving import Answering, is_json, serve

_ROLES = {"system": system, "user": user, "assistant": assistant}


def open_model(path: str, threads: int, context_tokens: int) -> Answering:
    """As in the documentation of guidance; `echo` and monitoring, which serve notebooks, are off."""
    llama = open_plain(path, context_tokens=context_tokens, threads=threads)
    start = models.LlamaCpp(llama, echo=False, enable_monitoring=False)

    # A model object is a state that others can go on from. Begun anew for each request, it would evaluate the shared
    # messages each time: guidance cuts its cache back to every piece that it reads.
    @lru_cache(maxsize=1)
    def begun(messages: str) -> Any:
        return _read(start, json.loads(messages))

    def evaluated() -> int:
        counts = llama_cpp.llama_perf_context(llama.ctx)
        return counts.n_p_eval + counts.n_eval

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        before = evaluated()
        *shared, last = request["messages"]
        state = _read(begun(json.dumps(shared)), [last])
        with assistant():
            state += guidance.json(
                name="answer", schema=request["schema"], temperature=0.0, max_tokens=request["max_tokens"]
            )
        text = state["answer"]
        output_tokens = len(llama.tokenize(text.encode(), add_bos=False))
        return {
            "id": request["id"],
            "text": text,
            "prompt_tokens": evaluated() - before - output_tokens,
            "output_tokens": output_tokens,
            "finished": is_json(text),
        }

    return answer


def _read(state: Any, messages: list[dict[str, str]]) -> Any:
    for message in messages:
        with _ROLES[message["role"]]():
            state += message["content"]
    return state


if __name__ == "__main__":
    serve(open_model)
