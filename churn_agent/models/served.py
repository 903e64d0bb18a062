"""What stands behind an OpenAI-compatible address, as far as the server tells.

The name of a model says little on one's own machine: llama.cpp answers to any name with whatever it has loaded. So its
list of models is asked for once, and llama.cpp (known by its `Server` header) for its properties too; both cost
nothing. OpenAI itself is not asked: its names stand for its models, and its `system_fingerprint` comes with answers,
which is too late for looking them up, and changes with the machine that gives them. A server that tells no more than
names (Ollama, LM Studio) can put other weights behind one without anybody noticing.

Properties: https://github.com/ggml-org/llama.cpp/tree/master/tools/server#get-props-get-server-global-properties
"""

import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import openai
from pydantic import BaseModel, ValidationError

from churn_agent.errors import ModelCallError, ModelTimeout

OPENAI = "https://api.openai.com/v1"
_USUAL_PORTS = {"http": ":80", "https": ":443"}


class _Meta(BaseModel):
    n_params: int | None = None
    size: int | None = None


class _Listed(BaseModel):
    id: str
    root: str | None = None
    meta: _Meta | None = None


class _Listing(BaseModel):
    data: list[_Listed]


class _Properties(BaseModel):
    build_info: str | None = None
    model_path: str | None = None
    chat_template: str | None = None


def address(client: openai.OpenAI) -> str:
    """Where a server is: scheme, host (in lower case), port and path, but neither user nor password nor query."""
    url = urlsplit(str(client.base_url))  # scheme and host are in lower case here
    host = url.netloc.rpartition("@")[2].removesuffix(_USUAL_PORTS.get(url.scheme, ""))
    return f"{url.scheme}://{host}{url.path.rstrip('/')}"


def fingerprint(client: openai.OpenAI, name: str, send: Callable[[Callable[[], Any]], Any]) -> str:
    """What answers depend on besides the request: the address, the model's name, and what the server tells of it.

    For OpenAI's own address it is as in earlier versions, so that answers paid there stay known.

    Args:
        name: of the model, as requests have it.
        send: sends a request, with retries.

    Raises:
        ModelTimeout: the server does not answer. (One that refuses the question tells nothing.)
    """
    where = address(client)
    if where == OPENAI:
        return f"openai api.openai.com {name}"
    try:
        told = _told(client, name, send)
    except ModelTimeout:
        raise
    except (ModelCallError, ValidationError):
        told = []
    whole = "\n".join(each.model_dump_json(exclude_none=True) for each in told)
    return f"openai {where} {name} {hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def _told(client: openai.OpenAI, name: str, send: Callable[[Callable[[], Any]], Any]) -> list[BaseModel]:
    answer = send(client.models.with_raw_response.list)
    listed = _Listing.model_validate_json(answer.content).data
    told: list[BaseModel] = [each for each in listed if each.id == name or len(listed) == 1]
    if answer.headers.get("server", "").casefold() == "llama.cpp":
        base = urlsplit(str(client.base_url))
        path = f"{base.path.rstrip('/').removesuffix('/v1')}/props"  # beside the API, not below it
        url = base._replace(path=path, query="").geturl()
        told.append(_Properties.model_validate_json(send(lambda: client.get(url, cast_to=bytes))))
    return told
