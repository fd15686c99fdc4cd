"""The built-in rules of Amazon SageMaker Debugger that say what a fault code says, on logs.

After the service's documentation of its rules and their default parameters (Developer Guide, "List of Debugger Built-in
Rules", 2020 to 2022). Written from that text; the rules themselves run in the service on saved tensors, here they see the
logs and the layer statistics, once, after the end, so "steps" are the points that were logged.

The first value of every list is the documented default, the rest are what tuning may choose from. Approximations:
layer statistics hold units that never fire (documented: fire in less than 1 %), outputs beyond 0.99 (documented: inputs
beyond 9.5), mean absolute gradients (documented for poor_weight_initialization: a range between percentiles), updates per
epoch (documented: per saved step), class counts of the parameters (documented: labels and predictions; the second half of
class_imbalance, mispredictions per class, cannot be seen). Not mapped, for the corpus has no such code: stalled_training,
all_zero, similar_across_runs, nlp_sequence_ratio, tree_depth, confusion, feature_importance_overweight.
"""

import math

import numpy as np


def loss_not_decreasing(run, num_steps, diff_percent, increase_threshold_percent, needed):
    """`needed`: share of the comparisons that must fail. The service reports at the first, which is the published value here."""
    loss = run.step_loss[np.isfinite(run.step_loss)]
    at = list(range(0, len(loss), num_steps))
    if len(at) < 2:
        return set()
    change = [100 * (loss[b] - loss[a]) / max(abs(loss[a]), 1e-12) for a, b in zip(at, at[1:])]
    bad = [c > -diff_percent or c > increase_threshold_percent for c in change]
    return {"not_learning"} if any(bad) and np.mean(bad) >= needed else set()


def overfit(run, start_step, patience, ratio_threshold):
    """For `patience` points in a row validation lies the ratio above train."""
    n = min(len(run.loss), len(run.val_loss))
    loss, val = run.loss[start_step:n], run.val_loss[start_step:n]
    streak = 0
    for t, v in zip(loss, val):
        streak = streak + 1 if math.isfinite(t) and (v - t) / max(abs(t), 1e-12) > ratio_threshold else 0
        if streak >= patience:
            return {"overfitting"}
    return set()


def since_better(values, delta):
    best, since = math.inf, 0
    for value in values:
        if value < best - delta:
            best, since = value, 0
        else:
            since += 1
    return since


def overtraining(run, patience_train, patience_validation, delta):
    """Neither loss has improved for its patience."""
    if not len(run.val_loss) or not np.isfinite(run.val_loss).all():
        return set()
    stale = since_better(run.val_loss, delta) >= patience_validation
    return {"early_stopping_missed"} if stale and since_better(run.loss, delta) >= patience_train else set()


def exploding_tensor(run, only_nan):
    bad = (lambda v: np.isnan(v).any()) if only_nan else (lambda v: not np.isfinite(v).all())
    found = set()
    if any(len(v) and bad(v) for v in (run.loss, run.step_loss, run.val_loss)):
        found.add("nan_loss")
    if len(run.grad_norm) and bad(run.grad_norm):
        found.add("exploding_gradient")
    if any(bad(np.array([r["weight_norm"]])) for r in run.rows("param")):
        found.add("nan_weights")
    return found


def vanishing_gradient(run, threshold):
    bad = [r["grad_mean_abs"] < threshold for r in run.rows("param") if math.isfinite(r["grad_mean_abs"])]
    return {"vanishing_gradient"} if any(bad) else set()


def dead_relu(run, threshold_layer):
    bad = [100 * r["dead_frac"] > threshold_layer for r in run.rows("activation") if math.isfinite(r["dead_frac"])]
    return {"dying_relu"} if any(bad) else set()


def saturated_activation(run, threshold_layer):
    bad = [100 * r["sat_frac"] > threshold_layer for r in run.rows("activation") if math.isfinite(r["sat_frac"])]
    return {"saturated_activation"} if any(bad) else set()


