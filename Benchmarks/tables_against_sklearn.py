#!/usr/bin/env python3
"""Holds `norma train`, all defaults, to scikit-learn's MLPClassifier and MLPRegressor, all defaults, with scaled inputs and
targets, and to its linear models, on tables that come with scikit-learn or are made by it.

    Benchmarks/tables_against_sklearn.py [--norma .build/release/norma] [--splits 5] [--seeds 3] [--only iris,wine] [--json FILE]

For each table: so many fixed splits into 70 % for training and 30 % for testing, stratified where there are classes; on each
split networks of so many seeds. Printed are means over all of them: accuracy (balanced accuracy for the table with 3 %
positives) or R² on the test rows, which neither sees before. Ends with 1 if norma falls behind the MLP by more than 2 points or
0.03, or behind the linear model by as much without a line that says so.

With --verdicts instead: `norma compare`, all defaults, with seeds 0 to 2 and with seeds 3 to 5 on each whole table. Ends with 1 if
they contradict each other on which network is better, or if at a saved epoch the training metric by running statistics is more
than 3 points (0.03 of R²) behind that by batch statistics.
"""

import argparse, csv, json, os, subprocess, sys, tempfile, warnings

import numpy as np
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TOLERANCE = {"accuracy": 0.02, "balanced accuracy": 0.02, "R²": 0.03}


def tables():
    """Name → (features, targets, names of features, metric)."""
    found = {}
    for name, load in [("iris", datasets.load_iris), ("wine", datasets.load_wine), ("breast-cancer", datasets.load_breast_cancer)]:
        data = load()
        found[name] = (data.data, np.array(data.target_names)[data.target], list(data.feature_names), "accuracy")
    data = datasets.load_digits()
    found["digits"] = (data.data, data.target.astype(str), [f"pixel {i}" for i in range(64)], "accuracy")
    x, y = datasets.make_classification(
        n_samples=2000, n_features=12, n_informative=5, weights=[0.97], flip_y=0.005, class_sep=1.0, random_state=3)
    found["rare"] = (x, np.array(["no", "yes"])[y], [f"x{i}" for i in range(12)], "balanced accuracy")
    data = datasets.load_diabetes()
    found["diabetes"] = (data.data, data.target, list(data.feature_names), "R²")
    x, y = datasets.make_friedman1(n_samples=600, noise=1.0, random_state=0)
    found["friedman1"] = (x, y, [f"x{i}" for i in range(10)], "R²")
    return found


def write(path, x, y, names):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names + ["target"])
        for row, target in zip(x, y):
            writer.writerow([repr(float(value)) for value in row] + [target if isinstance(target, str) else repr(float(target))])


def peers(metric, seed):
    """scikit-learn's network and its linear model."""
    if metric == "R²":
        network = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), MLPRegressor(random_state=seed)), transformer=StandardScaler())
        return network, make_pipeline(StandardScaler(), LinearRegression())
    return (
        make_pipeline(StandardScaler(), MLPClassifier(random_state=seed)),
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)))


def score(model, x, y, metric):
    if metric == "balanced accuracy":
        return balanced_accuracy_score(y, model.predict(x))
    return model.score(x, y)


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done


def reading(difference):
    """Whether the first of two is better, or worse, beyond chance, as compare says it."""
    values = difference["difference"]
    uncertainty = (values["seedUncertainty"] ** 2 + values["exampleUncertainty"] ** 2) ** 0.5
    if abs(values["mean"]) <= uncertainty:
        return "too close to tell"
    return "better" if values["mean"] > 0 else "worse"


