#!/usr/bin/env bash
# bench/mlflow/run.sh target/release/deepfix: see bench.py. Uses the environment that tests/mlflow/run.sh makes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
environment=$(ls -dt "$tools"/mlflow-*/ready 2>/dev/null | head -n 1 | xargs -r dirname)
[ -n "$environment" ] || { echo "run tests/mlflow/run.sh first: it installs MLflow" >&2; exit 2; }
exec "$environment/bin/python" -B "$here/bench.py" "$(realpath "${1:?usage: run.sh DEEPFIX}")"
