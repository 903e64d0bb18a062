"""Seconds a message of mode `read`: this engine beside a plain llama-cpp-python loop with the same prompt and schema.

    python eval/bench/assess.py [--messages 20]

Both use the default model with all cores. The loop is what the documentation of llama-cpp-python suggests: one
`create_chat_completion` a message with a JSON schema; it too reuses the common prefix of consecutive prompts.
"""

import argparse
import json
import time

from plain import open_plain

from churn_agent.context import box
from churn_agent.demo.simulator import simulate
from churn_agent.elicitation.read import answer_schema
from churn_agent.models import weights
from churn_agent.models.base import GenerateRequest, Message
from churn_agent.models.gguf.tuning import physical_cores
from churn_agent.models.opening import open_model
from churn_agent.prompts import fill, load_prompt, load_taxonomy
from churn_agent.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20)
    wanted = parser.parse_args().messages

    settings = Settings.load()
    prompt, taxonomy = load_prompt("read"), load_taxonomy()
    schema = answer_schema(taxonomy, think=prompt.think)
    shared = prompt.shared({"company": "Acme", "domain": "", "signals": taxonomy.listing})
    texts = [e.text for customer in simulate("telecom", 300, seed=1) for e in customer.events if e.direction][:wanted]
    turns = [fill(prompt.user, {"company": "Acme", "message": f'"{box(text)}"'}) for text in texts]

    model = open_model(settings)
    requests = [
        GenerateRequest(str(i), shared, (Message("user", turn),), schema, prompt.max_tokens)
        for i, turn in enumerate(turns)
    ]
    list(model.generate(requests[:1]))  # both sides start with the prefix evaluated
    started = time.perf_counter()
    ours = list(model.generate(requests))
    our_seconds = time.perf_counter() - started
    model.close()

    threads = settings.threads or physical_cores()
    path = weights.find(settings.model, settings.models_dir)
    plain = open_plain(path, context_tokens=settings.context_tokens, threads=threads)

    def loop(turn: str) -> int:
        answer = plain.create_chat_completion(
            [{"role": m.role, "content": m.content} for m in (*shared, Message("user", turn))],
            response_format={"type": "json_object", "schema": schema},
            max_tokens=prompt.max_tokens,
            temperature=0.0,
        )
        return answer["usage"]["completion_tokens"]

    loop(turns[0])
    started = time.perf_counter()
    their_tokens = sum(loop(turn) for turn in turns)
    their_seconds = time.perf_counter() - started

    n = len(turns)
    result = {
        "messages": n,
        "churn_agent": {
            "seconds_a_message": round(our_seconds / n, 3),
            "output_tokens": sum(each.usage.output_tokens for each in ours),
            "valid": sum(each.finish_reason == "stop" for each in ours),
        },
        "plain_loop": {"seconds_a_message": round(their_seconds / n, 3), "output_tokens": their_tokens},
        "times_faster": round(their_seconds / our_seconds, 2),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
