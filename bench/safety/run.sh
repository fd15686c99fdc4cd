#!/usr/bin/env bash
# Writes the files, runs a deepfix binary and the other scanners on them and prints the tables.
#   bench/safety/run.sh target/release/deepfix
# ONLY=deepfix leaves the other scanners out. TORCH_PYTHON names a Python that has PyTorch, such as Debian's
# /usr/bin/python3 after "apt-get install python3-torch"; without it PyTorch's honest files are left out.
# SAFETY_DIR holds environments, files and results (default: safety in the target folder).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"
binary="$(realpath "${1:?usage: run.sh DEEPFIX}")"
work="${SAFETY_DIR:-${CARGO_TARGET_DIR:-$root/target}/safety}"
mkdir -p "$work"
work="$(cd "$work" && pwd)"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1 KERAS_BACKEND=jax

environment() { # name, packages
  local name="$1"; shift
  if [ ! -e "$work/$name/ready" ]; then
    "${PYTHON:-python3}" -m venv --clear "$work/$name"
    "$work/$name/bin/pip" install --quiet "$@"
    touch "$work/$name/ready"
  fi
}

without_dependencies() { # name, packages that would bring hundreds of megabytes along
  local name="$1"; shift
  if [ ! -e "$work/$name/ready-$1" ]; then
    "$work/$name/bin/pip" install --quiet --no-deps "$@"
    touch "$work/$name/ready-$1"
  fi
}

# Pinned, for the same versions are to give the same files.
environment files numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0 joblib==1.6.0 lightgbm==4.7.0 \
  catboost==1.2.10 polars==2.1.0 onnx==1.23.0 skl2onnx==1.20.0 gguf==0.19.0 safetensors==0.8.0 h5py==3.16.0 keras==3.15.1 jax==0.10.2 \
  cloudpickle==3.1.2 dill==0.4.1 py7zr==1.1.4 omegaconf==2.4.0
without_dependencies files xgboost==3.2.0
"$work/files/bin/python" "$here/hostile.py" --out "$work/hostile"
"$work/files/bin/python" "$here/honest.py" --out "$work/honest" 2> "$work/honest.log"
files=("$work/hostile" "$work/honest")
if [ -n "${TORCH_PYTHON:-}" ]; then
  if [ ! -e "$work/torch/ready" ]; then
    "$TORCH_PYTHON" -m venv --clear --system-site-packages "$work/torch"
    "$work/torch/bin/pip" install --quiet "numpy==1.26.4" transformers==4.30.2 "lightning-utilities<0.12" "setuptools<70" safetensors==0.8.0 \
      omegaconf==2.3.0 fsspec PyYAML tqdm packaging psutil typing_extensions
    "$work/torch/bin/pip" install --quiet --no-deps pytorch-lightning==2.0.9 torchmetrics==1.2.1 accelerate==0.20.3
    touch "$work/torch/ready"
  fi
  "$work/torch/bin/python" "$here/honest_torch.py" --out "$work/honest-torch" 2> "$work/honest-torch.log"
  files+=("$work/honest-torch")
fi
"$work/files/bin/python" "$here/verify.py" --files "$work/hostile" > "$work/verify.log"
tail -1 "$work/verify.log"

python="$work/files/bin/python"
"$python" "$here/run_deepfix.py" --deepfix "$binary" --files "${files[@]}" --out "$work/results-deepfix.jsonl"
results=("$work/results-deepfix.jsonl")
if [ "${ONLY:-}" != deepfix ]; then
  environment picklescan picklescan==1.0.5 numpy==2.4.6 py7zr==1.1.4
  # The newest NumPy in which modelscan finds what it calls.
  environment modelscan modelscan==0.8.8 numpy==2.2.6 h5py==3.14.0 tensorflow-cpu==2.21.0
  environment fickling fickling==0.1.12 typing_extensions
  cd "$work" # fickling leaves a report where it runs
  for tool in picklescan "picklescan --strict" modelscan fickling; do
    set -- $tool
    "$work/$1/bin/python" "$here/run_$1.py" ${2:-} --files "${files[@]}" --out "$work/results-$1${2:-}.jsonl" > "$work/$1.log" 2>&1
    results+=("$work/results-$1${2:-}.jsonl")
  done
fi
"$python" "$here/score.py" "${results[@]}" --files "${files[@]}"
