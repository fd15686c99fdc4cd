#!/usr/bin/env bash
# Runs a deepfix binary on the labelled training runs and prints the score.
#   bench/faults/training/run.sh target/release/deepfix
# RUNS_DIR holds the runs (default: shared/corpus/training beside the repository).
# COMPARE=1 also runs the rule sets of the literature, as published and tuned.
# ALSO=FOLDER scores further runs too, such as those generate.py makes; what is tuned is tuned on RUNS_DIR.
# FAULTS_DIR holds environment and results (default: faults-training in the target folder).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
binary="${1:?usage: run.sh DEEPFIX}"
runs="${RUNS_DIR:-$root/../shared/corpus/training}"
work="${FAULTS_DIR:-${CARGO_TARGET_DIR:-$root/target}/faults-training}"
mkdir -p "$work"
rm -f "$work"/results-*.jsonl
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
python="${PYTHON:-python3}"

"$python" "$here/run_deepfix.py" --deepfix "$binary" --runs "$runs" --out "$work/results-deepfix.jsonl"
if [ -n "${ALSO:-}" ]; then
  "$python" "$here/run_deepfix.py" --deepfix "$binary" --runs "$ALSO" --out "$work/results-deepfix-also.jsonl"
fi
if [ -n "${COMPARE:-}" ]; then
  if [ ! -e "$work/rules/ready" ]; then
    "$python" -m venv --clear "$work/rules"
    "$work/rules/bin/pip" install --quiet numpy==2.4.6 pyyaml==6.0.3
    touch "$work/rules/ready"
  fi
  "$work/rules/bin/python" "$here/tune.py" --runs "$runs" --out "$work" ${ALSO:+--also "$ALSO"}
fi
mapfile -t results < <(find "$work" -name 'results-*.jsonl' ! -name '*-also.jsonl' | sort)
"$python" "$here/score.py" "${results[@]}" --runs "$runs"
if [ -n "${ALSO:-}" ]; then
  printf '\n== %s\n' "$ALSO"
  "$python" "$here/score.py" "$work"/results-*-also.jsonl --runs "$ALSO"
fi
