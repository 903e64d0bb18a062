"""Customers a minute: the engine beside what else gives JSON from the same GGUF, in one run.

    python eval/bench/inference.py [--customers 15] [--json FILE] [--plot FILE] [--ways ...] [FOLDER ...]

Customers come from the synthetic book and from the folders given (else from `dev_chat` in the folder that
CHURN_AGENT_TEST_DATA names). After a warm-up, groups of fifteen are done in turns by each way:

* `plain`: `create_chat_completion` of llama-cpp-python with a JSON schema, one customer after the other, on the prompts
  of mode `explain`;
* `outlines`, `guidance`, `server`: the same prompts and schemas by others (`peers/`), each in its own process;
* `explain`: ours on the very same requests;
* `default`: `assess` as it is by default, nothing paid before;
* `cascade`: all screened, the tenth on top assessed, nothing paid before;
* `second_run`: `default` again with one new message a customer, the rest answered from the store.

Then equal quality and the limits. Label scores of the same packs beside those of the plain way. `bound_share`: the time
that the tokens of `explain` need at the least, prompts at the rate of bare `llama_decode` on full micro-batches and
answers at what the bandwidth of memory allows, as a share of the time that was taken. `bare_share`: the same with the
rate at which bare `llama_decode` gives one token of each of as many answers as are written at once.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from drawing import draw
from limits import bandwidth_gb_s, score_differences
from ways import OURS, WAYS, Bench, Way

from churn_agent.models.gguf import measuring
from churn_agent.models.gguf.tuning import Tuning, load_tuning
from churn_agent.models.opening import find_gguf
from churn_agent.settings import Settings

_AGREEING = 10
"""Packs whose label scores are compared with the plain way's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="labelled sets")
    parser.add_argument("--customers", type=int, default=15, help="of the synthetic book, and of each folder")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--quality", type=Path, help="what quality.py wrote")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="a PNG or SVG file")
    arguments = parser.parse_args()
    data = os.environ.get("CHURN_AGENT_TEST_DATA")
    folders = arguments.folders or ([Path(data) / "dev_chat"] if data else [])
    if not folders:
        print("CHURN_AGENT_TEST_DATA is not set: only the synthetic book is used", file=sys.stderr)

    settings = Settings.load()
    path, _, sha256 = find_gguf(settings)
    tuning = load_tuning(sha256) or Tuning()
    ways = dict.fromkeys(("plain", *arguments.ways))  # the ratios need it
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(settings, path, tuning, list(ways), Path(scratch))
        try:
            for n, folder in enumerate([None, *folders]):
                bench.run_book(n, folder, arguments.customers)
            packs = bench.packs[:_AGREEING]
            ours, prefill_rate = bench.label_scores(packs), bench.prefill_rate()
        finally:
            bench.close()
    result = _result(bench, path, tuning, prefill_rate)
    result["label_scores"] = score_differences(path, tuning, settings.context_tokens, packs, ours)
    if arguments.quality:
        result["auroc_difference"] = json.loads(arguments.quality.read_text(encoding="utf-8"))["auroc_difference"]
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2), encoding="utf-8")
    if arguments.plot:
        draw(result, arguments.plot)


def _result(bench: Bench, path: Path, tuning: Tuning, prefill_rate: float) -> dict[str, Any]:
    prefill = measuring.rate(path, tuning, "prefill", tuning.micro_batch)
    decode = {n: measuring.rate(path, tuning, "decode", n) for n in (1, tuning.parallel)}
    bandwidth = bandwidth_gb_s(tuning.threads)
    passes = bandwidth * 1e9 / path.stat().st_size  # over the weights, a second
    # Each pass gives a token of each answer, but no token is evaluated faster than in a full micro-batch.
    by_memory = {n: min(n * passes, prefill) for n in decode}
    rows = {name: way.row() for name, way in bench.ways.items() if way.customers}
    a_minute = {name: row["customers_a_minute"] for name, row in rows.items()}
    explain = bench.ways["explain"]
    return {
        "ratios": {f"{name}_vs_plain": round(n / a_minute["plain"], 2) for name, n in a_minute.items()},
        "bound_share": _share(explain, prefill, by_memory[tuning.parallel]),
        "bare_share": _share(explain, prefill, decode[tuning.parallel]),
        "prefill_share": round(prefill_rate / prefill, 3),
        "valid_share": min(row["valid_share"] for name, row in rows.items() if name in OURS),
        "peak_rss_over_model_mb": round(bench.peak_rss_mb["ours"] - path.stat().st_size / 2**20),
        "peak_rss_mb": {name: round(mb) for name, mb in bench.peak_rss_mb.items()},
        "mask_ms_a_decision": bench.mask_ms_a_decision,
        "unavailable": bench.unavailable,
        "limits": {
            "prefill_tokens_a_second": round(prefill, 1),
            "decode_tokens_a_second": {str(n): round(rate, 1) for n, rate in decode.items()},
            "memory_gb_a_second": round(bandwidth, 1),
            "decode_tokens_a_second_by_memory": {str(n): round(rate, 1) for n, rate in by_memory.items()},
        },
        "tuning": tuning.model_dump(),
        "ways": rows,
    }


def _share(explain: Way, prefill: float, decode: float) -> float | None:
    """The time that the tokens of `explain` would take at these rates, as a share of what it took."""
    if not explain.customers:
        return None
    return round((explain.prompt_tokens / prefill + explain.output_tokens / decode) / explain.seconds, 3)


if __name__ == "__main__":
    main()
