"""Torch archives and what zip readers disagree about, compressed and wrapped pickles, NumPy and joblib files.

Every function takes the pickle to hide, so that the same files can be written with an honest one.
"""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib

from opcodes import Ops, call, name, pickled, push

HONEST = pickled({"epoch": 3})
OLD = b"cos\nsystem\n(Vecho marker\ntR."
STAMP = (2024, 1, 1, 0, 0, 0)


def entry(file, flags=0):
    info = zipfile.ZipInfo(file, STAMP)
    info.flag_bits |= flags
    return info


def zipped(entries, method=zipfile.ZIP_STORED, comment=b""):
    """Entries are (name, bytes), written in that order; names may repeat."""
    import warnings

    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w", method) as archive:
            archive.comment = comment
            for file, data in entries:
                info = entry(file)
                info.compress_type = method
                archive.writestr(info, data)
    return out.getvalue()


def torch_zip(pickle, folder="archive/", **more):
    return zipped([(folder + "data.pkl", pickle), (folder + "byteorder", b"little"), (folder + "version", b"3\n")], **more)


def central(data):
    """Where the first entry of the central directory begins."""
    return data.index(b"PK\x01\x02")


def patched(data, *changes):
    """`changes`: (offset, bytes)"""
    out = bytearray(data)
    for at, new in changes:
        out[at : at + len(new)] = new
    return bytes(out)


PICKLESCAN = "https://github.com/mmaitre314/picklescan/security/advisories/"
FLAGS = "CVE-2025-1945, " + PICKLESCAN + "GHSA-w8jq-xcqf-f792"
HEADERS = "CVE-2025-1944, " + PICKLESCAN + "GHSA-7q5r-7gvp-wc82"
MINIZ = "miniz, the zip reader of PyTorch"


