"""What is trained: for every fault, configurations meant to show it; for health, configurations meant to be sound.

A recipe only proposes. What a run is labelled with is for `judge.py`, and a run that does not show what it was meant to
show is thrown away. Every recipe is trained with several seeds, which also draw other rows.
"""

BC, IRIS, PIMA, TURN, MORT, CRAB = ({"dataset": n} for n in ("breast_cancer", "iris", "pima", "turnout", "mortgage", "crabs"))
COMP, HOUSE = {"dataset": "computers", "n_train": 400}, {"dataset": "housing", "n_train": 320}
NINO = {"dataset": "elnino", "arch": "gru", "width": 12, "depth": 1, "act": "tanh"}
GROW = {"dataset": "growth", "arch": "gru", "width": 16, "depth": 1, "act": "tanh", "n_train": 100}
PIC = {"dataset": "patches", "arch": "cnn", "width": 6, "n_train": 400}
TEXT = {"dataset": "reference_text", "arch": "transformer", "act": "gelu", "width": 24, "depth": 1, "n_train": 320, "opt": "adamw", "lr": 0.01, "epochs": 12}
CHARS = {"dataset": "reference_text", "arch": "gru", "act": "tanh", "width": 24, "depth": 1, "n_train": 320, "lr": 0.01, "epochs": 12}
TREES = {"arch": "xgb", "standardize": False, "lr": 0.1, "depth": 3, "weight_decay": 1.0, "epochs": 60}
SGD = {"opt": "sgd"}

