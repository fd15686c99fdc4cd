"""Writes honest files with PyTorch, Lightning and Transformers, and their index.

    python honest_torch.py --out FOLDER
"""

import argparse
import collections
import copy
import datetime
import pathlib
import random
import sys
import warnings
from argparse import Namespace

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import debian_torch  # noqa: E402, F401
import numpy as np
import torch
from torch import nn

from opcodes import Files

warnings.simplefilter("ignore")


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Linear(16, 3))

    def forward(self, x):
        return self.layers(x)


def trained(optimizer, scheduler=None, **arguments):
    torch.manual_seed(5)
    net = Small()
    steps = optimizer(net.parameters(), **arguments)
    schedule = scheduler(steps) if scheduler else None
    for _ in range(3):
        loss = net(torch.randn(20, 8)).pow(2).mean()
        if isinstance(steps, torch.optim.LBFGS):
            def closure():
                steps.zero_grad()
                again = net(torch.ones(20, 8)).pow(2).mean()
                again.backward()
                return again
            steps.step(closure)
        else:
            steps.zero_grad()
            loss.backward()
            steps.step()
        if schedule:
            schedule.step()
    return net, steps, schedule


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    files = Files(parser.parse_args().out)
    version = torch.__version__

    def save(file, value, technique, library=f"torch {version}", category="torch", **more):
        torch.save(value, files.folder / file, **more)
        files.add(file, None, category=category, technique=technique, source=library)

    net, adam, _ = trained(torch.optim.Adam, lr=0.01)
    save("state_dict.pt", net.state_dict(), "a state dictionary")
    save("state_dict_old_layout.pth", net.state_dict(), "a state dictionary in the layout before 1.6", _use_new_zipfile_serialization=False)
    save("state_dict_protocol4.pt", net.state_dict(), "a state dictionary, pickle protocol 4", pickle_protocol=4)
    save("checkpoint.pt", {"epoch": 7, "model_state_dict": net.state_dict(), "optimizer_state_dict": adam.state_dict(), "loss": 0.25}, "model and optimizer")
    save("checkpoint_old_layout.pth", {"epoch": 7, "state_dict": net.state_dict(), "optimizer": adam.state_dict(), "best": torch.tensor(0.5)}, "model and optimizer, old layout",
         _use_new_zipfile_serialization=False)
    for name, optimizer, arguments in (
        ("sgd", torch.optim.SGD, {"lr": 0.01, "momentum": 0.9}), ("adamw", torch.optim.AdamW, {"lr": 0.01}), ("rmsprop", torch.optim.RMSprop, {}),
        ("adagrad", torch.optim.Adagrad, {}), ("lbfgs", torch.optim.LBFGS, {"max_iter": 2}),
    ):
        net, steps, _ = trained(optimizer, **arguments)
        save(f"optimizer_{name}.pt", {"model": net.state_dict(), "optimizer": steps.state_dict()}, f"state of {optimizer.__name__}")
    rates = torch.optim.lr_scheduler
    for name, schedule in (
        ("cosine", lambda o: rates.CosineAnnealingLR(o, 10)), ("step", lambda o: rates.MultiStepLR(o, [1, 2])), ("one_cycle", lambda o: rates.OneCycleLR(o, 0.1, 10)),
        ("lambda", lambda o: rates.LambdaLR(o, lambda step: 0.9**step)), ("chained", lambda o: rates.SequentialLR(o, [rates.ConstantLR(o), rates.ExponentialLR(o, 0.9)], [2])),
    ):
        net, steps, plan = trained(torch.optim.SGD, schedule, lr=0.01)
        save(f"scheduler_{name}.pt", {"state_dict": net.state_dict(), "optimizer": steps.state_dict(), "lr_scheduler": plan.state_dict()}, f"with a {name} schedule's state")
    average = torch.optim.swa_utils.AveragedModel(net)
    average.update_parameters(net)
    save("averaged.pt", {"model": net.state_dict(), "ema": average.state_dict()}, "with moving averages")
    save("scaler.pt", {"model": net.state_dict(), "scaler": torch.cuda.amp.GradScaler(enabled=False).state_dict(), "amp": True}, "with a gradient scaler's state")
    random.seed(3)
    np.random.seed(3)
    state = {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}
    save("random_states.pt", {"model": net.state_dict(), "rng": state}, "with the states of three generators")
    half = copy.deepcopy(net).half()
    save("half.pt", half.state_dict(), "half precision")
    save("bfloat16.pt", copy.deepcopy(net).bfloat16().state_dict(), "bfloat16")
    save("double.pt", copy.deepcopy(net).double().state_dict(), "double precision")
    save("many_types.pt", {str(t): torch.ones(4, dtype=t) for t in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool, torch.complex64)}, "tensors of seven types")
    save("types_named.pt", {"dtype": torch.float16, "device": torch.device("cpu"), "size": torch.Size([2, 3]), "weights": torch.ones(2)}, "dtype, device and size as values")
    save("sparse.pt", {"w": torch.eye(5).to_sparse()}, "a sparse tensor")
    save("quantized.pt", {"w": torch.quantize_per_tensor(torch.randn(4, 4), 0.1, 0, torch.qint8)}, "a quantised tensor")
    save("quantized_channel.pt", {"w": torch.quantize_per_channel(torch.randn(4, 4), torch.ones(4) * 0.1, torch.zeros(4).long(), 0, torch.qint8)}, "a tensor quantised per channel")
    save("parameters.pt", [nn.Parameter(torch.ones(3)), nn.Parameter(torch.zeros(2), requires_grad=False)], "a list of parameters")
    save("parameter_list.pt", nn.ParameterDict({"a": nn.Parameter(torch.ones(2))}).state_dict(), "a parameter dictionary's state")
    shared = torch.randn(10)
    save("shared.pt", {"a": shared, "b": shared, "c": shared[2:5], "d": shared.view(2, 5)}, "views of one storage")
    save("tensor.pt", torch.arange(12.0).reshape(3, 4), "one tensor")
    save("buffers_numpy.pt", {"weights": torch.ones(2), "mean": np.array([0.5, 0.25]), "best": np.float64(0.9), "epoch": np.int64(3)}, "with NumPy arrays and scalars")
    save("counters.pt", {"model": net.state_dict(), "seen": collections.Counter("aabbb"), "log": collections.defaultdict(list, {"loss": [1.0]}), "recent": collections.deque([1, 2], maxlen=5)}, "with counters and queues")
    save("arguments.pt", {"args": Namespace(lr=0.1, data="train", hidden=[8, 16]), "state_dict": net.state_dict()}, "with the command line's arguments")
    save("paths.pt", {"model": net.state_dict(), "config": {"out": pathlib.PurePosixPath("runs/1"), "saved": datetime.datetime(2024, 5, 1), "day": datetime.date(2024, 5, 1)}}, "with a path and dates")
    save("gru.pt", nn.GRU(4, 8, num_layers=2).state_dict(), "a GRU's state")
    save("transformer.pt", nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2).state_dict(), "a transformer's state")
    save("empty.pt", {}, "nothing")
    save("large.pt", {f"block.{i}.weight": torch.randn(8, 8) for i in range(400)}, "four hundred tensors")
    save("whole_layers.pt", nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 2)), "a whole module of PyTorch's own layers", category="module")
    save("whole_gru.pt", nn.GRU(4, 8), "a whole GRU", category="module")
    save("whole_transformer.pt", nn.TransformerEncoderLayer(16, 2, 32), "a whole transformer layer", category="module")
    save("whole_linear_old_layout.pth", nn.Linear(3, 3), "a whole layer in the layout before 1.6", _use_new_zipfile_serialization=False, category="module")
    save("loss_module.pt", {"model": net.state_dict(), "criterion": nn.CrossEntropyLoss(weight=torch.ones(3))}, "with a loss of PyTorch as an object", category="module")
    save("optimizer_object.pt", trained(torch.optim.SGD, lr=0.1)[1], "an optimizer as an object", category="module")
    save("dataset.pt", torch.utils.data.TensorDataset(torch.ones(4, 2), torch.zeros(4)), "a dataset as an object", category="module")
    import pickle

    files.add("pickled_tensors.pkl", pickle.dumps({"w": torch.randn(3, 3), "net": net.state_dict()}), category="torch", technique="tensors by pickle.dump", source=f"torch {version}")
    files.add("pickled_tensors_protocol2.pkl", pickle.dumps({"w": torch.randn(3, 3)}, protocol=2), category="torch", technique="tensors by pickle.dump, protocol 2", source=f"torch {version}")
    torch.jit.save(torch.jit.script(nn.Sequential(nn.Linear(4, 2), nn.ReLU())), str(files.folder / "scripted.pt"))
    files.add("scripted.pt", None, category="torch", technique="a TorchScript archive", source=f"torch {version}")

    try:
        import pytorch_lightning as lightning
        from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
    except ImportError:
        lightning = None
    if lightning:
        class Module(lightning.LightningModule):
            def __init__(self, hidden=16, rate=0.01, **more):
                super().__init__()
                self.save_hyperparameters()
                self.net = Small()

            def training_step(self, batch, _):
                loss = self.net(batch[0]).pow(2).mean()
                self.log("train_loss", loss)
                self.log("val_loss", loss)
                return loss

            def configure_optimizers(self):
                steps = torch.optim.AdamW(self.parameters(), lr=self.hparams.rate)
                return {"optimizer": steps, "lr_scheduler": torch.optim.lr_scheduler.CosineAnnealingLR(steps, 5)}

        source = f"pytorch-lightning {lightning.__version__}"
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(40, 8)), batch_size=10)

        def fitted(file, model, technique, **more):
            trainer = lightning.Trainer(max_epochs=2, logger=False, enable_progress_bar=False, enable_model_summary=False, accelerator="cpu", default_root_dir="/tmp", **more)
            trainer.fit(model, loader)
            trainer.save_checkpoint(files.folder / file)
            files.add(file, None, category="lightning", technique=technique, source=source)

        fitted("lightning.ckpt", Module(), "a trainer's checkpoint with hyper-parameters", enable_checkpointing=False)
        keep = [ModelCheckpoint(dirpath="/tmp/deepfix-safety-lightning", monitor="val_loss"), EarlyStopping("val_loss", patience=3, check_on_train_epoch_end=True)]
        fitted("lightning_callbacks.ckpt", Module(hidden=8), "with the states of callbacks", callbacks=keep)
        fitted("lightning_nested.ckpt", Module(extra={"a": [1, 2], "b": (3, 4)}, path=pathlib.PurePosixPath("x")), "with nested hyper-parameters", enable_checkpointing=False)
        fitted("lightning_namespace.ckpt", Module(args=Namespace(lr=0.1, seed=3)), "with a Namespace as a hyper-parameter", enable_checkpointing=False)
        try:
            import omegaconf

            conf = omegaconf.OmegaConf.create({"model": {"hidden": 16, "layers": [1, 2]}, "lr": 0.1})
            fitted("lightning_omegaconf.ckpt", Module(config=conf), f"with a configuration of omegaconf {omegaconf.__version__}", enable_checkpointing=False)
        except ImportError:
            pass

    try:
        import transformers
        from transformers import BertConfig, BertModel, TrainingArguments
    except ImportError:
        transformers = None
    if transformers:
        source = f"transformers {transformers.__version__}"
        save("training_args.bin", TrainingArguments("/tmp/deepfix-safety", no_cuda=True, learning_rate=3e-5), "the arguments a Trainer saves", source, "transformers")
        torch.manual_seed(1)
        small = BertModel(BertConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, vocab_size=50))
        save("pytorch_model.bin", small.state_dict(), "a BERT model's weights", source, "transformers")
        steps = transformers.optimization.AdamW(small.parameters(), lr=1e-3, no_deprecation_warning=True)
        save("optimizer.pt", steps.state_dict(), "what a Trainer saves of its optimizer", source, "transformers")
        save("scheduler.pt", transformers.get_linear_schedule_with_warmup(steps, 2, 10).state_dict(), "what a Trainer saves of its schedule", source, "transformers")
        save("rng_state.pth", {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.random.get_rng_state()}, "what a Trainer saves of its generators", source, "transformers")
        save("config_object.pt", {"config": small.config, "state_dict": small.state_dict()}, "with the configuration as an object", source, "transformers")
    try:
        from safetensors.torch import save_file

        save_file(net.state_dict(), str(files.folder / "weights.safetensors"), metadata={"format": "pt"})
        files.add("weights.safetensors", None, category="safetensors", technique="a state dictionary", source="safetensors")
    except ImportError:
        pass
    for line in files.lines:
        line.update(hostile=False, refused=False, optional=False)
    files.close()
    print(len(files.lines), "honest files by PyTorch and what builds on it")


if __name__ == "__main__":
    main()
