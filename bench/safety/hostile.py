"""Writes hostile model files and their index. Nothing in them is ever loaded or run here.

    python hostile.py --out FOLDER
"""

import argparse
import io

import cloudpickle
import dill
import numpy as np
import py7zr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import archives
import gadgets
import models
import streams
from opcodes import Files, call, name, pickled

EVIL = streams.EVIL
BROKEN = EVIL[:-1] + b"\xfe"
# What PyTorch 1.13 and NumPy 2.4 refuse when the hidden pickle is a harmless one.
REFUSED = {
    "zip_no_folder.pt",
    "zip_two_folders_first.pt",
    "zip_decoy_at_top.pt",
    "zip_flag_0x1_central.pt",
    "zip_flag_0x20_central.pt",
    "zip_flag_0x40_central.pt",
    "numpy_behind_bytes.npz",
}
# Names code of the writer's own, which may be meant well; or nothing loads it without being told to.
ARGUABLE = {
    "zip_beside.pt",
    "opcodes_own_class.pkl",
    "opcodes_main_class.pkl",
    "keras_class_own_package.keras",
    "onnx_custom_domain.onnx",
    "onnx_custom_like_known.onnx",
    "onnx_custom_subgraph.onnx",
    "onnx_custom_function.onnx",
}
LOADERS = {
    "zip_twice_last.pt": "torch.load takes the first entry, readers by Python's zipfile the last",
    "zip_beside.pt": "torch.load does not touch it",
    "zip_package.pt": "torch.package runs the pickle, torch.load refuses the archive",
    "zip_shards.pt": "unpacked by hand, torch.load runs the part",
    "onnx_escape_backslashes.onnx": "reads outside the folder on Windows",
    "onnx_escape_drive.onnx": "reads outside the folder on Windows",
    "onnx_escape_share.onnx": "reads from another machine on Windows",
    "joblib_array_is_code.pkl": "pickle.load runs it, joblib.load does not",
    "joblib_other_file.joblib": "joblib.load unpickles the file named",
}


def hidden_in_estimators(files):
    """Real estimators with one call among thousands of opcodes, put in as bytes after pickling."""
    import pickle

    rng = np.random.default_rng(7)
    x = rng.normal(size=(60, 4))
    y = (x[:, 0] > 0).astype(int)
    mark = "marker-to-be-replaced"
    for protocol in (2, 3, 4, 5):
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
        model.note = mark
        raw = pickle.dumps(model, protocol=protocol)
        for written in (
            b"\x8c" + bytes([len(mark)]) + mark.encode() + b"\x94",
            b"X" + len(mark).to_bytes(4, "little") + mark.encode(),
        ):
            at = raw.find(written)
            if at >= 0:
                break
        old = b"cposix\nsystem\n(Vecho marker\ntR"
        # Frames would have to be lengthened; a reader does not miss them.
        body = bytearray(raw[:at] + old + (b"\x94" if protocol >= 4 else b"") + raw[at + len(written):])
        if protocol >= 4:
            body = bytearray(b"\x80" + bytes([protocol]) + bytes(body[11:]))
        if protocol < 4 and body[at + len(old) : at + len(old) + 1] not in (b"q", b"r"):
            raise ValueError("the memo of the text is not where it was expected")
        files.add(f"library_estimator_{protocol}.pkl", bytes(body), category="library", technique=f"a call inside a fitted pipeline, protocol {protocol}",
                  source="Sleepy pickle, https://blog.trailofbits.com/2024/06/11/exploiting-ml-models-with-pickle-file-attacks-part-1/", loader="runs the call")
    import os

    fitted = make_pipeline(FunctionTransformer(os.system), StandardScaler())
    files.add("library_function_transformer.pkl", pickle.dumps(fitted), category="library", technique="FunctionTransformer of os.system, run by predict",
              source="own", loader="names os.system; runs it at the first predict")
    marker = lambda: print("marker")  # noqa: E731
    for file, data in (("cloudpickle", cloudpickle.dumps(marker)), ("dill", dill.dumps(marker, recurse=True))):
        files.add(f"library_{file}_function.pkl", data, category="library", technique=f"a function's code, by {file}", source="byte code in the file",
                  loader="rebuilds code of the file's choosing")

    class Net:
        def __setstate__(self, state):
            print("marker")

    Net.__module__ = "__main__"
    files.add("library_cloudpickle_class.pkl", cloudpickle.dumps(Net), category="library", technique="a class by value, by cloudpickle", source="byte code in the file",
              loader="rebuilds code of the file's choosing")


