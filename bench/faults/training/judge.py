"""Decides which faults a run has, by the definitions of the corpus, from its dense history and from control runs.

Every code has a strict condition, that of the corpus, and a loose one. Strict and visible in what was logged: the run
has the fault. Strict but not visible, only loose, or with another possible cause beside it: ambiguous. A control run
changes one thing of the configuration; `control(**change)` trains it, once for equal changes.
"""

import functools
import math

import numpy as np

SERIOUS = {"nan_loss", "exploding_loss", "exploding_gradient", "not_learning", "vanishing_gradient", "saturated_activation",
           "no_generalization", "majority_class_collapse"}


def zigzag(loss):
    """(share of turns, mean change over level) of the epochs after the first quarter."""
    tail = loss[len(loss) // 4:]
    steps = np.diff(tail)
    if len(steps) < 5 or not np.isfinite(tail).all():
        return 0.0, 0.0
    return float((np.sign(steps[1:]) != np.sign(steps[:-1])).mean()), float(np.abs(steps).mean() / max(tail.mean(), 1e-12))


def lower(value, than, by):
    """`value` lies at least the share `by` below `than`; anything finite lies below what is not."""
    return math.isfinite(value) and (not math.isfinite(than) or value <= (1 - by) * than)


class Judge:
    def __init__(self, h, control, shown):
        self.h, self.c, self.shown = h, h.config, shown
        self.control = functools.cache(lambda **change: control(change))
        self.loss, self.val = h.series("loss"), h.series("val_loss")
        self.acc, self.val_acc = h.series("acc"), h.series("val_acc")
        self.grad = np.array([s["grad"] for s in h.steps], dtype=float)
        self.base = max(h.initial, h.prior)
        self.end, self.val_end = self.loss[-1], self.val[-1]
        self.broken = not np.isfinite(self.loss).all()
        finite = np.where(np.isfinite(self.val), self.val, np.inf)
        self.best = int(finite.argmin())
        self.faults, self.unclear, self.evidence = set(), set(), {}
        c = self.c
        # What else could explain a bad end; a cause is only named when none of these is there.
        self.other_causes = bool(c["ascent"] or c["bad_from"] is not None or c["bias_init"] is not None or c["freeze"]
                                 or c["init"].split(":")[0] in ("normal", "scale", "constant") or c["batch_size"] <= 2
                                 or (not c["standardize"] and h.absmax > 10) or h.restarts)

    def say(self, code, strict, loose=False, visible=True):
        if strict and visible:
            self.faults.add(code)
        elif strict or loose:
            self.unclear.add(code)

    def run(self):
        self.breaking()
        self.inside()
        self.curves()
        self.scores()
        self.log()
        self.causes()
        self.unclear -= self.faults
        return self

    def has(self, code):
        return code in self.faults

    def breaking(self):
        h, loss, val = self.h, self.loss, self.val
        self.say("nan_loss", self.broken)
        known = loss[np.isfinite(loss)]
        peak = known.max() if len(known) else 0.0
        known_val = val[np.isfinite(val)]
        val_peak = known_val.max() if len(known_val) else 0.0
        step_peak = max((s["loss"] for s in h.steps if math.isfinite(s["loss"])), default=0.0)
        if self.broken:
            self.say("exploding_loss", peak >= 10 * self.base, step_peak >= 3 * self.base or val_peak >= 5 * self.base)
        else:
            self.say("exploding_loss", (peak >= 10 * self.base and self.end >= 3 * self.base) or
                     (val_peak >= 30 * self.base and self.val_end >= 3 * self.base),
                     # the last: weights that start far off; risen above what?
                     step_peak >= 3 * self.base or val_peak >= 5 * self.base or self.end >= 3 * h.prior)
        impaired = self.broken or self.end > 0.9 * self.base
        if not len(self.grad):
            return
        finite = self.grad[np.isfinite(self.grad)]
        first, most = float(np.median(self.grad[:10])), float(finite.max()) if len(finite) else 0.0
        grown = math.isfinite(first) and most >= 100 * first and most >= 100 and impaired
        logged = [v for v in self.shown["grad"] if math.isfinite(v)]
        visible = bool(logged) and max(logged) >= 100
        if self.c["init"].split(":")[0] in ("normal", "scale") and self.shown["first_norm"]:
            usual = self.shown["first_norm"]()
            self.evidence["first_grad_norm_over_default"] = self.grad[0] / usual
            grown = grown or self.grad[0] >= 100 * usual
        self.say("exploding_gradient", grown, most >= 10 * first and most >= 10 or len(finite) < len(self.grad), visible)

    def inside(self):
        h, c, layers = self.h, self.c, self.shown["layers"]
        self.say("dying_relu", h.dead >= 0.6, h.dead >= 0.3, layers)
        self.say("saturated_activation", h.saturated >= 0.6, h.saturated >= 0.4, layers)
        ratios = [s["ratio"] for s in h.steps[:max(1, len(h.steps) // 2)] if s["ratio"] is not None and math.isfinite(s["ratio"])]
        ratio = float(np.median(ratios)) if ratios else 1.0
        self.evidence["grad_ratio"] = ratio
        flat = not self.broken and self.loss.min() > 0.7 * h.prior
        recovers = False
        if ratio < 1e-3 and flat:
            other = self.control(depth=2, act="relu", init="he", bias_init=None, opt="adam", lr=0.003)
            recovers = np.nanmin(other.series("loss")) < 0.7 * h.prior
        alive = h.dead < 0.3 and not self.has("exploding_loss")
        self.say("vanishing_gradient", ratio < 1e-3 and flat and recovers and alive, ratio < 1e-2 and self.loss.min() > 0.5 * h.prior, layers)
        if not c["declare_freeze"]:
            self.say("frozen_layer", bool(h.no_grad), bool(h.still), layers)
        if h.weights:
            hidden = [w for n, w in h.weights.items() if w.dim() == 2 and "head" not in n][:-1] if c["arch"] == "mlp" else []
            same = any(len(w) > 1 and bool(((w - w[:1]).abs() < 1e-6).all()) for w in hidden)
            self.say("symmetric_weights", same, False, self.shown["checkpoint"])
            bad = any(not bool(w.isfinite().all()) for w in h.weights.values() if w.is_floating_point())
            self.say("nan_weights", bad, False, self.shown["checkpoint"])

    def curves(self):
        h, c, loss, val = self.h, self.c, self.loss, self.val
        if self.broken:
            self.unclear |= {"not_learning", "overfitting", "early_stopping_missed", "loss_metric_divergence", "oscillating_loss"}
        else:
            turns, size = zigzag(loss)
            self.evidence["oscillation"] = [turns, size]
            if turns >= 0.4 and size >= 0.1:
                calm = zigzag(self.control(lr=c["lr"] * 0.1).series("loss"))
                clear = turns >= 0.45 and size >= 0.15 and not (calm[0] >= 0.45 and calm[1] >= 0.15) and loss[len(loss) // 4:].mean() >= 0.05 * h.prior
                self.say("oscillating_loss", clear, True)
            rise = self.val_end / max(val[self.best], 1e-12)
            fall = self.end / max(loss[self.best], 1e-12)
            calm = not self.has("exploding_loss")
            self.say("overfitting", rise >= 1.2 and fall <= 0.8 and calm, rise >= 1.07 and fall <= 0.95)
            early = self.best + 1 <= len(val) / 2
            self.say("early_stopping_missed", early and rise >= 1.15 and c["patience"] is None and calm, rise >= 1.05)
            if h.task == "classification":
                kept = self.val_acc[-1] - self.val_acc[self.best]
                self.say("loss_metric_divergence", rise >= 1.25 and kept >= 0 and calm, rise >= 1.1 and kept >= -0.02, self.shown["val_acc"])
            better = (val < 0.8 * loss) & (loss - val > 0.05 * h.prior)
            some = (val < 0.9 * loss) & (loss - val > 0.02 * h.prior)
            self.say("val_better_than_train", better.mean() >= 0.7, some.mean() >= 0.3)
            learnt = max(self.acc.max() - h.majority[0], self.val_acc.max() - h.majority[1]) if h.task == "classification" else 0.0
            quiet = self.end < 3 * self.base
            self.say("not_learning", loss.min() >= 0.97 * h.prior and learnt < 0.03 and quiet, loss.min() >= 0.9 * h.prior or not quiet)
        if h.weights:
            worse = val[h.kept] / max(val[self.best], 1e-12) if np.isfinite(val[self.best]) else 1.0
            known = math.isfinite(worse)  # weights that are not numbers are nan_weights; whether also not the best is a matter of taste
            self.say("checkpoint_not_best", h.kept > self.best and known and worse >= 1.15, h.kept > self.best and not worse < 1.03, self.shown["checkpoint"])

    def scores(self):
        h = self.h
        if h.task != "classification":
            return
        one = np.array([e["one_class"] for e in h.epochs], dtype=float)
        if np.isfinite(one).all() and h.majority[1] >= 0.6:
            collapsed = one[-1] >= 0.98 and abs(self.val_acc[-1] - h.majority[1]) <= 0.01
            self.say("majority_class_collapse", collapsed and not self.broken, 1 - one[-max(1, len(one) // 4):].max() <= 0.3 * (1 - h.majority[1]), self.shown["val_acc"])
        gain, gain_val = self.acc.max() - h.majority[0], self.val_acc.max() - h.majority[1]
        self.say("no_generalization", gain_val < 0.02 and gain >= 0.15, gain_val < 0.05 and gain >= 0.1, self.shown["train_acc"] and self.shown["val_acc"])
        early = self.val_acc[:3].max()
        if early >= 0.95:
            real = self.c["leak"] and early - self.control(leak=False).series("val_acc").max() >= 0.08
            self.evidence["early_val_acc"] = float(early)
            self.say("data_leakage", early >= 0.98 and real, True, self.shown["val_acc"])

    def log(self):
        h = self.h
        if not h.restarts:
            return
        kind, at = self.c["resume"]["kind"], h.restarts[0]
        self.say("log_restart", kind == "rewind", False)
        if kind == "weights_lost":
            before, after = self.loss[at - 1], self.loss[at]
            jump = (after - before) / max(self.loss[0] - before, 1e-12)
            self.evidence["jump_back"] = jump
            self.say("state_not_restored", jump >= 0.5 and after >= 1.5 * before, jump >= 0.15)

    def causes(self):
        h, c, loss = self.h, self.c, self.loss
        lr = c["lr"]
        near_zero = not self.broken and self.end < 0.05 * h.prior
        # Too high
        gains = []
        for factor in (0.1, 0.02):
            if gains and gains[-1][0]:
                break
            other = self.control(lr=lr * factor)
            train, val = other.series("loss")[-1], other.series("val_loss")[-1]
            if math.isfinite(train) and train < max(h.initial, 1e-12):
                gains.append((lower(train, self.end, 0.2) and lower(val, self.val_end, 0.02),
                              lower(train, self.end, 0.08) or lower(val, self.val_end, 0.08), factor, train, val))
        best = [g for g in gains if g[0]]
        if best:
            self.evidence["lr_control"] = dict(factor=best[0][2], final_train_loss=best[0][3], final_val_loss=best[0][4])
        self.say("lr_too_high", bool(best) and not self.other_causes and not near_zero, any(g[1] for g in gains))
        # Too low
        starving = len(h.steps) and np.mean([s["lr"] for s in h.steps]) < 0.3 * lr or c["sched"] == "warmup" and c["sched_frac"] > 1
        squeezed = False
        if c["clip"]:
            over = (self.grad > 5 * c["clip"]).mean()
            free = self.control(clip=None).series("loss")[-1]
            squeezed = over > 0.95 and lower(free, self.end, 0.3)
            self.evidence["clip_control"] = dict(share_over_five=float(over), final_train_loss=free)
            self.say("clipping_too_aggressive", squeezed, over > 0.5 and lower(free, self.end, 0.1), bool(self.shown["grad"]))
        excused = self.other_causes or starving or squeezed or self.has("vanishing_gradient")
        if not self.broken:
            back = max(2, len(loss) // 5)
            falling = len(loss) > back and self.end < 0.99 * loss[-1 - back]
            strict = loose = flat_learns = False
            for factor in (30, 10):
                if strict:
                    break
                other = self.control(lr=lr * factor)
                curve, val = other.series("loss"), other.series("val_loss")
                passed = np.flatnonzero(curve <= self.end)
                if len(passed) and math.isfinite(curve[-1]):
                    share, end = (passed[0] + 1) / len(loss), curve[-1] / max(self.end, 1e-12)
                    strict |= share <= 0.25 and end <= 0.5 and falling and np.nanmin(val) <= 0.85 * self.val.min()
                    loose |= share <= 0.5 and end <= 0.8
                    flat_learns |= curve[-1] < 0.8 * h.prior
            strict = strict and not near_zero
            self.say("slow_convergence", strict and not excused, loose)
            self.say("lr_too_low", (strict or (self.has("not_learning") and flat_learns)) and not excused, loose)
        if starving:
            other = self.control(sched="const", sched_frac=1.0)
            train, val = other.series("loss")[-1], other.series("val_loss").min()
            self.evidence["schedule_control"] = dict(final_train_loss=train, best_val_loss=val)
            self.say("lr_schedule_misconfigured", lower(train, self.end, 0.25) and val <= self.val.min() and not self.other_causes,
                     lower(train, self.end, 0.1) or self.end > 0.9 * h.prior)
        # Size of the batch
        if c["batch_size"] <= 4 and len(h.steps):
            other = self.control(batch_size=32)
            def noise(run):
                tail = np.array([s["loss"] for s in run.steps])
                return tail[-max(4, len(tail) // 4):].std()
            val = other.series("val_loss")[-1]
            self.evidence["batch_control"] = dict(noise=float(noise(h)), noise_32=float(noise(other)), final_val_loss=val)
            self.say("batch_size_too_small", c["batch_size"] <= 2 and noise(other) <= 0.5 * noise(h) and lower(val, self.val_end, 0.05), True)
        if h.absmax > 10 and not c["standardize"] and len(h.steps):
            val = np.nanmin(self.control(standardize=True).series("val_loss"))
            own = np.nanmin(np.where(np.isfinite(self.val), self.val, np.inf))
            self.evidence["standardized_control"] = dict(best_val_loss=val)
            self.say("input_not_normalized", h.absmax > 30 and lower(val, own, 0.2), lower(val, own, 0.05), self.shown["layers"])
        if not self.broken:
            self.capacity(near_zero)
            self.length(near_zero, excused)

    def capacity(self, near_zero):
        c, loss = self.c, self.loss
        back = max(2, len(loss) // 4)
        gained = 1 - self.end / max(loss[-1 - back], 1e-12) if len(loss) > back else 1.0
        gap = abs(self.val_end - self.end) / max(self.end, 1e-12)
        if near_zero or gained > 0.2 or gap > 0.5 or self.has("exploding_loss"):
            return
        other = self.control(width=max(32, 4 * c["width"]), depth=max(6 if c["arch"] == "xgb" else 2, c["depth"]), weight_decay=0.0, dropout=0.0)
        train, val = other.series("loss")[-1], np.nanmin(other.series("val_loss"))
        self.evidence["capacity_control"] = dict(final_train_loss=train, best_val_loss=val)
        cause = self.has("lr_too_high") or self.has("lr_too_low") or self.has("lr_schedule_misconfigured") or self.has("clipping_too_aggressive") \
            or self.has("vanishing_gradient") or self.has("dying_relu") or self.has("saturated_activation") or self.other_causes
        strict = gained < 0.05 and gap <= 0.25 and train <= 0.65 * self.end and val <= 0.85 * self.val.min() and not cause
        self.say("underfitting", strict, train <= 0.8 * self.end)

    def length(self, near_zero, excused):
        loss = self.loss
        if len(loss) < 5 or near_zero:
            return
        fall = (max(loss[-4], 1e-12) / max(self.end, 1e-12)) ** (1 / 3) - 1
        if fall < 0.01 or self.c["patience"] is not None and len(loss) < self.c["epochs"]:
            return
        val = np.nanmin(self.control(epochs=5 * self.c["epochs"]).series("val_loss"))
        self.evidence["longer_control"] = dict(best_val_loss=val, fall_per_epoch=float(fall))
        cause = excused or self.h.restarts or self.faults & {"lr_too_low", "lr_too_high", "exploding_loss"}
        clear = fall > 0.03 and lower(val, self.val[self.best], 0.25) and not cause
        self.say("stopped_too_early", clear, lower(val, self.val_end, 0.1))


def healthy(judge):
    """No fault, nothing serious even by the loose conditions, and a bolder, longer run would not have been notably better."""
    if judge.faults or judge.unclear & SERIOUS:
        return False
    c = judge.c
    bolder = np.nanmin(judge.control(lr=3 * c["lr"], epochs=3 * c["epochs"]).series("val_loss"))
    judge.evidence["bolder_control"] = dict(best_val_loss=bolder)
    return not (lower(bolder, judge.val.min(), 0.2) and judge.val.min() - bolder > 0.03 * judge.h.prior)
