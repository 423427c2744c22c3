"""Writes linear/linear.json: what scikit-learn's linear models give on some of its data sets, for the tests of LinearModel.

    python Tests/Fixtures/make_linear_fixtures.py

Needs scikit-learn (the committed file: 1.9.1 with numpy 2.4.6, Python 3.11). Features are float32 values. Models are fitted
behind a StandardScaler on the first rows and asked about the rest; C and alpha are the defaults, 1, and the tolerance is far below the default
so that the optimum is reached.
"""

import json
import pathlib

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler


def case(name, data, training, test, classes):
    order = np.random.default_rng(0).permutation(len(data.target))[: training + test]
    x = data.data[order].astype(np.float32)
    y = data.target[order]
    scaler = StandardScaler().fit(x[:training].astype(float))
    features = scaler.transform(x.astype(float))
    if classes:
        model = LogisticRegression(tol=1e-10, max_iter=100_000)
    else:
        model = Ridge()
    model.fit(features[:training], y[:training])
    scores = model.predict_proba(features[training:]) if classes else model.predict(features[training:])[:, None]
    return {
        "name": name,
        "training": training,
        "classes": classes,
        "width": x.shape[1],
        "features": [float(f"{v:.9g}") for v in x.ravel()],
        "targets": [int(v) if classes else float(v) for v in y],
        "answers": [round(float(v), 9) for v in scores.ravel()],
        "score": model.score(features[training:], y[training:]),
    }


cases = [
    case("iris", datasets.load_iris(), 100, 50, 3),
    case("breast cancer", datasets.load_breast_cancer(), 80, 60, 2),
    case("diabetes", datasets.load_diabetes(), 120, 60, 0),
    case("diabetes, fewer rows than columns", datasets.load_diabetes(), 8, 20, 0),
]
folder = pathlib.Path(__file__).parent / "linear"
folder.mkdir(exist_ok=True)
(folder / "linear.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