def check_verdicts(norma, only):
    failed = []
    for name, (x, y, names, metric) in tables().items():
        if only and name not in only.split(","):
            continue
        verdicts, gaps = [], []
        with tempfile.TemporaryDirectory() as folder:
            write(f"{folder}/table.csv", x, y, names)
            for seed in ["0", "3"]:
                result = json.loads(run(
                    [norma, "compare", "--data", f"csv:{folder}/table.csv", "--label", "target", "--seed", seed,
                     "--out", f"{folder}/out{seed}", "--json", "--quiet"]).stdout)
                verdicts.append({(d["first"], d["second"]): reading(d) for d in result["differences"]})
                for trained in result["runs"]:
                    saved = next(e for e in trained["epochs"] if e["number"] == trained["bestEpoch"])
                    if saved.get("batchTrainingMetric") is not None:
                        gaps.append(saved["batchTrainingMetric"] - saved["trainingMetric"])
        worst = max(gaps)
        print(f"{name:14} {metric}: batch less running statistics from {min(gaps):+.3f} to {worst:+.3f}", flush=True)
        for pair in verdicts[0]:
            first, second = (v[pair] for v in verdicts)
            contradict = {first, second} == {"better", "worse"}
            print(f"    {pair[0]} against {pair[1]}: {first}; {second}{'   <- contradiction' if contradict else ''}")
            if contradict:
                failed.append(f"{name}: {pair[0]} against {pair[1]} is {first} with seeds 0 to 2, {second} with 3 to 5")
        if worst > 0.03:
            failed.append(f"{name}: running statistics are {worst:.3f} behind the batches' own")
    print("\n".join(failed) or "No verdict contradicts another, and no running statistics lag.")
    sys.exit(bool(failed))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--norma", default=".build/release/norma")
    options.add_argument("--splits", type=int, default=5)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--only", default="")
    options.add_argument("--json")
    options.add_argument("--verdicts", action="store_true")
    options.add_argument("rest", nargs="*", help="further options for norma train, after --")
    options = options.parse_args()
    warnings.filterwarnings("ignore")  # MLPClassifier says of 200 epochs that they are too few.
    if options.verdicts:
        check_verdicts(options.norma, options.only)
    failed, results = [], {}
    print(f"{'table':14} {'metric':18} {'norma':>8} {'mlp':>8} {'linear':>8}  norma's train, by running and by batch statistics")
    for name, (x, y, names, metric) in tables().items():
        if options.only and name not in options.only.split(","):
            continue
        figures, told = {"norma": [], "mlp": [], "linear": [], "running": [], "batch": []}, 0
        with tempfile.TemporaryDirectory() as folder:
            for split in range(options.splits):
                rows = train_test_split(
                    np.arange(len(x)), test_size=0.3, random_state=split, stratify=None if metric == "R²" else y)
                for part, indices in zip(["train", "test"], rows):
                    write(f"{folder}/{part}.csv", x[indices], y[indices], names)
                train, test = rows
                for seed in range(options.seeds):
                    network, linear = peers(metric, seed)
                    figures["mlp"].append(score(network.fit(x[train], y[train]), x[test], y[test], metric))
                    if seed == 0:
                        figures["linear"].append(score(linear.fit(x[train], y[train]), x[test], y[test], metric))
                    done = run(
                        [options.norma, "train", "--data", f"csv:{folder}/train.csv", "--label", "target", "--seed", str(seed),
                         "--out", f"{folder}/out{seed}", "--json"] + options.rest)
                    told += "linear" in done.stderr
                    trained = json.loads(done.stdout)
                    figures["running"].append(trained["trainingMetric"])
                    figures["batch"].append(trained.get("batchTrainingMetric", trained["trainingMetric"]))
                    answer = json.loads(run(
                        [options.norma, "evaluate", f"{folder}/out{seed}", "--data", f"csv:{folder}/test.csv", "--json"]).stdout)
                    figures["norma"].append(answer["balancedAccuracy"] if metric == "balanced accuracy" else answer["value"])
        mean = {key: float(np.mean(values)) for key, values in figures.items()}
        results[name] = {"metric": metric, **mean}
        print(f"{name:14} {metric:18} {mean['norma']:8.4f} {mean['mlp']:8.4f} {mean['linear']:8.4f}  "
              f"{mean['running']:.4f} {mean['batch']:.4f}", flush=True)
        bound = TOLERANCE[metric]
        if mean["norma"] < mean["mlp"] - bound:
            failed.append(f"{name}: {metric} {mean['norma']:.4f}, scikit-learn's network {mean['mlp']:.4f}")
        if mean["norma"] < mean["linear"] - bound and told == 0:
            failed.append(f"{name}: {metric} {mean['norma']:.4f}, linear {mean['linear']:.4f}, and nothing said so")
        gaps = [b - r for b, r in zip(figures["batch"], figures["running"])]
        if metric != "R²" and max(gaps) > 0.03:
            failed.append(f"{name}: running statistics are {max(gaps):.3f} behind the batches' own in the worst training")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)
    print("\n".join(failed) or "norma keeps up on all of them.")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
