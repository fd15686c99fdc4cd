"""Imports Debian's PyTorch 1.13 so that Lightning runs with it in Python 3.11: some parts of it have defaults that Python
3.11 only takes when they can be hashed."""

import dataclasses

plain = dataclasses.dataclass


def hashable(made=None, **options):
    if made is None:
        return lambda later: hashable(later, **options)
    return plain(made, **options) if "__hash__" in vars(made) else plain(made, **{"unsafe_hash": True, **options})


dataclasses.dataclass = hashable
try:
    import torch.distributed._shard.sharded_tensor  # noqa: F401
except ImportError:
    pass
dataclasses.dataclass = plain
