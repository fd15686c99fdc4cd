#!/usr/bin/env bash
# bench/live/run.sh target/release/deepfix [RUNS]: see bench.py. Makes an environment with grpcio and NumPy beside the other tools.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
environment=$tools/live-grpcio-1.76
if [ ! -e "$environment/ready" ]; then
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" -q install 'grpcio==1.76.*' 'grpcio-tools==1.76.*' numpy
  touch "$environment/ready"
fi
PROTOS=$(mktemp -d)
export PROTOS
trap 'rm -rf "$PROTOS"' EXIT
(cd "$here/../../proto" && find . -name '*.proto' -print0 | xargs -0 "$environment/bin/python" -m grpc_tools.protoc -I. --python_out="$PROTOS")
"$environment/bin/python" -B "$here/bench.py" "$@"
