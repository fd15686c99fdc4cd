"""Checks the hostile files against real readers, without running what they hold.

    python verify.py --files FOLDER    # Python's unpickler, given a stand-in for every name it asks for
    python verify.py --loaders         # torch (if there), else NumPy, joblib and pandas, on the same files around a harmless pickle
"""

import argparse
import copyreg
import io
import json
import pickle
import tempfile
from pathlib import Path

from opcodes import pickled


class Stand:
    """Takes any call, state, item or attribute and does nothing."""

    def __init__(self, *_, **__):
        pass

    def __call__(self, *_, **__):
        return Stand()

    def __setstate__(self, _):
        pass

    def __setitem__(self, *_):
        pass

    def __hash__(self):
        return id(self)

    def append(self, _):
        pass

    def extend(self, _):
        pass


class Watcher(pickle.Unpickler):
    asked = ()

    def find_class(self, module, name):
        self.asked += ((module, name),)
        return type("Named", (Stand,), {})

    def persistent_load(self, _):
        return Stand()


def names(data, loads=8):
    """What a loop of pickle.load asks for before the file ends or breaks."""
    stream, out = io.BytesIO(data), []
    for _ in range(loads):
        copyreg.clear_extension_cache()
        watcher = Watcher(stream)
        try:
            watcher.load()
        except Exception:  # noqa: BLE001
            out += watcher.asked
            break
        out += watcher.asked
    return out


def walk(folder):
    copyreg.add_extension("os", "system", 7)
    harmless = {("collections", "OrderedDict"), ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy", "uint8"), ("joblib.numpy_pickle", "NumpyArrayWrapper")}
    checked = silent = 0
    with open(folder / "index.jsonl") as index:
        for line in index:
            entry = json.loads(line)
            if entry["category"] in ("commands", "code", "reaches", "reexport", "indirect", "opcodes", "stream", "nested", "library", "joblib"):
                asked = names((folder / entry["name"]).read_bytes())
                checked += 1
                if not set(asked) - harmless:
                    silent += 1
                    print(entry["name"], "needs more than pickle.load:", asked)
    print(checked, "pickles walked,", silent, "name nothing of note to plain pickle.load")


def load():
    """Writes the same archives around a harmless pickle and loads them with whatever library is there."""
    import archives

    marked = pickled({"marker": 1})
    loaders = []
    try:
        import torch

        loaders.append(("torch.load", torch.load, list(archives.torch_archives(marked, marked[:-1]))))
        tars = [("tar", "", "", archives.legacy_tar(marked)), ("tar_behind_pickle", "", "", archives.tar_behind_pickle(marked))]
        loaders.append(("torch.load", torch.load, tars))
    except ImportError:
        import joblib
        import numpy
        import pandas

        def arrays(path):
            loaded = numpy.load(path, allow_pickle=True)
            return {key: loaded[key] for key in loaded.files} if hasattr(loaded, "files") else loaded

        loaders.append(("numpy.load", arrays, list(archives.numpy_files(marked))))
        packed = list(archives.compressed(marked))
        loaders.append(("joblib.load", joblib.load, packed + list(archives.joblib_files(marked))))
        loaders.append(("pandas.read_pickle", pandas.read_pickle, packed))
    for library, function, files in loaders:
        for file, _, _, data in files:
            if archives.OLD in data:
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / file
                path.write_bytes(data)
                try:
                    told = str(function(str(path)))
                except Exception as error:  # noqa: BLE001
                    told = f"{type(error).__name__}: {error}"
                print(library, file, "reached" if "marker" in told else "not reached:", "" if "marker" in told else told[:100])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files")
    parser.add_argument("--loaders", action="store_true")
    args = parser.parse_args()
    if args.files:
        walk(Path(args.files))
    if args.loaders:
        load()


if __name__ == "__main__":
    main()
