"""Deepchecks' suites for texts over 260 made-up sentences, with properties given by hand.

pip install deepchecks==0.19.1 textblob nltk seqeval tiktoken "transformers<4.45" umap-learn "numpy<2" "pandas<2.2" "scikit-learn<1.5" "setuptools<80"

The checks here need no torch, but the package imports it to ask for a graphics card; where it is not
installed a stand-in answers that there is none.
"""
import json
import sys
import types
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import transformers.utils  # looks for torch itself, so it comes before the stand-in

try:
    import torch.cuda
except ImportError:
    sys.modules["torch"], sys.modules["torch.cuda"] = types.ModuleType("torch"), types.ModuleType("torch.cuda")
    sys.modules["torch"].cuda = sys.modules["torch.cuda"]
    sys.modules["torch.cuda"].is_available = lambda: False
    sys.modules["torch"].Tensor = type("Tensor", (), {})
import deepchecks
import numpy as np
import pandas as pd
from deepchecks.nlp import Suite, TextData, checks
from deepchecks.nlp.suites import model_evaluation, train_test_validation

HERE = Path(__file__).parent
VERSION = deepchecks.__version__
GOOD = ["lovely", "fine", "quick", "warm", "bright"]
BAD = ["awful", "slow", "cold", "broken", "dull"]
THINGS = ["room", "meal", "train", "ticket", "map", "garden", "lamp", "desk"]


def texts(rng, n, longer):
    rows, labels = [], []
    for _ in range(n):
        label = int(rng.random() < (0.7 if longer else 0.5))
        words = GOOD if label else BAD
        row = f"The {rng.choice(THINGS)} was {rng.choice(words)} and the {rng.choice(THINGS)} seemed {rng.choice(words)}"
        if longer:
            row += f", though we came back for the {rng.choice(THINGS)} twice"
        rows.append(row + f" on day {rng.integers(1, 400)}.")
        labels.append(label)
    return rows, labels


def data(rows, labels, name, rng):
    made = TextData(rows, label=labels, task_type="text_classification", name=name)
    properties = pd.DataFrame(
        {
            "Text Length": [len(r) for r in rows],
            "Average Word Length": [float(np.mean([len(w) for w in r.split()])) for r in rows],
            "Label Hint": [l + rng.normal(0, 0.05) for l in labels],
            "Language": ["en"] * len(rows),
        }
    )
    made.set_properties(properties, categorical_properties=["Language"])
    made.set_metadata(pd.DataFrame({"source": rng.choice(["web", "mail"], len(rows)), "size": rng.normal(5, 1, len(rows))}), categorical_metadata=["source"])
    made.set_embeddings(np.column_stack([properties["Text Length"], properties["Label Hint"], rng.normal(size=len(rows))]).astype(float))
    return made


def write(what, result):
    text = result.to_json(with_display=False)
    path = HERE / f"deepchecks-{VERSION}-{what}.json"
    path.write_text(text + "\n")
    print(path.name, path.stat().st_size)
    for one in json.loads(text)["results"]:
        print("  ", one["header"], one["type"], str(one.get("exception", ""))[:120])


def main():
    rng = np.random.default_rng(3)
    rows, labels = texts(rng, 140, False)
    rows[90:96], labels[90:96] = rows[:6], labels[:6]
    rows[96:100], labels[96:100] = rows[10:14], [1 - l for l in labels[10:14]]
    rows[50] = "@@##%% ^^&& **(( @@ ## %% ^^ && **"
    rows[51] = "word " * 120
    other, other_labels = texts(rng, 120, True)
    other[:8], other_labels[:8] = rows[20:28], labels[20:28]
    train, test = data(rows, labels, "Train", rng), data(other, other_labels, "Test", rng)

    # The data integrity suite as it comes, but for UnknownTokens, which downloads a tokenizer.
    integrity = Suite(
        "Data Integrity Suite",
        checks.TextPropertyOutliers().add_condition_outlier_ratio_less_or_equal(),
        checks.UnderAnnotatedPropertySegments().add_condition_segments_relative_performance_greater_than(),
        checks.UnderAnnotatedMetaDataSegments().add_condition_segments_relative_performance_greater_than(),
        checks.PropertyLabelCorrelation().add_condition_property_pps_less_than(),
        checks.ConflictingLabels().add_condition_ratio_of_conflicting_labels_less_or_equal(),
        checks.TextDuplicates().add_condition_ratio_less_or_equal(),
        checks.SpecialCharacters().add_condition_samples_ratio_w_special_characters_less_or_equal(),
        checks.FrequentSubstrings().add_condition_zero_result(),
    )
    chances = {}
    for name, one in (("train", train), ("test", test)):
        p = np.clip(np.array(one.label).astype(float) * 0.6 + 0.2 + rng.normal(0, 0.05 if name == "train" else 0.3, len(one.text)), 0.01, 0.99)
        chances[name] = np.column_stack([1 - p, p])
    given = dict(
        train_dataset=train,
        test_dataset=test,
        train_probabilities=chances["train"],
        test_probabilities=chances["test"],
        train_predictions=[str(int(c[1] > 0.5)) for c in chances["train"]],
        test_predictions=[str(int(c[1] > 0.5)) for c in chances["test"]],
        model_classes=["0", "1"],
        with_display=False,
    )
    write("nlp-data-integrity", integrity.run(train_dataset=train, test_dataset=test, with_display=False))
    write("nlp-train-test-validation", train_test_validation().run(train_dataset=train, test_dataset=test, with_display=False))
    write("nlp-model-evaluation", model_evaluation().run(**given))


if __name__ == "__main__":
    main()