FAULTS = {
    "lr_too_high": [BC | SGD | {"lr": 3.0}, IRIS | {"lr": 0.6, "n_train": 100}, COMP | {"lr": 0.4}, PIC | {"lr": 0.08}, TURN | {"lr": 0.5},
        CRAB | {"lr": 0.3, "n_train": 130, "epochs": 40},
        TEXT | {"lr": 0.4}, HOUSE | SGD | {"lr": 0.5}],
    "oscillating_loss": [IRIS | SGD | {"lr": 0.4, "epochs": 30, "batch_size": 24, "depth": 1, "n_train": 100},
        CRAB | SGD | {"lr": 0.3, "epochs": 30, "batch_size": 24, "depth": 1, "n_train": 140},
        CRAB | {"opt": "rmsprop", "lr": 0.1, "epochs": 30, "batch_size": 24, "depth": 1, "act": "tanh"},
        COMP | {"opt": "rmsprop", "lr": 0.1, "epochs": 30, "batch_size": 24, "depth": 1},
        PIMA | SGD | {"lr": 0.8, "epochs": 30, "act": "tanh", "depth": 1, "batch_size": 24},
        CRAB | {"lr": 0.2, "epochs": 40, "act": "tanh", "depth": 1, "batch_size": 24},
        COMP | SGD | {"lr": 0.12, "epochs": 40, "depth": 1, "batch_size": 24}],
    "slow_convergence": [BC | {"lr": 5e-5}, PIC | {"lr": 2e-4, "epochs": 30}, HOUSE | SGD | {"lr": 1e-4}, NINO | {"lr": 1e-4}, TEXT | {"lr": 6e-4},
        COMP | {"lr": 4e-5},
        BC | TREES | {"lr": 0.003}, IRIS | TREES | {"lr": 0.002}],
    "overfitting": [PIMA | {"n_train": 90, "width": 64, "lr": 0.01, "epochs": 50}, MORT | {"n_train": 200, "width": 64, "lr": 0.01, "epochs": 50},
        TURN | {"n_train": 160, "width": 64, "lr": 0.01, "epochs": 50},
        TEXT | {"n_train": 60, "epochs": 40, "n_val": 100}, GROW | {"n_train": 60, "lr": 0.02, "epochs": 60},
        TURN | TREES | {"n_train": 300, "lr": 0.4, "depth": 7}],
    "early_stopping_missed": [PIMA | {"n_train": 120, "width": 48, "lr": 0.008, "epochs": 60, "ckpt": "last"},
        PIC | {"n_train": 120, "epochs": 60, "lr": 0.01}, TURN | {"n_train": 200, "width": 64, "lr": 0.008, "epochs": 60, "ckpt": "last"},
        MORT | TREES | {"n_train": 300, "lr": 0.4, "depth": 6, "epochs": 100}],
    "nan_loss": [BC | {"bad_from": 0}, PIMA | {"bad_from": 9, "ckpt": "last"}, HOUSE | {"bad_from": 5},
        COMP | SGD | {"scale_target": False, "lr": 0.1, "act": "leaky_relu", "ckpt": "last"}, COMP | SGD | {"lr": 3.0, "act": "leaky_relu"},
        HOUSE | SGD | {"standardize": False, "scale_target": False, "lr": 0.05, "ckpt": "last"}],
    "exploding_loss": [COMP | {"opt": "rmsprop", "lr": 1.5, "act": "leaky_relu"}, NINO | SGD | {"arch": "mlp", "act": "relu", "depth": 2, "lr": 1.0},
        BC | {"ascent": True, "lr": 0.01}, HOUSE | {"opt": "rmsprop", "lr": 1.0}, CRAB | {"opt": "rmsprop", "lr": 2.0, "act": "leaky_relu"},
        IRIS | {"ascent": True, "lr": 0.02}],
    "exploding_gradient": [PIMA | {"ascent": True, "lr": 0.02, "act": "leaky_relu"},
        HOUSE | {"ascent": True, "lr": 0.01, "act": "leaky_relu", "epochs": 15}, BC | SGD | {"init": "normal:3.0", "lr": 0.001},
        CRAB | SGD | {"init": "normal:4.0", "lr": 0.001},
        COMP | {"ascent": True, "lr": 0.01, "act": "leaky_relu", "epochs": 15},
        NINO | SGD | {"arch": "mlp", "act": "relu", "depth": 3, "lr": 0.7}],
    "dying_relu": [BC | {"bias_init": -6.0, "lr": 0.002}, PIMA | {"bias_init": -4.0, "lr": 0.001}, COMP | {"bias_init": -4.0, "lr": 0.001},
        PIC | {"lr": 0.15}, BC | {"lr": 0.8}, TURN | {"bias_init": -5.0, "lr": 0.002}],
    "saturated_activation": [BC | {"act": "tanh", "init": "normal:3.0"}, COMP | {"act": "tanh", "standardize": False, "lr": 0.002},
        PIMA | {"act": "sigmoid", "init": "normal:6.0"}, CRAB | {"act": "tanh", "init": "normal:4.0"}, BC | {"act": "sigmoid", "standardize": False}],
    "vanishing_gradient": [BC | SGD | {"act": "sigmoid", "depth": 9, "lr": 0.02}, IRIS | SGD | {"act": "sigmoid", "depth": 8, "lr": 0.02},
        HOUSE | SGD | {"act": "sigmoid", "depth": 9, "lr": 0.01},
        CRAB | SGD | {"act": "tanh", "depth": 8, "init": "normal:0.03", "lr": 0.02, "epochs": 40},
        BC | {"act": "sigmoid", "depth": 10, "lr": 0.001, "epochs": 12}],
    "clipping_too_aggressive": [BC | SGD | {"clip": 0.005, "lr": 0.03, "momentum": 0.0}, HOUSE | SGD | {"clip": 0.005, "lr": 0.02, "momentum": 0.0},
        IRIS | SGD | {"clip": 0.01, "lr": 0.05, "momentum": 0.0}, PIC | SGD | {"clip": 0.003, "lr": 0.03, "momentum": 0.5},
        COMP | SGD | {"clip": 0.01, "lr": 0.02, "momentum": 0.0}],
    "batch_size_too_small": [c | {"epochs": 10, "n_train": 150} for c in (BC | SGD | {"batch_size": 1, "lr": 0.02}, PIMA | {"batch_size": 1, "lr": 0.01},
        HOUSE | {"batch_size": 1, "lr": 0.02},
        IRIS | SGD | {"batch_size": 1, "lr": 0.05}, COMP | {"batch_size": 2, "lr": 0.03})],
    "input_not_normalized": [BC | {"standardize": False}, PIMA | {"standardize": False}, COMP | {"standardize": False},
        HOUSE | {"standardize": False}, MORT | {"standardize": False, "dataset": "pima", "act": "tanh"}],
    "lr_schedule_misconfigured": [BC | SGD | {"lr": 0.02, "sched": "cosine", "sched_frac": 0.04},
        PIC | {"lr": 0.003, "sched": "cosine", "sched_frac": 0.05}, HOUSE | {"sched": "exp_per_step", "gamma": 0.93},
        CRAB | {"sched": "linear", "sched_frac": 0.06, "epochs": 40, "lr": 0.01},
        IRIS | {"sched": "warmup", "sched_frac": 15.0, "lr": 0.01, "epochs": 30},
        NINO | {"sched": "exp_per_step", "gamma": 0.95, "lr": 0.003}],
    "underfitting": [CRAB | {"width": 1, "depth": 1, "lr": 0.05, "epochs": 50, "n_train": 140},
        CRAB | {"weight_decay": 0.1, "lr": 0.02, "epochs": 50, "n_train": 140}, BC | {"weight_decay": 0.5, "lr": 0.01, "epochs": 30},
        BC | {"weight_decay": 0.3, "lr": 0.01, "epochs": 30, "act": "tanh"},
        IRIS | {"weight_decay": 0.2, "lr": 0.02, "epochs": 40}, NINO | {"weight_decay": 0.3, "lr": 0.01, "epochs": 30},
        BC | TREES | {"weight_decay": 3000.0, "depth": 1, "lr": 0.5}],
    "stopped_too_early": [IRIS | {"epochs": 7, "lr": 0.01}, CRAB | {"epochs": 8, "lr": 0.01, "n_train": 140}, BC | {"epochs": 5, "lr": 0.002},
        COMP | {"epochs": 5, "lr": 0.002}, PIC | {"epochs": 6, "lr": 0.004}, BC | TREES | {"epochs": 6, "lr": 0.3}, NINO | {"epochs": 6, "lr": 0.01}],
    "no_generalization": [PIMA | {"label_noise": 1.0, "n_train": 120, "width": 64, "lr": 0.01, "epochs": 40},
        CRAB | {"label_noise": 1.0, "n_train": 120, "width": 64, "lr": 0.01, "epochs": 60},
        PIC | {"label_noise": 1.0, "n_train": 150, "width": 12, "epochs": 40, "lr": 0.01},
        TURN | {"label_noise": 1.0, "n_train": 120, "width": 64, "lr": 0.01, "epochs": 60},
        TURN | TREES | {"label_noise": 1.0, "n_train": 200, "lr": 0.3, "depth": 5}],
    "majority_class_collapse": [PIMA | {"imbalance": 0.9, "lr": 0.0005, "epochs": 12}, TURN | {"imbalance": 0.93, "lr": 0.001, "epochs": 12},
        MORT | {"lr": 0.0005, "epochs": 10, "n_train": 400}, BC | {"imbalance": 0.9, "lr": 3.0, "opt": "sgd"},
        TURN | {"imbalance": 0.88, "dropout": 0.8, "lr": 0.002}],
    "val_better_than_train": [BC | {"dropout": 0.85, "width": 16, "lr": 0.003}, PIC | {"dropout": 0.8, "lr": 0.004},
        IRIS | {"dropout": 0.7, "width": 16, "lr": 0.01, "epochs": 30}, PIMA | {"easy_val": 0.6}, TURN | {"easy_val": 0.7},
        BC | {"label_noise": 0.4, "n_train": 300}],
    "log_restart": [BC | {"resume": {"kind": "rewind", "crash": 12, "from": 8}}, COMP | {"resume": {"kind": "rewind", "crash": 14, "from": 11}},
        PIC | {"resume": {"kind": "rewind", "crash": 9, "from": 5}}, NINO | {"resume": {"kind": "rewind", "crash": 11, "from": 10}}],
    "state_not_restored": [BC | {"resume": {"kind": "weights_lost", "crash": 12, "from": 12}},
        COMP | {"resume": {"kind": "weights_lost", "crash": 11, "from": 11}, "lr": 0.003},
        IRIS | {"resume": {"kind": "weights_lost", "crash": 16, "from": 16}, "epochs": 28, "lr": 0.01},
        NINO | {"resume": {"kind": "weights_lost", "crash": 12, "from": 12}, "lr": 0.01}],
    "frozen_layer": [BC | {"freeze": "0.weight"}, CRAB | {"freeze": "0.weight", "epochs": 30}, COMP | {"freeze": "0.weight"},
        PIC | {"freeze": "0.weight"}],
    "data_leakage": [TURN | {"leak": True, "lr": 0.02}, PIMA | {"leak": True, "lr": 0.03}, MORT | {"leak": True, "lr": 0.06},
        TURN | TREES | {"leak": True, "lr": 0.6}, CRAB | TREES | {"leak": True, "lr": 0.3}],
    "loss_metric_divergence": [BC | {"lr": 0.02, "epochs": 60, "n_train": 150}, BC | {"lr": 0.01, "epochs": 80, "width": 64, "n_train": 90},
        CRAB | {"n_train": 100, "lr": 0.02, "epochs": 150, "width": 48}, TURN | {"n_train": 120, "lr": 0.01, "epochs": 50, "width": 48},
        PIC | {"n_train": 100, "epochs": 60, "lr": 0.01}],
    "not_learning": [BC | {"lr": 1e-7}, HOUSE | SGD | {"lr": 1e-7}, CRAB | SGD | {"act": "sigmoid", "depth": 8, "lr": 0.01},
        IRIS | {"init": "constant:0.0", "opt": "sgd", "lr": 0.005, "act": "relu"}, TURN | {"bias_init": -9.0, "lr": 0.0005, "epochs": 10}],
    "symmetric_weights": [BC | {"init": "constant:0.1", "act": "tanh"}, HOUSE | {"init": "constant:0.2", "act": "tanh"},
        CRAB | {"init": "constant:0.1", "act": "tanh"}],
    "checkpoint_not_best": [PIMA | {"n_train": 90, "width": 64, "lr": 0.01, "epochs": 40, "ckpt": "last"},
        MORT | {"n_train": 200, "width": 64, "lr": 0.01, "epochs": 40, "ckpt": "last"}],
    "nan_weights": [BC | {"bad_from": 7, "ckpt": "last"}, HOUSE | {"bad_from": 3, "ckpt": "last"}],
}

