"""A small network in NumPy whose log, settings and weights are written as a training job writes them."""

import csv
import json
import struct

import numpy as np


def one_hot(y, k):
    return np.eye(k)[y]


def softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def train(x, y, xv, yv, folder, *, width=64, lr=1e-3, optimizer="adam", epochs=40, batch=32, seed=0, init=None, act="relu", patience=None,
          keep="last", clip=None, weights=None, dtype="F32", params=None):
    """Trains on rows x with classes y, validates on xv and yv. Leaves metrics.csv, hparams.yaml and model.safetensors."""
    rng = np.random.default_rng(seed)
    k = int(max(y.max(), yv.max())) + 1
    sizes = [x.shape[1], width, width, k]
    theta = []
    for a, b in zip(sizes, sizes[1:]):
        scale = np.sqrt(2 / a) if init is None else init
        theta += [rng.normal(0, 1, (a, b)) * scale if init != 0 else np.zeros((a, b)), np.zeros(b)]
    moment, square, step, rows = [np.zeros_like(t) for t in theta], [np.zeros_like(t) for t in theta], 0, []
    squash = (lambda z: np.maximum(z, 0)) if act == "relu" else (lambda z: 1 / (1 + np.exp(-z)))
    slope = (lambda h: (h > 0).astype(float)) if act == "relu" else (lambda h: h * (1 - h))

    def forward(rows):
        h = [rows]
        for i in (0, 2):
            h.append(squash(h[-1] @ theta[i] + theta[i + 1]))
        return h, softmax(h[-1] @ theta[4] + theta[5])

    def score(rows, classes):
        with np.errstate(all="ignore"):
            p = forward(rows)[1]
            return float(-np.log(np.maximum(p[np.arange(len(classes)), classes], 1e-12)).mean()), float((p.argmax(1) == classes).mean())

    layers, probe = [], x[:256]

    def watch(epoch, step, norm):
        with np.errstate(all="ignore"):
            h = forward(probe)[0]
        layers.append({"epoch": epoch, "step": step, "layer": "input", "kind": "input", "act_mean": probe.mean(), "act_std": probe.std(),
                       "act_absmax": np.abs(probe).max()})
        for i in (0, 2, 4):
            layers.append({"epoch": epoch, "step": step, "layer": f"{i // 2}.weight", "kind": "param", "weight_norm": np.linalg.norm(theta[i]),
                           "weight_std": theta[i].std(), "weight_absmax": np.abs(theta[i]).max(), "grad_norm": np.linalg.norm(grads[i])})
        for i, out in enumerate(h[1:]):
            layers.append({"epoch": epoch, "step": step, "layer": f"{i}.act", "kind": f"act:{act}", "act_mean": out.mean(), "act_std": out.std(),
                           "act_absmax": np.abs(out).max(), "act_zero_frac": (out == 0).mean(),
                           "dead_frac": (out == 0).all(axis=0).mean() if act == "relu" else "",
                           "sat_frac": ((out < 0.05) | (out > 0.95)).mean() if act == "sigmoid" else ""})

    best, best_theta, waited = np.inf, None, 0
    for epoch in range(epochs):
        losses = []
        for part in np.array_split(rng.permutation(len(x)), max(1, len(x) // batch)):
            with np.errstate(all="ignore"):
                h, p = forward(x[part])
                losses.append(float(-np.log(np.maximum(p[np.arange(len(part)), y[part]], 1e-12)).mean()))
                d = (p - one_hot(y[part], k)) / len(part)
                if weights is not None:
                    d = d * weights[y[part]][:, None]
                grads = [None] * 6
                for i in (4, 2, 0):
                    grads[i], grads[i + 1] = h[i // 2].T @ d, d.sum(0)
                    d = (d @ theta[i].T) * slope(h[i // 2])
                norm = np.sqrt(sum((g ** 2).sum() for g in grads))
                if clip and norm > clip:
                    grads = [g * clip / norm for g in grads]
                step += 1
                for i, g in enumerate(grads):
                    if optimizer == "sgd":
                        theta[i] = theta[i] - lr * g
                        continue
                    moment[i] = 0.9 * moment[i] + 0.1 * g
                    square[i] = 0.999 * square[i] + 0.001 * g * g
                    theta[i] = theta[i] - lr * (moment[i] / (1 - 0.9 ** step)) / (np.sqrt(square[i] / (1 - 0.999 ** step)) + 1e-8)
        watch(epoch, step, norm)
        val_loss, val_acc = score(xv, yv)
        rows.append({"epoch": epoch, "step": step - 1, "train_loss": np.mean(losses), "train_acc": score(x, y)[1], "val_loss": val_loss,
                     "val_acc": val_acc, "grad_norm": norm})
        if val_loss < best:
            best, best_theta, best_epoch, waited = val_loss, [t.copy() for t in theta], epoch, 0
        else:
            waited += 1
            if patience and waited >= patience:
                break
    with (folder / "metrics.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with (folder / "layer_stats.csv").open("w", newline="") as out:
        columns = ("epoch step layer kind weight_norm weight_mean weight_std weight_absmax update_ratio grad_norm grad_mean_abs grad_zero_frac "
                   "act_mean act_std act_absmax act_zero_frac dead_frac sat_frac")
        writer = csv.DictWriter(out, columns.split())
        writer.writeheader()
        writer.writerows(layers)
    shares = np.bincount(y, minlength=k)
    settings = {"optimizer": optimizer, "learning_rate": lr, "batch_size": batch, "max_epochs": epochs, "hidden_size": width, "activation": act,
                "gradient_clip_val": clip, "early_stopping": {"patience": patience, "monitor": "val_loss"} if patience else None,
                "checkpoint": {"monitor": "val_loss", "mode": "min", "save": keep},
                "data": {"num_classes": k, "num_train": len(x), "num_val": len(xv), "train_class_counts": shares.tolist()}, **(params or {})}
    (folder / "hparams.yaml").write_text(json.dumps(settings, indent=1))
    kept = best_theta if keep == "best" and best_theta is not None else theta
    save(folder / "model.safetensors", {f"{i // 2}.{'weight' if i % 2 == 0 else 'bias'}": t.T for i, t in enumerate(kept)},
         {"epoch": str(best_epoch if keep == "best" and best_theta is not None else len(rows) - 1)})
    return lambda rows: forward(rows)[1]


def save(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
