#!/usr/bin/env bash
# bench/reasoning/run.sh target/release/deepfix [FIRST:LAST] [--list]: makes the cases of cases.py with these seeds (0:2 were looked at) and scores them. Uses the environment
# with Deepchecks and scikit-learn that tests/checks/run.sh makes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
environment=$(ls -d "$tools"/checks-deepchecks-*/ | head -n 1)
[ -n "$environment" ] || { echo "run tests/checks/run.sh first: it installs Deepchecks" >&2; exit 2; }
work=${REASONING_DIR:-$(mktemp -d)}
[ -e "$work/ready" ] || { OMP_NUM_THREADS=2 "$environment/bin/python" -B "$here/cases.py" "$work" "${2:-2:5}"; touch "$work/ready"; }
python3 -B "$here/score.py" "$1" "$work" "${@:3}"
[ -n "${REASONING_DIR:-}" ] || rm -rf "$work"