def poor_weight_initialization(run, threshold, distribution_range, patience):
    """Unlike spreads, or gradients in a tiny range, while the first losses do not fall. The text ties small weights to
    vanishing and large ones to exploding gradients, so that is what the two halves count as."""
    first = min((r["epoch"] for r in run.rows("param")), default=None)
    if first is None or since_better(run.step_loss[:10], 0.0) < patience:
        return set()
    spread = [r["act_std"] ** 2 for r in run.rows("activation") if r["epoch"] == first]
    grads = [r["grad_mean_abs"] for r in run.rows("param") if r["epoch"] == first and math.isfinite(r["grad_mean_abs"])]
    found = set()
    if len(spread) > 1 and max(spread) / max(min(spread), 1e-30) > threshold:
        found.add("exploding_gradient")
    if grads and min(grads) < distribution_range:
        found.add("vanishing_gradient")
    return found


def weight_update_ratio(run, large_threshold, small_threshold):
    """The text: too large pushes the weights past the best, too small makes for very slow convergence."""
    ratios = [r["update_ratio"] for r in run.rows("param") if math.isfinite(r["update_ratio"])]
    found = set()
    if any(r > large_threshold for r in ratios):
        found.add("lr_too_high")
    if any(r < small_threshold for r in ratios):
        found.add("lr_too_low")
    return found


def class_imbalance(run, threshold_imbalance):
    counts = run.params.get("data", {}).get("train_class_counts")
    return {"majority_class_collapse"} if counts and max(counts) / max(1, min(counts)) > threshold_imbalance else set()


def unchanged_tensor(run, num_steps, rtol):
    """A weight that stays the same over `num_steps` of its statistics."""
    streak = {}
    for r in run.rows("param"):
        name = r["layer"]
        streak[name] = streak.get(name, 0) + 1 if r["update_ratio"] <= rtol else 0
        if streak[name] >= num_steps:
            return {"frozen_layer"}
    return set()


def tensor_variance(run, min_threshold):
    """Weights without spread; a maximum has no default and no code."""
    return {"symmetric_weights"} if any(r["weight_std"] ** 2 < min_threshold for r in run.rows("param")) else set()


def check_input_images(run, threshold_mean):
    return {"input_not_normalized"} if any(abs(r["act_mean"]) > threshold_mean for r in run.rows("input")) else set()


RULES = {
    "loss_not_decreasing": (loss_not_decreasing, {
        "num_steps": [10, 3, 5, 20, 40], "diff_percent": [0.1, 0.5, 1.0, 3.0], "increase_threshold_percent": [5.0], "needed": [0.0, 0.3, 0.5, 0.7, 0.9]}),
    "overfit": (overfit, {"start_step": [0, 3, 5, 10], "patience": [1, 3, 5, 10, 20], "ratio_threshold": [0.1, 0.3, 0.6, 1.0, 2.0, 4.0, 8.0]}),
    "overtraining": (overtraining, {"patience_train": [5, 0, 1, 3], "patience_validation": [10, 3, 5, 8, 15, 20], "delta": [0.01, 0.0, 0.003, 0.03, 0.1]}),
    "exploding_tensor": (exploding_tensor, {"only_nan": [False, True]}),
    "vanishing_gradient": (vanishing_gradient, {"threshold": [1e-7, 1e-9, 1e-8, 1e-6, 1e-5, 1e-4]}),
    "dead_relu": (dead_relu, {"threshold_layer": [50.0, 30.0, 40.0, 60.0, 70.0, 80.0, 90.0]}),
    "saturated_activation": (saturated_activation, {"threshold_layer": [50.0, 30.0, 40.0, 60.0, 70.0, 80.0, 90.0]}),
    "poor_weight_initialization": (poor_weight_initialization, {
        "threshold": [10.0, 3.0, 30.0, 100.0, 1e4], "distribution_range": [1e-3, 1e-6, 1e-5, 1e-4, 1e-2], "patience": [5, 3, 7]}),
    "weight_update_ratio": (weight_update_ratio, {"large_threshold": [10.0, 0.3, 1.0, 3.0, 30.0], "small_threshold": [1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2]}),
    "class_imbalance": (class_imbalance, {"threshold_imbalance": [10.0, 2.0, 3.0, 5.0, 8.0, 15.0]}),
    "unchanged_tensor": (unchanged_tensor, {"num_steps": [3, 2, 5], "rtol": [1e-5, 0.0, 1e-8, 1e-4]}),
    "tensor_variance": (tensor_variance, {"min_threshold": [1e-5, 1e-12, 1e-9, 1e-7, 1e-4]}),
    "check_input_images": (check_input_images, {"threshold_mean": [0.2, 1.0, 3.0, 10.0, 30.0]}),
}
