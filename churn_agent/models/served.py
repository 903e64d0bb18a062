"""Identifies the model behind an OpenAI-compatible address, as far as the server reports it.

On a self-hosted server, a model's name says little: llama.cpp accepts any name and answers with whatever it has loaded.
The server's list of models is therefore requested once, and also the properties if it is llama.cpp (recognised by its
`Server` header). Both are free. OpenAI itself is not asked: its names identify its models. Its `system_fingerprint`
comes with answers, too late to look them up, and changes with the machine that answers. If a server reports only names
(Ollama, LM Studio), a change of weights behind a name cannot be detected.

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
    """The address of a server: scheme, host (in lower case), port and path, without user, password and query."""
    url = urlsplit(str(client.base_url))  # scheme and host are in lower case here
    host = url.netloc.rpartition("@")[2].removesuffix(_USUAL_PORTS.get(url.scheme, ""))
    return f"{url.scheme}://{host}{url.path.rstrip('/')}"


def fingerprint(client: openai.OpenAI, name: str, send: Callable[[Callable[[], Any]], Any]) -> str:
    """Everything besides the request that answers depend on: address, model name, and the server's report about it.

    For OpenAI's own address the format never changes, so that answers paid for there remain valid.

    Args:
        client: connected to the server.
        name: the name of the model in requests.
        send: sends a request, with retries.

    Raises:
        ModelTimeout: the server does not answer. (A server that rejects the request counts as reporting nothing.)
    """
    where = address(client)
    if where == OPENAI:
        return f"openai api.openai.com {name}"
    try:
        report = _report(client, name, send)
    except ModelTimeout:
        raise
    except (ModelCallError, ValidationError):
        report = []
    text = "\n".join(part.model_dump_json(exclude_none=True) for part in report)
    return f"openai {where} {name} {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _report(client: openai.OpenAI, name: str, send: Callable[[Callable[[], Any]], Any]) -> list[BaseModel]:
    answer = send(client.models.with_raw_response.list)
    listed = _Listing.model_validate_json(answer.content).data
    report: list[BaseModel] = [entry for entry in listed if entry.id == name or len(listed) == 1]
    if answer.headers.get("server", "").casefold() == "llama.cpp":
        base = urlsplit(str(client.base_url))
        path = f"{base.path.rstrip('/').removesuffix('/v1')}/props"  # beside the API, not below it
        url = base._replace(path=path, query="").geturl()
        report.append(_Properties.model_validate_json(send(lambda: client.get(url, cast_to=bytes))))
    return report
