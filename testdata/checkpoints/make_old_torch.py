"""A state dictionary in the layout of torch.save before PyTorch 1.6, without torch: python3 make_old_torch.py

The layout is that of `_legacy_save` in torch/serialization.py (read in 1.5 and 2.x): pickles of magic number, protocol,
system and object, one of the storages' keys, then for each storage its elements' count and the elements. Tensors are
named by the functions that torch names them by; two of them share a storage, as tied weights do."""

import collections
import io
import math
import pathlib
import pickle
import struct
import sys
import types

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
torch._utils = utils
sys.modules.update({"torch": torch, "torch._utils": utils})


def of(module, name, kind):
    made = type(name, (), {"__module__": module.__name__}) if kind is type else types.FunctionType((lambda *a: a).__code__, {}, name)
    made.__module__, made.__qualname__ = module.__name__, name
    setattr(module, name, made)
    return made


FLOAT, LONG, rebuild = of(torch, "FloatStorage", type), of(torch, "LongStorage", type), of(utils, "_rebuild_tensor_v2", None)


class Storage:
    def __init__(self, kind, key, values):
        self.kind, self.key, self.values = kind, key, values


class Tensor:
    def __init__(self, storage, offset, shape):
        self.storage, self.offset, self.shape = storage, offset, shape

    def __reduce__(self):
        strides = tuple(math.prod(self.shape[i + 1:]) for i in range(len(self.shape)))
        return rebuild, (self.storage, self.offset, self.shape, strides, False, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return "storage", value.kind, value.key, "cpu", len(value.values), None


weight = Storage(FLOAT, "101", [math.sin(0.37 * i) * 0.1 for i in range(96)])
steps = Storage(LONG, "102", [7])
state = {"epoch": 3, "state_dict": collections.OrderedDict([
    ("layer.weight", Tensor(weight, 0, (8, 8))), ("layer.bias", Tensor(weight, 64, (8,))), ("norm.steps", Tensor(steps, 0, (1,)))])}
out = io.BytesIO()
for value in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}):
    pickle.dump(value, out, protocol=2)
Pickler(out, protocol=2).dump(state)
pickle.dump([weight.key, steps.key], out, protocol=2)
out.write(struct.pack("<q", 96) + struct.pack("<96f", *weight.values))
out.write(struct.pack("<q", 1) + struct.pack("<q", 7))
pathlib.Path(__file__).with_name("honest_old_layout.pt").write_bytes(out.getvalue())
