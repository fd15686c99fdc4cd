#!/usr/bin/env bash
# Has one release of each checking tool write its results anew and compares what deepfix says of them with what
# it says of the results kept in testdata/checks. Exit: 0 passed, 1 failed, 77 skipped.
# The tools' environments are kept in $DEEPFIX_TOOLS and made once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
kept=$here/../../testdata/checks
binary=${DEEPFIX_BIN:-$here/../../target/debug/deepfix}
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skip() { echo "SKIP: $*" >&2; exit 77; }

command -v python3 >/dev/null || skip "python3 is not on PATH"

# NAME VERSION PACKAGE...: a tool's environment, its script run in a folder of its own.
made() {
  local name=$1 version=$2 environment=$tools/checks-$1-$2
  shift 2
  if [ ! -e "$environment/ready" ]; then
    python3 -m venv --clear "$environment" || skip "no Python environment can be made"
    "$environment/bin/pip" install --quiet --disable-pip-version-check "$@" || skip "$name $version cannot be installed"
    touch "$environment/ready"
  fi
  mkdir "$scratch/$name"
  cp "$kept/table.py" "$kept/make_$name.py" "$scratch/$name/"
  (cd "$scratch/$name" && HOME=$scratch "$environment/bin/python" -B "make_$name.py" >log 2>&1) || { tail -n 20 "$scratch/$name/log"; exit 1; }
}

made deepchecks 0.19.1 "deepchecks==0.19.1" "numpy<2" "pandas<2.2" "scikit-learn<1.5" "setuptools<80"
made evidently 0.7.23 "evidently==0.7.23" "pandas<2.3" "numpy<2.1" "scikit-learn<1.7"
made great_expectations 1.24.1 "great_expectations==1.24.1"
made pandera 0.35.0 "pandera[pandas]==0.35.0" "pandas<3"
made whylogs 1.6.4 "whylogs==1.6.4" "pandas<2.3" "numpy<2"
python3 -B "$here/compare.py" "$binary" "$kept" "$scratch"
