"""Small networks and the loop that trains them and writes everything down.

`train(config)` gives a `History`: every step's loss, gradient norm and rate, every epoch's losses and scores, what the
layers look like. It is denser than any log made of it; labels are decided on it.
"""

import copy
import dataclasses
import math

import numpy as np
import torch
from torch import nn

import real_data

DEFAULT = dict(dataset="breast_cancer", n_train=256, n_val=160, data_seed=0, imbalance=0, easy_val=0, label_noise=0.0, leak=False,
               standardize=True, scale_target=True, arch="mlp", width=24, depth=2, act="relu", bn=False, dropout=0.0, init="default",
               bias_init=None, opt="adam", lr=0.005, momentum=0.9, weight_decay=0.0, batch_size=32, epochs=20, sched="const",
               sched_frac=1.0, gamma=1.0, clip=None, patience=None, ckpt="best", freeze=None, declare_freeze=False, pretrained=0,
               resume=None, ascent=False, bad_from=None, seed=0)
ACTS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}


class Last(nn.Module):
    """A recurrent net read at its last step, or at every step for text."""

    def __init__(self, cell, inputs, width, outputs, letters):
        super().__init__()
        self.embed = nn.Embedding(outputs, width) if letters else nn.Identity()
        self.rnn = cell(width if letters else inputs, width, batch_first=True)
        self.head = nn.Linear(width, outputs)
        self.letters = letters

    def forward(self, x):
        out, _ = self.rnn(self.embed(x))
        return self.head(out if self.letters else out[:, -1])


class Block(nn.Module):
    def __init__(self, width, act, dropout):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.act, self.down = nn.Linear(width, 2 * width), act(), nn.Linear(2 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        q, k, v = self.qkv(self.norm1(x)).chunk(3, dim=-1)
        score = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        score = score.masked_fill(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1), -1e9)
        x = x + self.drop(self.out(score.softmax(-1) @ v))
        return x + self.drop(self.down(self.act(self.up(self.norm2(x)))))


class Transformer(nn.Module):
    def __init__(self, letters, length, width, depth, act, dropout):
        super().__init__()
        self.embed, self.place = nn.Embedding(letters, width), nn.Parameter(torch.randn(length, width) * 0.1)
        self.blocks = nn.Sequential(*[Block(width, act, dropout) for _ in range(depth)])
        self.head = nn.Linear(width, letters)

    def forward(self, x):
        return self.head(self.blocks(self.embed(x) + self.place))


