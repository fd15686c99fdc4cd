"""What following a real Lightning run costs it.

    PYTHON bench/live/lightning.py target/release/deepfix [--epochs 150] [--rounds 2]

Trains a small convolutional network on scikit-learn's digits with PyTorch Lightning, logging every step to its CSVLogger,
alone and with `deepfix watch` beside it on the same cores, in turns. Prints the CPU that following took as a share of what
training took, and both times of training. Needs pytorch_lightning, torch and scikit-learn (bench/safety/run.sh says how
Debian's torch is brought to run Lightning).
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
TRAIN = "--train"


def train(folder, epochs):
    import debian_torch  # noqa: F401
    import torch
    import pytorch_lightning as pl
    from pytorch_lightning.loggers import CSVLogger
    from sklearn.datasets import load_digits

    class Net(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(
                torch.nn.Conv2d(1, 32, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(32, 64, 3, padding=1), torch.nn.ReLU(),
                torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(1024, 10))

        def step(self, batch, name):
            x, y = batch
            out = self.layers(x)
            loss = torch.nn.functional.cross_entropy(out, y)
            self.log(f"{name}_loss", loss, on_step=name == "train", on_epoch=True)
            self.log(f"{name}_acc", (out.argmax(1) == y).float().mean(), on_step=False, on_epoch=True)
            return loss

        def training_step(self, batch, _):
            return self.step(batch, "train")

        def validation_step(self, batch, _):
            self.step(batch, "val")

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 3e-4)

    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x))
    data = torch.utils.data.TensorDataset
    batches = torch.utils.data.DataLoader
    part = lambda rows, shuffle: batches(data(x[rows], y[rows]), 32, shuffle=shuffle)  # noqa: E731
    trainer = pl.Trainer(max_epochs=epochs, logger=CSVLogger(folder, name="", version="", flush_logs_every_n_steps=20), log_every_n_steps=1,
                         accelerator="cpu", enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False)
    trainer.fit(Net(), part(order[:1400], True), part(order[1400:], False))


def timed(command, beside=None):
    """Time and CPU of a command, and the CPU of what ran beside it until then."""
    other = subprocess.Popen(beside, stdout=subprocess.PIPE, text=True) if beside else None
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - begun
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(error.decode()[-2000:])
    watched, said = 0.0, ""
    if other:
        said = other.stdout.read()
        _, _, used = os.wait4(other.pid, 0)
        watched = used.ru_utime + used.ru_stime
    return took, usage.ru_utime + usage.ru_stime, watched, said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deepfix")
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(TRAIN, type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        train(args.train, args.epochs)
        return
    alone, beside = [], []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            run = lambda folder: [sys.executable, __file__, args.deepfix, TRAIN, folder, "--epochs", str(args.epochs)]  # noqa: E731
            alone.append(timed(run(one)))
            log = pathlib.Path(two) / "metrics.csv"
            beside.append(timed(run(two), [args.deepfix, "watch", str(log), "--idle", "30s"]))
            rows = len(log.read_text().splitlines())
    share = [watched / cpu for _, cpu, watched, _ in beside]
    print(f"Lightning, {args.epochs} epochs, a log of {rows} rows: alone {min(a[0] for a in alone):.1f} s ({min(a[1] for a in alone):.1f} s CPU), "
          f"followed {min(b[0] for b in beside):.1f} s ({min(b[1] for b in beside):.1f} s CPU)")
    print(f"following: {statistics.mean(b[2] for b in beside):.2f} s CPU, {100 * max(share):.2f} % of what training took (worst of {args.rounds}), "
          f"its last look and 30 s of waiting included")
    print(beside[-1][3] or "nothing was told")


if __name__ == "__main__":
    main()
