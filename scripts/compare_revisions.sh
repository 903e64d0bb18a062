#!/bin/sh
# Compares the prompts of this revision with those of another one on the same sets, by paired tests.
#
#   scripts/compare_revisions.sh SUITE.yaml BASE [DELTA] [PROMPTS] [OUT]
#
# SUITE and the sets are those of this revision, so that only the prompts differ. BASE is a branch or a commit. PROMPTS is
# the folder of prompts in both. OUT gets a run of each and comment.md. Exits with 1 if a method is worse by more than DELTA.
# CHURN_AGENT names the program, if it is not on the path.
set -eu

suite=$1
base=$2
delta=${3:-0.02}
prompts=${4:-prompts}
out=${5:-eval-runs/revisions}
program=${CHURN_AGENT:-churn-agent}

root=$(git rev-parse --show-toplevel)
scratch=$(mktemp -d)
trap 'git -C "$root" worktree remove --force "$scratch/base" >/dev/null 2>&1 || true; rm -rf "$scratch"' EXIT
git -C "$root" worktree add --quiet --detach "$scratch/base" "$base"
if [ ! -d "$scratch/base/$prompts" ]; then
  echo "compare_revisions: $base has no folder $prompts" >&2
  exit 2
fi

CHURN_AGENT_PROMPTS_DIR="$scratch/base/$prompts" $program eval run "$suite" -o "$out/base" >/dev/null
CHURN_AGENT_PROMPTS_DIR="$root/$prompts" $program eval run "$suite" -o "$out/head" >/dev/null
$program eval compare "$out/head" "$out/base" --delta "$delta" --markdown "$out/comment.md"
