"""Writes metrics/classification.json and metrics/regression.json: scores and targets, and what scikit-learn says of them.

    pip install scikit-learn
    python Tests/Fixtures/make_metric_fixtures.py

The committed files were made with Python 3.11.7, scikit-learn 1.9.1 and numpy 2.4.6. Scores are multiples of 1/8, which are
the same numbers in Float and Double and give ties.
"""

import json
import pathlib
import warnings

import numpy as np
from scipy.special import softmax
from sklearn import metrics
from sklearn.calibration import calibration_curve

FOLDER = pathlib.Path(__file__).parent / "metrics"


def calibration(outcomes, probabilities):
    shares, means = calibration_curve(outcomes, probabilities, n_bins=10, strategy="uniform")
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], probabilities)
    counts = np.bincount(bins, minlength=10)
    counts = counts[counts > 0]
    error = float(np.sum(counts * np.abs(shares - means)) / len(outcomes))
    return {
        "counts": counts.tolist(), "shares": shares.tolist(), "means": means.tolist(), "error": error,
    }


def classification(name, labels, scores):
    labels, scores = np.array(labels), np.array(scores, dtype=np.float64)
    count = scores.shape[1]
    probabilities = softmax(scores, axis=1)
    predicted = scores.argmax(axis=1)
    every = list(range(count))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0)
    present = [k for k in every if 0 < (labels == k).sum() < len(labels)]
    if count == 2:
        area = metrics.roc_auc_score(labels, scores[:, 1] - scores[:, 0]) if present else None
        brier = metrics.brier_score_loss(labels, probabilities[:, 1])
        reliability = calibration(labels, probabilities[:, 1])
        precision_average = metrics.average_precision_score(labels, scores[:, 1] - scores[:, 0])
    else:
        # The mean over the classes is that of multi_class="ovr", which refuses data where a class does not occur.
        area = float(np.mean([metrics.roc_auc_score(labels == k, probabilities[:, k]) for k in present]))
        if len(present) == count:
            assert np.isclose(area, metrics.roc_auc_score(labels, probabilities, multi_class="ovr"), rtol=1e-14)
        brier = metrics.brier_score_loss(labels, probabilities, labels=every)
        reliability = calibration(labels == predicted, probabilities.max(axis=1))
        precision_average = None
    return {
        "name": name, "labels": labels.tolist(), "scores": scores.tolist(),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balancedAccuracy": metrics.balanced_accuracy_score(labels, predicted),
        "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
        "macroF1": metrics.f1_score(labels, predicted, average="macro"),
        "weightedF1": metrics.f1_score(labels, predicted, average="weighted"),
        "confusion": metrics.confusion_matrix(labels, predicted, labels=every).tolist(),
        "areaUnderROC": area, "averagePrecision": precision_average,
        "logLoss": metrics.log_loss(labels, probabilities, labels=every), "brierScore": brier,
        "calibration": reliability,
    }


def regression(name, targets, predictions):
    targets, predictions = np.array(targets, dtype=np.float64), np.array(predictions, dtype=np.float64)
    def both(function):
        return {
            "each": function(targets, predictions, multioutput="raw_values").tolist(),
            "mean": float(function(targets, predictions)),
        }
    return {
        "name": name, "targets": targets.tolist(), "predictions": predictions.tolist(),
        "r2": both(metrics.r2_score), "meanAbsoluteError": both(metrics.mean_absolute_error),
        "rootMeanSquaredError": both(metrics.root_mean_squared_error),
        "medianAbsoluteError": both(metrics.median_absolute_error),
    }


def eighths(values):
    # Adding zero makes zeros of negative zeros.
    return np.round(values * 8) / 8 + 0.0


def write(name, cases):
    text = json.dumps(cases, indent=None, separators=(",", ":"))
    (FOLDER / name).write_text(text.replace('{"name"', '\n{"name"') + "\n")


def main():
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    random = np.random.default_rng(14)
    labels = random.integers(0, 2, 60)
    two = eighths(random.normal(size=(60, 2)) + np.eye(2)[labels])
    rare = (np.arange(80) % 27 == 0).astype(int)
    few = eighths(random.normal(size=(80, 2)) + np.eye(2)[rare] + np.array([2, 0]))
    four = random.integers(0, 4, 60)
    many = eighths(1.5 * random.normal(size=(60, 4)) + 1.5 * np.eye(4)[four])
    gap = np.where(four == 2, 1, four)
    certain = eighths(8 * random.normal(size=(20, 3)))
    certain[0] = [0, 100, -100]
    certain_labels = random.integers(0, 3, 20)
    certain_labels[0] = 2
    write("classification.json", [
        classification("two classes", labels, two), classification("two classes, one rare", rare, few),
        classification("four classes", four, many), classification("four classes, one without examples", gap, many),
        classification("three classes, certain mistakes", certain_labels, certain),
    ])
    wanted = random.normal(size=(31, 3)) * [1, 50, 0] + [0, 200000, 7]
    wanted = eighths(wanted)
    predicted = eighths(wanted + random.normal(size=(31, 3)) * [0.5, 20, 1])
    write("regression.json", [
        regression("one target", wanted[:, :1], predicted[:, :1]),
        regression("three targets, one constant", wanted, predicted),
        regression("a constant that is met", [[3], [3], [3]], [[3], [3], [3]]),
        regression("an even count", wanted[:30, 1:2], predicted[:30, 1:2]),
    ])


if __name__ == "__main__":
    main()