CALM = {"width": 8, "depth": 1}
HEALTHY = [
    BC | {"lr": 0.004, "weight_decay": 0.02, "epochs": 12}, BC | CALM | {"sched": "cosine", "lr": 0.01, "weight_decay": 0.02, "epochs": 14},
    BC | CALM | SGD | {"lr": 0.02, "weight_decay": 0.02, "epochs": 14},
    BC | CALM | {"patience": 3, "lr": 0.01, "epochs": 40, "weight_decay": 0.02},
    BC | {"pretrained": 6, "freeze": "0.weight", "declare_freeze": True, "lr": 0.004, "weight_decay": 0.02, "epochs": 12},
    IRIS | CALM | SGD | {"lr": 0.03, "epochs": 25, "weight_decay": 0.02},
    IRIS | CALM | {"sched": "one_cycle", "lr": 0.03, "epochs": 25, "weight_decay": 0.02},
    PIMA | {"lr": 0.003, "epochs": 16, "width": 8, "depth": 1}, PIMA | {"patience": 4, "lr": 0.004, "epochs": 50, "width": 8},
    PIMA | {"sched": "cosine", "lr": 0.006, "epochs": 15, "width": 8, "weight_decay": 0.02},
    PIMA | CALM | SGD | {"sched": "step", "lr": 0.05, "epochs": 18},
    PIMA | CALM | {"opt": "adamw", "lr": 0.006, "act": "tanh", "epochs": 14, "weight_decay": 0.05},
    PIMA | CALM | {"lr": 0.008, "sched": "exp", "gamma": 0.9, "epochs": 16},
    PIMA | CALM | {"lr": 0.006, "imbalance": 0.8, "epochs": 16}, PIMA | CALM | {"opt": "rmsprop", "lr": 0.003, "epochs": 16, "clip": 1.0},
    TURN | CALM | {"lr": 0.006, "n_train": 600, "epochs": 12},
    TURN | CALM | {"opt": "adamw", "weight_decay": 0.05, "sched": "warmup_cosine", "lr": 0.01, "n_train": 600, "epochs": 14},
    TURN | CALM | {"imbalance": 0.82, "lr": 0.01, "n_train": 600, "epochs": 16},
    TURN | CALM | SGD | {"lr": 0.05, "n_train": 600, "epochs": 12}, TURN | CALM | {"patience": 3, "lr": 0.01, "n_train": 600, "epochs": 40},
    MORT | CALM | {"lr": 0.01, "n_train": 900, "epochs": 12}, MORT | CALM | {"patience": 3, "lr": 0.01, "n_train": 900, "epochs": 30},
    MORT | {"sched": "one_cycle", "lr": 0.006, "n_train": 900, "epochs": 12, "width": 8, "weight_decay": 0.01},
    MORT | CALM | SGD | {"sched": "cosine", "lr": 0.1, "n_train": 900, "epochs": 12},
    COMP | {"lr": 0.01, "epochs": 20, "n_train": 600}, COMP | {"sched": "cosine", "lr": 0.01, "epochs": 20, "n_train": 600},
    COMP | SGD | {"lr": 0.03, "epochs": 20, "n_train": 600}, COMP | {"sched": "warmup_cosine", "lr": 0.01, "epochs": 20, "n_train": 600, "bn": True},
    COMP | {"pretrained": 6, "freeze": "0.weight", "declare_freeze": True, "lr": 0.01, "epochs": 15, "n_train": 600},
    COMP | {"act": "gelu", "opt": "adamw", "lr": 0.01, "sched": "one_cycle", "epochs": 18, "n_train": 600},
    HOUSE | CALM | {"lr": 0.008, "epochs": 18}, HOUSE | CALM | SGD | {"lr": 0.01, "epochs": 20, "sched": "step"},
    HOUSE | CALM | {"patience": 4, "lr": 0.01, "epochs": 60}, HOUSE | CALM | {"lr": 0.01, "epochs": 18, "weight_decay": 0.01, "act": "gelu"},
    HOUSE | CALM | {"lr": 0.01, "sched": "cosine", "act": "tanh", "epochs": 18},
    NINO | {"lr": 0.015, "epochs": 20}, NINO | {"sched": "cosine", "lr": 0.02, "epochs": 18},
    NINO | {"opt": "rmsprop", "lr": 0.006, "epochs": 18, "clip": 1.0}, NINO | {"arch": "mlp", "act": "relu", "depth": 2, "lr": 0.006, "epochs": 18},
    NINO | {"arch": "rnn", "lr": 0.006, "epochs": 18},
    GROW | {"lr": 0.006, "epochs": 12, "width": 4}, GROW | {"patience": 4, "lr": 0.006, "epochs": 40, "width": 4},
    PIC | {"lr": 0.008, "epochs": 15, "n_train": 700},
    PIC | SGD | {"lr": 0.05, "epochs": 15, "n_train": 700, "sched": "cosine", "weight_decay": 0.001},
    PIC | {"sched": "one_cycle", "lr": 0.015, "epochs": 14, "n_train": 700, "bn": True, "width": 4},
    TEXT | {"n_train": 600, "epochs": 9, "lr": 0.015},
    TEXT | {"n_train": 600, "epochs": 9, "sched": "warmup_cosine", "weight_decay": 0.05, "clip": 1.0, "lr": 0.015},
    TEXT | {"n_train": 600, "sched": "one_cycle", "epochs": 10, "lr": 0.02}, CHARS | {"n_train": 600, "epochs": 9, "lr": 0.02},
    CHARS | {"n_train": 600, "sched": "cosine", "lr": 0.02, "epochs": 9},
    PIMA | TREES | {"lr": 0.08, "depth": 2, "epochs": 40}, TURN | TREES | {"n_train": 800, "lr": 0.08, "depth": 2, "epochs": 50},
    MORT | TREES | {"n_train": 900, "lr": 0.1, "depth": 2, "epochs": 40, "patience": 10},
    BC | TREES | {"epochs": 40, "lr": 0.2, "depth": 2, "weight_decay": 5.0},
    PIMA | TREES | {"lr": 0.1, "depth": 2, "epochs": 100, "patience": 8, "dropout": 0.2},
]

LAYERS = {"dying_relu", "saturated_activation", "vanishing_gradient", "frozen_layer", "input_not_normalized", "exploding_gradient"}
WEIGHTS = {"symmetric_weights", "checkpoint_not_best", "nan_weights"}
GRADS = {"clipping_too_aggressive", "exploding_gradient"}
SCORES = {"no_generalization"}  # needs the train accuracy, which Hugging Face does not log
FORMATS = ["lightning", "lightning", "keras", "hf", "hf", "mlflow"]


def recipes(seeds):
    """(what it is meant to show, number within that, overrides) of every run to try."""
    for seed in range(seeds):
        for code, all_of in FAULTS.items():
            for i, change in enumerate(all_of):
                seeds_of = {"seed": 1000 + 31 * i + 7 * seed + sum(map(ord, code)), "data_seed": 50 + 13 * seed + i}
                yield code, seed * len(all_of) + i, change | seeds_of
        for i, change in enumerate(HEALTHY):
            yield "", seed * len(HEALTHY) + i, change | {"seed": 5000 + 17 * i + 3 * seed, "data_seed": 90 + 11 * seed + i}
