"""Model files as libraries really write them, and the same with a payload that would run `true`.

Made with numpy, scikit-learn, joblib, onnx and gguf; the versions used are in versions.txt. Run in an empty folder.
"""

import importlib.metadata
import json
import os
import pickle
import zipfile

import gguf
import joblib
import numpy as np
import onnx
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def keras(path, layer):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.0.0"}))
        archive.writestr("config.json", json.dumps({"class_name": "Functional", "config": {"layers": [layer]}}))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(64))


rng = np.random.default_rng(1)
x = rng.normal(size=(60, 4))
y = (x[:, 0] > 0).astype(int)
pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
forest = RandomForestClassifier(3, random_state=1).fit(x, y)

pickle.dump(pipeline, open("honest_pipeline.pkl", "wb"))
joblib.dump(forest, "honest_forest.joblib")
joblib.dump(pipeline, "honest_pipeline_z.joblib", compress=3)
np.savez("honest_weights.npz", a=rng.normal(size=(20, 10)), b=np.arange(3))
np.savez_compressed("honest_weights_z.npz", a=rng.normal(size=(20, 10)))
np.save("honest_weights.npy", rng.normal(size=(20, 10)))
np.save("honest_objects.npy", np.array([{"a": 1}, "b"], dtype=object))

pickle.dump({"model": pipeline, "extra": Evil()}, open("hostile_pipeline.pkl", "wb"))
joblib.dump([rng.normal(size=(5, 4)), Evil()], "hostile_after_array.joblib")
joblib.dump([np.array([Evil()], dtype=object)], "hostile_in_array.joblib")
joblib.dump([Evil()], "hostile_z.joblib", compress=3)
np.save("hostile_objects.npy", np.array([Evil()], dtype=object))
np.savez("hostile_objects.npz", a=np.array([Evil()], dtype=object))
np.savez_compressed("hostile_objects_z.npz", a=np.array([Evil()], dtype=object))
pickle.dump({"weights": pickle.dumps(Evil())}, open("hostile_nested.pkl", "wb"))
keras("hostile_lambda.keras", {"class_name": "Lambda", "config": {"name": "trick", "function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}})

def onnx_model(path, domain="", location=None):
    weight = onnx.numpy_helper.from_array(rng.normal(size=(8, 4)).astype(np.float32), "w")
    if location:
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=location)
    node = onnx.helper.make_node("MatMul" if not domain else "Trick", ["x", "w"], ["y"], domain=domain)
    x_info = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 8])
    y_info = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
    graph = onnx.helper.make_graph([node], "g", [x_info], [y_info], [weight])
    with open(path, "wb") as out:
        out.write(onnx.helper.make_model(graph).SerializeToString())


onnx_model("honest_matmul.onnx")
onnx_model("honest_external.onnx", location="weights.bin")
onnx_model("hostile_escape.onnx", location="../../../etc/passwd")
onnx_model("hostile_custom.onnx", domain="com.example.tricks")
writer = gguf.GGUFWriter("honest_small.gguf", "llama")
writer.add_tensor("blk.0.attn_q.weight", rng.normal(size=(16, 8)).astype(np.float32))
writer.add_tensor("blk.0.ffn_up.weight", rng.normal(size=(16, 8)).astype(np.float16))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

with open("versions.txt", "w") as out:
    for name in ("numpy", "scikit-learn", "joblib", "onnx", "gguf"):
        print(name, importlib.metadata.version(name), file=out)