def torch_archives(evil, broken):
    """(file, technique, source, bytes)"""
    plain = torch_zip(evil)
    c = central(plain)
    yield "plain.pt", "data.pkl of a torch archive", "torch.save since 1.6", plain
    yield "broken.pt", "data.pkl breaks after the call", "CVE-2025-10155 and nullifAI", torch_zip(broken)
    yield "no_folder.pt", "data.pkl at the top of the archive", MINIZ, torch_zip(evil, folder="")
    yield "upper_case.pt", "DATA.PKL, which torch finds because miniz ignores case", MINIZ, zipped(
        [("archive/DATA.PKL", evil), ("archive/version", b"3\n")])
    yield "mixed_case_decoy.pt", "Data.pkl that is hostile before data.pkl that is not, and which the reader finds by a sorted search", MINIZ, zipped(
        [("archive/Data.pkl", evil), ("archive/data.pkl", HONEST), ("archive/version", b"3\n")])
    yield "twice_first.pt", "two entries data.pkl, the first hostile", MINIZ, zipped(
        [("archive/data.pkl", evil), ("archive/data.pkl", HONEST), ("archive/version", b"3\n")])
    yield "twice_last.pt", "two entries data.pkl, the last hostile", MINIZ, zipped(
        [("archive/data.pkl", HONEST), ("archive/data.pkl", evil), ("archive/version", b"3\n")])
    yield "two_folders_first.pt", "data.pkl in two folders, the first hostile", MINIZ, zipped(
        [("a/data.pkl", evil), ("a/version", b"3\n"), ("b/data.pkl", HONEST), ("b/version", b"3\n")])
    yield "decoy_below.pt", "an honest data.pkl further down and last in the archive", MINIZ, zipped(
        [("archive/data.pkl", evil), ("archive/version", b"3\n"), ("archive/extra/data.pkl", HONEST)])
    yield "decoy_at_top.pt", "an honest data.pkl at the top, last in the archive", MINIZ, zipped(
        [("archive/data.pkl", evil), ("archive/version", b"3\n"), ("data.pkl", HONEST)])
    yield "parent_folder.pt", "the folder is called ..", MINIZ, torch_zip(evil, folder="../")
    yield "deflated.pt", "data.pkl is compressed", MINIZ, torch_zip(evil, method=zipfile.ZIP_DEFLATED)
    yield "wrong_crc.pt", "a checksum that is wrong, which torch does not check", "CVE-2025-10156", patched(
        plain, (14, b"\x99\x99\x99\x99"), (c + 16, b"\x99\x99\x99\x99"))
    yield "wrong_crc_local.pt", "a checksum that is wrong in the local header alone", "CVE-2025-10156", patched(plain, (14, b"\x99\x99\x99\x99"))
    for bit in (0x1, 0x20, 0x40):
        flag = struct.pack("<H", bit)
        yield f"flag_{bit:#x}_local.pt", f"flag {bit:#x} in the local header", FLAGS, patched(plain, (6, flag))
        yield f"flag_{bit:#x}_central.pt", f"flag {bit:#x} in the directory", FLAGS, patched(plain, (c + 8, flag))
    yield "other_name_local.pt", "the local header has another name than the directory", HEADERS, patched(plain, (30, b"archive/data.txt"))
    yield "other_size_local.pt", "the local header has other sizes than the directory", HEADERS, patched(plain, (18, b"\x01\0\0\0\x01\0\0\0"))
    yield "other_method_local.pt", "the local header has another method than the directory", HEADERS, patched(plain, (8, struct.pack("<H", 99)))
    yield "version_needed.pt", "the directory asks for version 99 of zip", HEADERS, patched(plain, (c + 6, struct.pack("<H", 99)), (4, struct.pack("<H", 99)))
    yield "comment.pt", "a comment behind the directory that looks like the end of one", HEADERS, torch_zip(evil, comment=b"PK\x05\x06" + bytes(14))
    yield "two_archives.pt", "an honest archive, and a hostile one behind it", MINIZ, torch_zip(HONEST) + offset_zip(torch_zip(evil), len(torch_zip(HONEST)))
    yield "bytes_behind.pt", "bytes behind the archive", MINIZ, plain + bytes(512)
    yield "many_entries.pt", "five thousand small storages first", MINIZ, zipped(
        [("archive/data.pkl", evil)] + [(f"archive/data/{i}", b"\0\0\0\0") for i in range(5000)] + [("archive/version", b"3\n")])
    package = [(".data/version", b"6\n"), (".data/extern_modules", b""), ("net/net.pkl", evil), ("version", b"3\n")]
    yield "package.pt", "a torch.package archive, whose pickle has a name of its own", "torch.package.PackageImporter.load_pickle", zipped(
        [("model/" + file, data) for file, data in package])
    yield "beside.pt", "a hostile pickle of another ending beside a harmless data.pkl", "CVE-2025-1889", zipped(
        [("archive/data.pkl", HONEST), ("archive/config.p", evil), ("archive/version", b"3\n")])
    yield "shards.pt", "an archive of archives, as some tools store shards", "torch.save", zipped([("part0.pt", plain), ("part1.pt", torch_zip(HONEST))])


def offset_zip(data, by):
    """A zip moved by some bytes, its offsets mended."""
    out = bytearray(data)
    at, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    while out[at : at + 4] == b"PK\x01\x02":
        where = struct.unpack_from("<I", out, at + 42)[0]
        struct.pack_into("<I", out, at + 42, where + by)
        lengths = struct.unpack_from("<HHH", out, at + 28)
        at += 46 + sum(lengths)
    where = struct.unpack_from("<I", out, end + 16)[0]
    struct.pack_into("<I", out, end + 16, where + by)
    return bytes(out)


