#!/usr/bin/env bash
# bench/retrieval/run.sh target/release/deepfix [--misses | --size PASSAGES...]: see bench.py and size.py. Makes an environment with bm25s beside the other tools.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
environment=$tools/retrieval-bm25s-0.2
if [ ! -e "$environment/ready" ]; then
  python3 -m venv --clear "$environment"
  "$environment/bin/pip" -q install 'bm25s==0.2.*' PyStemmer numpy
  touch "$environment/ready"
fi
if [ "${2:-}" = --size ]; then
  exec "$environment/bin/python" -B "$here/size.py" "$1" "${@:3}"
fi
exec "$environment/bin/python" -B "$here/bench.py" "$@"