def seven(data, file="archive/data.pkl"):
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writef(io.BytesIO(data), file)
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    files = Files(parser.parse_args().out)

    def many(category, prefix, rows, loader, **more):
        for file, technique, source, data in rows:
            stem = f"{prefix}_{file}"
            name_of = stem if "." in file or file.endswith("ending") else stem + ".pkl"
            refused = name_of in REFUSED
            files.add(name_of, data, category=category, technique=technique, source=source,
                      loader="refuses it" if refused else LOADERS.get(name_of, loader), refused=refused, **more)

    for file, category, technique, source, data in gadgets.pickles():
        files.add(file + ".pkl", data, category=category, technique=technique, source=source, loader="pickle.load calls it", refused=False)
    many("opcodes", "opcodes", streams.opcodes(), "pickle.load imports or calls it")
    for file, technique, source, data, loader in streams.broken():
        files.add(f"stream_{file}" + ("" if "." in file else ".pkl"), data, category="stream", technique=technique, source=source, loader=loader, refused=False)
    many("nested", "nested", streams.nested(archives.torch_zip(EVIL)), "pickle.load runs the inner pickle through torch.load")
    many("archive", "zip", archives.torch_archives(EVIL, BROKEN), "torch.load runs data.pkl")
    tars = [("legacy.tar", "the tar layout of PyTorch before 0.1.10", "torch.load up to 2.5", archives.legacy_tar(EVIL)),
            ("pickle_in_name.tar", "the same, the first member's name is a harmless pickle", "torch.load up to 2.5", archives.tar_behind_pickle(EVIL))]
    many("archive", "torch", tars, "torch.load unpacks it and runs the pickle")
    sevens = [("plain.7z", "a torch layout packed by 7z", streams.NULLIFAI, seven(EVIL)), ("broken.7z", "the same, the pickle breaks after the call", streams.NULLIFAI, seven(BROKEN)),
              ("named.pt", "7z under the name of a torch file", streams.NULLIFAI, seven(EVIL))]
    many("wrapped", "seven", sevens, "unpacked by hand, then loaded")
    many("wrapped", "packed", archives.compressed(EVIL), "unpacks and runs it")
    many("numpy", "numpy", archives.numpy_files(EVIL), "numpy.load(allow_pickle=True) runs it")
    many("joblib", "joblib", archives.joblib_files(EVIL), "joblib.load runs it")
    hidden_in_estimators(files)
    many("keras", "keras", models.keras_files(pickled(call(name("os", "system"), gadgets.COMMAND))), "load_model builds or calls it, by version and safe_mode")
    many("onnx", "onnx", models.onnx_files(), "reads outside the folder, or needs a foreign library")
    many("extension", "lie", models.lies(EVIL, BROKEN), "loaders go by content")
    many("template", "template", models.templates(), "a program that renders it without sandbox runs it", optional=True)
    many("exhaustion", "exhaustion", models.exhaustion(), "hangs, or takes all memory", optional=True)
    for line in files.lines:
        line.setdefault("refused", False)
        line.setdefault("optional", line["name"] in ARGUABLE)
        line["hostile"] = True
    files.close()
    print(len(files.lines), "hostile files")


if __name__ == "__main__":
    main()