def tarred(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as archive:
        for file, data in entries:
            info = tarfile.TarInfo(file)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def legacy_tar(evil):
    """The layout of PyTorch before 0.1.10: one tar file with three pickles."""
    return tarred([("storages", pickled(0, 2) + pickled([], 2)), ("tensors", pickled(0, 2)), ("pickle", evil)])


def tar_behind_pickle(evil):
    """A tar file whose first member's name is an honest pickle."""
    return tarred([("N.", b""), ("storages", pickled(0, 2) + pickled([], 2)), ("tensors", pickled(0, 2)), ("pickle", evil)])


def compressed(evil):
    yield "gzip.pkl.gz", "gzip", "pandas.read_pickle and joblib.load unpack it", gzip.compress(evil, mtime=0)
    yield "bz2.pkl.bz2", "bzip2", "pandas.read_pickle and joblib.load unpack it", bz2.compress(evil)
    yield "xz.pkl.xz", "xz", "pandas.read_pickle and joblib.load unpack it", lzma.compress(evil)
    yield "lzma.pkl.lzma", "lzma", "joblib.load unpacks it", lzma.compress(evil, lzma.FORMAT_ALONE)
    for level in (0, 1, 6, 9):
        yield f"zlib{level}.joblib", f"zlib, level {level}", "joblib.load unpacks it", zlib.compress(evil, level)
    yield "zlib_old_protocol.joblib", "zlib around a pickle that has no PROTO", "joblib.load unpacks it", zlib.compress(b"N0" + evil)
    yield "gzip.joblib", "gzip under the name joblib gives", "joblib.load looks at the content", gzip.compress(evil, mtime=0)
    yield "zip.pkl.zip", "zip with one pickle", "pandas.read_pickle unpacks it", zipped([("frame.pkl", evil)])
    yield "tar.pkl.tar", "tar with one pickle", "pandas.read_pickle unpacks it", tarred([("frame.pkl", evil)])
    yield "targz.pkl.tar.gz", "tar and gzip with one pickle", "pandas.read_pickle unpacks it", gzip.compress(tarred([("frame.pkl", evil)]), mtime=0)


def npy(header, data, version=1):
    raw = header.encode()
    width = 2 if version == 1 else 4
    raw += b" " * (-(8 + width + len(raw) + 1) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(raw).to_bytes(width, "little") + raw + data


def numpy_files(evil):
    load = "numpy.load with allow_pickle=True"
    head = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    plain = npy(head, evil)
    yield "objects.npy", "an array of objects", load, plain
    yield "objects_v2.npy", "format 2", load, npy(head, evil, 2)
    yield "objects_v3.npy", "format 3", load, npy(head, evil, 3)
    yield "objects_old_pickle.npy", "the array's pickle is of protocol 0", load, npy(head, OLD)
    yield "record.npy", "a record with a field of objects", load, npy("{'descr': [('a', '<f8'), ('b', '|O')], 'fortran_order': False, 'shape': (1,), }", evil)
    yield "subarray.npy", "a field that is an array of objects", load, npy("{'descr': [('a', '|O', (2,))], 'fortran_order': False, 'shape': (1,), }", evil)
    yield "nested_record.npy", "a record in a record", load, npy("{'descr': [('a', [('b', '|O')])], 'fortran_order': False, 'shape': (1,), }", evil)
    yield "double_quotes.npy", "the header uses double quotes", load, npy('{"descr": "|O", "fortran_order": False, "shape": (1,), }', evil)
    yield "escaped.npy", "the header writes the type as an escape", load, npy("{'descr': '|\\x4f', 'fortran_order': False, 'shape': (1,), }", evil)
    yield "concatenated.npy", "the header writes the key as two strings", load, npy("{'des' 'cr': '|O', 'fortran_order': False, 'shape': (1,), }", evil)
    yield "repeated_key.npy", "the header gives two types; Python takes the last", load, npy(
        "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), 'descr': '|O', }", evil)
    yield "type_word.npy", "the type is written O", load, npy("{'descr': 'O', 'fortran_order': False, 'shape': (1,), }", evil)
    yield "type_object.npy", "the type is written object", load, npy("{'descr': 'object', 'fortran_order': False, 'shape': (1,), }", evil)
    yield "type_O8.npy", "the type is written |O8", load, npy("{'descr': '|O8', 'fortran_order': False, 'shape': (1,), }", evil)
    yield "no_magic.npy", "a pickle under the name of an array", load + " falls back to pickle", evil
    yield "objects.npz", "an archive with an array of objects", load, zipped([("a.npy", plain)])
    yield "objects_deflated.npz", "the same compressed", load, zipped([("a.npy", plain)], zipfile.ZIP_DEFLATED)
    yield "second.npz", "the second array of the archive", load, zipped([("a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", bytes(8))), ("b.npy", plain)])
    yield "record.npz", "a record with a field of objects", load, zipped([("a.npy", npy("{'descr': [('b', '|O')], 'fortran_order': False, 'shape': (1,), }", evil))])
    yield "record_deflated.npz", "the same compressed", load, zipped([("a.npy", npy("{'descr': [('b', '|O')], 'fortran_order': False, 'shape': (1,), }", evil))], zipfile.ZIP_DEFLATED)
    yield "no_ending.npz", "an array whose entry does not end in .npy", load, zipped([("a", plain)])
    yield "beside_text.npz", "an array beside an entry that is none", load, zipped([("a.npy", plain), ("README", b"weights")])
    yield "with_decoy.npz", "an honest data.pkl beside the array", load, zipped([("a.npy", plain), ("archive/data.pkl", HONEST)])
    yield "wrong_crc.npz", "a checksum that is wrong in the local header alone", load, patched(zipped([("a.npy", plain)]), (14, b"\x99\x99\x99\x99"))
    yield "behind_bytes.npz", "bytes before the archive", "zipfile finds it; numpy.load does not", b"\x93NUMP" + zipped([("a.npy", plain)])


def wrapper(shape, descr):
    """joblib's description of an array, ready for BUILD."""
    made = Ops(name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81")
    dtype = call(name("numpy", "dtype"), descr, False, True)
    state = {
        "subclass": name("numpy", "ndarray"),
        "shape": shape,
        "order": "C",
        "dtype": dtype,
        "allow_mmap": False,
    }
    return made, state


def joblib_files(evil):
    """Arrays lie between a joblib file's opcodes, and who reads it decides how many bytes they are."""
    inner = Ops(evil[2:-1])
    load = "joblib.load"
    made, state = wrapper((len(evil),), "u1")
    yield "plain.joblib", "no array at all", load, evil
    yield "after_array.joblib", "behind an array", load, (
        b"\x80\x04]" + made + push(state) + b"b" + bytes(len(evil)) + b"a0" + inner + b".")
    one, objects = wrapper((1,), "O")
    yield "object_array.joblib", "an array of objects, its pickle between the opcodes", load, b"\x80\x04" + one + push(objects) + b"b" + evil + b"."
    two, zero = wrapper((0,), "O")
    yield "empty_object_array.joblib", "an array of no objects, whose pickle is loaded all the same", load, b"\x80\x04" + two + push(zero) + b"b" + evil + b"."
    yield "array_is_code.pkl", "opcodes where joblib would see an array; pickle.load runs them", "pickle.load", (
        b"\x80\x04" + made + push(dict(state, shape=(len(inner) + 2,))) + b"b0" + inner + b"..")
    hidden = b"N."
    three, slots = wrapper((len(hidden),), "u1")
    yield "state_in_slots.joblib", "the array's description is in slots; a reader that misses it takes the array for the end", load, (
        b"\x80\x04" + three + push((None, slots)) + b"b" + hidden + b"0" + inner + b".")
    reconstructed = call(name("copyreg", "_reconstructor"), name("joblib.numpy_pickle", "NumpyArrayWrapper"), name("builtins", "object"), None)
    yield "reconstructed.joblib", "the array's description is made by copyreg._reconstructor", load, (
        b"\x80\x04" + reconstructed + push(slots) + b"b" + hidden + b"0" + inner + b".")
    typed = dict(slots, dtype=call(name("numpy", "dtype"), name("numpy", "uint8")))
    yield "type_by_class.joblib", "the array's type is given as a class", load, b"\x80\x04" + three + push(typed) + b"b" + hidden + b"0" + inner + b"."
    named = dict(slots, dtype=call(name("numpy", "dtype"), "uint8"))
    yield "type_by_word.joblib", "the array's type is written uint8, which is one byte and not eight", load, (
        b"\x80\x04" + three + push(named) + b"b" + hidden + b"0" + inner + b"." + bytes(64))
    record = dict(slots, dtype=call(name("numpy", "dtype"), [("a", "O")]), shape=(1,))
    yield "record_of_objects.joblib", "an array of records with objects", load, b"\x80\x04" + three + push(record) + b"b" + evil + b"."
    aligned = dict(slots, numpy_array_alignment_bytes=16)
    yield "aligned.joblib", "padding before the array that hides opcodes", load, (
        b"\x80\x04" + three + push(aligned) + b"b" + b"\x02N." + hidden + b"0" + inner + b".")
    yield "other_file.joblib", "an array in another file, outside the folder, loaded as a pickle", "joblib.load of files from before 0.10", (
        b"\x80\x04" + name("joblib.numpy_pickle", "NDArrayWrapper") + b")\x81"
        + push({"filename": "../../deepfix-safety.npy", "subclass": name("numpy", "ndarray"), "allow_mmap": False}) + b"b.")
