"""The five problems of AUTOTRAINER, on logs.

After X. Zhang, J. Zhai, S. Ma, C. Shen, "AUTOTRAINER: An Automatic DNN Training Problem Detection and Repair System",
ICSE 2021, with the thresholds its authors publish as defaults (named there beta 1 to 3, gamma, zeta, eta, delta, Theta).
The checks and thresholds follow the paper and the authors' tool, the code is ours; the repair half is left out. The tool watches a training as it goes on and sees every
gradient; here it sees the logs and the layer statistics at the epochs they were taken.

The first value of every list is the published one, the rest are what tuning may choose from. The tool is made for
classifiers: for regression, 1 - loss / variance of the target stands in for the accuracy, and where no train accuracy was
logged the validation accuracy stands in for both. A theta of 2 takes the condition on accuracy away.
"""

import math

import numpy as np

START = 0.3  # share of the epochs after which the tool judges curves


def scores(run):
    """(train, validation) accuracy per epoch, or what stands in for it."""
    if len(run.val_acc):
        return (run.acc if len(run.acc) else run.val_acc), run.val_acc
    if run.prior:
        return 1 - run.loss / run.prior, 1 - run.val_loss / run.prior
    return np.array([]), np.array([])


def poor(run, theta):
    """The model has not come as far as it is wanted to: the gradient problems count only then."""
    train, val = scores(run)
    best = [np.nanmax(s) for s in (train, val) if len(s) and np.isfinite(s).any()]
    return not best or min(best) < theta


def gradients(run):
    """Per sampled epoch the (first, last) gradient norm and the share of zeros over all weights."""
    out = []
    rows = [r for r in run.rows("param") if not math.isnan(r["grad_norm"]) or math.isnan(r["weight_norm"])]
    for epoch in sorted({(r["epoch"], r["step"]) for r in rows}):
        of = [r for r in rows if (r["epoch"], r["step"]) == epoch]
        if len(of) >= 2:
            out.append((of[0]["grad_norm"], of[-1]["grad_norm"], np.mean([r["grad_zero_frac"] for r in of])))
    return out


def not_finite(run):
    """A NaN in losses is what the tool calls exploding; the corpus calls it nan_loss."""
    every = np.concatenate([run.loss, run.step_loss, run.val_loss])
    return {"nan_loss"} if len(every) and not np.isfinite(every).all() else set()


def exploding(run, beta3, theta):
    bad = [not math.isfinite(first) or first / max(last, 1e-30) > beta3 for first, last, _ in gradients(run)]
    return {"exploding_gradient"} if any(bad) and poor(run, theta) or len(run.grad_norm) and not np.isfinite(run.grad_norm).all() else set()


def vanishing(run, beta1, beta2, theta):
    bad = [first / max(last, 1e-30) < beta1 and first < beta2 for first, last, _ in gradients(run)]
    return {"vanishing_gradient"} if any(bad) and poor(run, theta) else set()


def dying(run, gamma, theta):
    bad = [zeros >= gamma for _, _, zeros in gradients(run)]
    relu = run.params.get("model", {}).get("activation", "relu") == "relu"
    return {"dying_relu"} if relu and any(bad) and poor(run, theta) else set()


def oscillating(run, zeta, eta):
    """Falls of the train accuracy between neighbouring peaks and dips of at least zeta, as many as the share eta of the epochs."""
    train, _ = scores(run)
    if len(train) < 3 or not np.isfinite(train).all():
        return set()
    inner, left, right = train[1:-1], train[:-2], train[2:]
    peaks, dips = inner[(inner >= left) & (inner >= right)], inner[(inner <= left) & (inner <= right)]
    swings = sum(abs(p - d) >= zeta for p, d in zip(peaks, dips))
    return {"oscillating_loss"} if swings >= max(1, eta * len(train)) else set()


def slow(run, delta, means):
    """No epoch brings delta of accuracy, in train or validation. `means` is the code it counts as: the paper's words fit both."""
    train, val = scores(run)
    if len(val) <= max(2, START * (run.params.get("max_epochs") or run.epochs)) or not np.isfinite(val).all():
        return set()
    gain = max(np.diff(s).max() for s in (train, val) if len(s) > 1)
    return {means} if gain < delta else set()


RULES = {
    "nan": (not_finite, {}),
    "exploding": (exploding, {"beta3": [70.0, 5.0, 20.0, 200.0, 1e4], "theta": [0.7, 0.4, 0.5, 0.6, 0.8, 0.95, 2.0]}),
    "vanishing": (vanishing, {"beta1": [1e-3, 1e-5, 1e-4, 1e-2, 1e-1], "beta2": [1e-4, 1e-6, 1e-5, 1e-3, 1e-2, 1.0], "theta": [0.7, 0.4, 0.5, 0.6, 0.8, 0.95, 2.0]}),
    "dying_relu": (dying, {"gamma": [0.7, 0.4, 0.5, 0.6, 0.8, 0.9, 0.99], "theta": [0.7, 0.4, 0.5, 0.6, 0.8, 0.95, 2.0]}),
    "oscillating": (oscillating, {"zeta": [0.03, 0.01, 0.05, 0.08, 0.12, 0.2, 0.3], "eta": [0.2, 0.1, 0.15, 0.25, 0.3, 0.35]}),
    "slow": (slow, {"delta": [0.01, 0.001, 0.003, 0.02, 0.03, 0.05, 0.1], "means": ["slow_convergence", "lr_too_low", "not_learning"]}),
}