def build(c, part):
    torch.manual_seed(c["seed"])
    x, outputs, act, width = part.train[0], part.data.classes, ACTS[c["act"]], c["width"]
    if c["arch"] == "mlp":
        layers, size = [], int(np.prod(x.shape[1:]))
        for _ in range(c["depth"]):
            layers += [nn.Linear(size, width), *([nn.BatchNorm1d(width)] if c["bn"] else []), act()]
            layers += [nn.Dropout(c["dropout"])] if c["dropout"] else []
            size = width
        net = nn.Sequential(*layers, nn.Linear(size, outputs))
    elif c["arch"] == "cnn":
        net = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), *([nn.BatchNorm2d(width)] if c["bn"] else []), act(), nn.MaxPool2d(2),
                            nn.Conv2d(width, 2 * width, 3, padding=1), act(), nn.MaxPool2d(2), nn.Flatten(),
                            nn.Dropout(c["dropout"]), nn.Linear(2 * width * (x.shape[-1] // 4) ** 2, outputs))
    elif c["arch"] in ("gru", "rnn"):
        net = Last(nn.GRU if c["arch"] == "gru" else nn.RNN, x.shape[-1], width, outputs, part.data.kind == "text")
    else:
        net = Transformer(outputs, x.shape[1], width, c["depth"], act, c["dropout"])
    initialise(net, c)
    return net


def initialise(net, c):
    weights = [(n, p) for n, p in net.named_parameters() if p.dim() >= 2 and "norm" not in n and "embed" not in n and n != "place"]
    kind, _, amount = c["init"].partition(":")
    for name, p in weights:
        if kind == "he":
            nn.init.kaiming_normal_(p)
        elif kind == "normal":
            nn.init.normal_(p, std=float(amount))
        elif kind == "scale":
            p.data *= float(amount)
        elif kind == "constant":
            nn.init.constant_(p, float(amount))
    if kind == "constant":  # unlike biases would tell the units apart
        for name, p in net.named_parameters():
            if p.dim() == 1:
                nn.init.zeros_(p)
    if c["bias_init"] is not None:
        hidden = [m for m in net.modules() if isinstance(m, (nn.Linear, nn.Conv2d))][:-1]
        for m in hidden:
            nn.init.constant_(m.bias, c["bias_init"])


def optimizer(c, params):
    lr, wd = c["lr"], c["weight_decay"]
    return {"sgd": lambda: torch.optim.SGD(params, lr=lr, momentum=c["momentum"], weight_decay=wd),
            "adam": lambda: torch.optim.Adam(params, lr=lr, weight_decay=wd),
            "adamw": lambda: torch.optim.AdamW(params, lr=lr, weight_decay=wd),
            "rmsprop": lambda: torch.optim.RMSprop(params, lr=lr, weight_decay=wd)}[c["opt"]]()


def rate(c, step, total, per_epoch):
    """The factor on the rate at a step. `sched_frac`: the share of the run a decay or warm-up is laid out for."""
    s, span = c["sched"], max(1, c["sched_frac"] * total)
    if s == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / span)))
    if s == "warmup_cosine":
        warm = max(1, 0.1 * total)
        return step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / (total - warm))))
    if s == "warmup":
        return min(1.0, (step + 1) / span)
    if s == "linear":
        return max(0.0, 1 - step / span)
    if s == "one_cycle":
        top = 0.3 * total
        return 0.04 + 0.96 * (step / top if step < top else 0.5 * (1 + math.cos(math.pi * (step - top) / (total - top))))
    if s == "step":
        return 0.3 ** (step // max(1, total // 3))
    if s == "exp":
        return c["gamma"] ** (step // per_epoch)
    if s == "exp_per_step":
        return c["gamma"] ** step
    return 1.0


@dataclasses.dataclass
class History:
    """Rows of a run in the order they happened. `steps` and `epochs` hold what a logger would be told."""

    config: dict
    initial: float = 0.0
    prior: float = 0.0
    majority: tuple = (0.0, 0.0)
    absmax: float = 0.0
    task: str = "classification"
    counts: tuple = ((), ())
    sizes: tuple = (0, 0)
    steps: list = dataclasses.field(default_factory=list)    # {epoch, step, loss, grad, lr, ratio}
    epochs: list = dataclasses.field(default_factory=list)   # {epoch, step, loss, acc, val_loss, val_acc, val_f1, one_class}
    layers: list = dataclasses.field(default_factory=list)   # rows of layer_stats.csv
    dead: float = 0.0       # worst ReLU layer at the end
    saturated: float = 0.0  # worst tanh or sigmoid layer at the end
    still: list = dataclasses.field(default_factory=list)    # weights that never changed
    no_grad: list = dataclasses.field(default_factory=list)  # and never had a gradient
    restarts: list = dataclasses.field(default_factory=list)  # rows of `epochs` at which a resumed process began
    best: int = 0           # row of `epochs` with the best validation loss
    kept: int = 0           # row the checkpoint was taken at
    weights: dict = None
    final: dict = None
    optim: str = ""

    def series(self, key):
        return np.array([e[key] for e in self.epochs], dtype=float)


def batch_loss(net, x, y, task, **kind):
    out = net(x)
    if task == "classification":
        return nn.functional.cross_entropy(out.flatten(0, -2), y.flatten(), **kind), out
    return nn.functional.mse_loss(out.squeeze(-1), y, **kind), out


@torch.no_grad()
def evaluate(net, x, y, task, classes):
    net.eval()
    loss, out = batch_loss(net, x, y, task)
    net.train()
    if task == "regression":
        return float(loss), float((out.squeeze(-1) - y).abs().mean()), None, 0.0
    said, true = out.argmax(-1).flatten(), y.flatten()
    f1 = []
    for c in range(classes):
        hit = ((said == c) & (true == c)).sum().item()
        f1.append(2 * hit / max(1, (said == c).sum().item() + (true == c).sum().item()))
    return float(loss), float((said == true).float().mean()), float(np.mean(f1)), float(torch.bincount(said, minlength=classes).max() / len(said))


@torch.no_grad()
def activations(net, probe, epoch, step):
    """One row per activation layer, and the worst dead and saturated shares."""
    rows, seen, hooks = [], {}, []
    for name, m in net.named_modules():
        if isinstance(m, tuple(ACTS.values())):
            hooks.append(m.register_forward_hook(lambda m, i, o, name=name: seen.__setitem__(name, (type(m).__name__, o))))
    net.eval()
    net(probe)
    net.train()
    for hook in hooks:
        hook.remove()
    dead = saturated = 0.0
    for name, (kind, out) in seen.items():
        units = out.transpose(0, 1).flatten(1) if out.dim() == 4 else out.flatten(0, -2).T
        row = dict(epoch=epoch, step=step, layer=name, kind=f"activation:{kind}", act_mean=out.mean().item(), act_std=out.std().item(),
                   act_absmax=out.abs().max().item(), act_zero_frac=(out == 0).float().mean().item())
        if kind == "ReLU":
            row["dead_frac"] = (units == 0).all(dim=1).float().mean().item()
            dead = max(dead, row["dead_frac"])
        if kind in ("Tanh", "Sigmoid"):
            rails = out.abs() > 0.99 if kind == "Tanh" else (out < 0.01) | (out > 0.99)
            row["sat_frac"] = rails.float().mean().item()
            saturated = max(saturated, row["sat_frac"])
        rows.append(row)
    return rows, dead, saturated


def param_rows(net, before, grads, epoch, step):
    rows = []
    for name, p in net.named_parameters():
        if p.dim() < 2:
            continue
        w, g, norm = p.detach(), grads.get(name), before[name].norm().item()
        row = dict(epoch=epoch, step=step, layer=name, kind="param", weight_norm=w.norm().item(), weight_mean=w.mean().item(),
                   weight_std=w.std().item(), weight_absmax=w.abs().max().item(), update_ratio=(w - before[name]).norm().item() / max(norm, 1e-12))
        if g is not None:
            row |= dict(grad_norm=g.norm().item(), grad_mean_abs=g.abs().mean().item(), grad_zero_frac=(g == 0).float().mean().item())
        rows.append(row)
    return rows


def frozen(net, c):
    """The first weights and their bias, when the configuration freezes them."""
    if not c["freeze"]:
        return []
    names = [n for n, _ in net.named_parameters()]
    first = next(n for n, p in net.named_parameters() if p.dim() >= 2)
    return [n for n in names if n.rsplit(".", 1)[0] == first.rsplit(".", 1)[0]]


def train(c, part=None, pictures=True):
    """Trains a configuration. `pictures` keeps gradients, layer statistics and weights, which control runs do not need."""
    part = part or real_data.split(c)
    task, classes = part.data.task, part.data.classes
    dtype = torch.long if task == "classification" else torch.float32
    (x, y), (vx, vy) = ((torch.as_tensor(a), torch.as_tensor(b, dtype=dtype)) for a, b in (part.train, part.val))
    if c["arch"] == "mlp":
        x, vx = x.flatten(1), vx.flatten(1)
    net = build(c, part)
    if c["pretrained"]:
        first = train({**DEFAULT, **{k: c[k] for k in ("dataset", "n_train", "n_val", "arch", "width", "depth", "act", "bn")},
                       "epochs": c["pretrained"], "lr": 0.004, "seed": c["seed"] + 1, "data_seed": c["data_seed"]})
        net.load_state_dict(first.final)
        with torch.no_grad():  # a new task's head
            for p in list(net.parameters())[-2:]:
                nn.init.normal_(p, std=0.05)
    h = History(c, prior=part.prior, majority=(part.majority_train, part.majority_val), absmax=part.absmax, task=task,
                counts=part.counts, sizes=(len(x), len(vx)))
    h.initial = evaluate(net, x, y, task, classes)[0]
    held = set(frozen(net, c))
    for name, p in net.named_parameters():
        p.requires_grad_(name not in held)
    opt = optimizer(c, [p for p in net.parameters() if p.requires_grad])
    h.optim = type(opt).__name__
    matrices = [p for n, p in net.named_parameters() if p.dim() >= 2]
    start = {n: p.detach().clone() for n, p in net.named_parameters()}
    had_grad = set()
    per_epoch = math.ceil(len(x) / c["batch_size"])
    total = per_epoch * c["epochs"]
    sampled = set(np.linspace(0, c["epochs"] - 1, min(c["epochs"], 8)).round().astype(int))
    order = torch.Generator().manual_seed(c["seed"])
    probe = x[:128]
    resume, saved, left = c["resume"], None, c["patience"]
    epoch, step, best = 0, 0, math.inf
    if pictures and part.data.kind != "text":
        h.layers.append(dict(epoch=0, step=0, layer="input", kind="input", act_mean=x.mean().item(), act_std=x.std().item(),
                             act_absmax=x.abs().max().item()))
    while epoch < c["epochs"]:
        if resume and not h.restarts and epoch == resume["crash"]:
            h.restarts.append(len(h.epochs))
            if resume["kind"] == "rewind":  # state restored, log goes on from the older step
                net.load_state_dict(saved[0])
                opt.load_state_dict(saved[1])
                epoch, step = saved[2], saved[3]
            elif resume["kind"] == "weights_lost":
                net = build({**c, "seed": c["seed"] + 7}, part)
                matrices = [p for n, p in net.named_parameters() if p.dim() >= 2]
                opt = optimizer(c, list(net.parameters()))
        if resume and epoch == resume["from"] and saved is None:
            saved = copy.deepcopy((net.state_dict(), opt.state_dict(), epoch, step))
        before = {n: p.detach().clone() for n, p in net.named_parameters()} if epoch in sampled else None
        sums, right, seen = 0.0, 0.0, 0
        for rows in torch.randperm(len(x), generator=order).split(c["batch_size"]):
            if len(rows) == 1 and c["bn"]:
                continue
            now = c["lr"] * rate(c, step, total, per_epoch)
            for group in opt.param_groups:
                group["lr"] = now
            bx = x[rows]
            if c["bad_from"] is not None and epoch >= c["bad_from"] and 0 in rows:
                bx = bx.clone()
                bx[0, 0] = math.nan
            opt.zero_grad(set_to_none=True)
            loss, out = batch_loss(net, bx, y[rows], task)
            (-loss if c["ascent"] else loss).backward()
            grad = ratio = None
            if pictures or step == 0:
                grad = torch.stack([p.grad.norm() for p in net.parameters() if p.grad is not None]).norm().item()
                if matrices[0].grad is not None:
                    ratio = matrices[0].grad.norm().item() / max(matrices[-1].grad.norm().item(), 1e-30)
            if c["clip"]:
                nn.utils.clip_grad_norm_([p for p in net.parameters() if p.grad is not None], c["clip"])
            grads = {n: p.grad.clone() for n, p in net.named_parameters() if p.grad is not None} if before is not None and seen + len(rows) >= len(x) else {}
            opt.step()
            value = loss.item()
            h.steps.append(dict(epoch=epoch, step=step, loss=value, grad=grad, lr=now, ratio=ratio))
            sums += value * len(rows)
            if task == "classification":
                right += (out.argmax(-1) == y[rows]).float().mean().item() * len(rows)
            else:
                right += (out.squeeze(-1) - y[rows]).abs().mean().item() * len(rows)
            seen += len(rows)
            step += 1
        had_grad |= {n for n, p in net.named_parameters() if p.grad is not None}
        val = evaluate(net, vx, vy, task, classes)
        h.epochs.append(dict(epoch=epoch, step=step - 1, loss=sums / seen, acc=right / seen, val_loss=val[0], val_acc=val[1],
                             val_f1=val[2], one_class=val[3], lr=now))
        if before is not None and pictures:
            h.layers += param_rows(net, before, grads, epoch, step - 1)
            h.layers += activations(net, probe, epoch, step - 1)[0]
        if val[0] < best or len(h.epochs) == 1:
            best, h.best, left = val[0], len(h.epochs) - 1, c["patience"]
            if c["ckpt"] == "best" and pictures:
                h.weights, h.kept = {k: v.clone() for k, v in net.state_dict().items()}, h.best
        elif left is not None:
            left -= 1
            if left <= 0:
                break
        epoch += 1
    h.final = {k: v.clone() for k, v in net.state_dict().items()}
    if c["ckpt"] == "last" and pictures:
        h.weights, h.kept = h.final, len(h.epochs) - 1
    _, h.dead, h.saturated = activations(net, probe, 0, 0)
    if not h.restarts:
        h.still = [n for n, p in net.named_parameters() if p.dim() >= 2 and torch.equal(p.detach(), start[n])]
        h.no_grad = [n for n in h.still if n not in had_grad]
    return h


def first_norm(c):
    """The gradient norm of the untrained net: what a default initialisation would have started with."""
    return train({**c, "epochs": 1, "n_train": c["batch_size"], "pretrained": 0, "resume": None}, pictures=False).steps[0]["grad"]
