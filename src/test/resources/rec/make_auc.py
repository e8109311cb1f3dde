#!/usr/bin/env python3
"""Makes auc.json: scores with many ties, labels, and scikit-learn's roc_auc_score. usage: make_auc.py > auc.json"""
import json

import numpy as np
from sklearn.metrics import roc_auc_score

random = np.random.default_rng(7)
cases = []
for size, levels in [(2, 2), (10, 3), (50, 2), (50, 11), (300, 5), (1000, 11), (1000, 100000), (997, 1)]:
    for shift in (0.0, 0.7):
        labels = random.integers(0, 2, size)
        labels[:2] = (0, 1)
        raw = random.normal(size=size) + shift * labels
        scores = np.round(raw * levels / 6) / 7 if levels > 1 else np.zeros(size)
        cases.append(dict(scores=[float(s) for s in scores], liked=[bool(x) for x in labels],
                          auc=float(roc_auc_score(labels, scores))))
print(json.dumps(cases))
