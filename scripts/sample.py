"""Sample data of the tutorial: deliveries that were late or not, and a model that has seen two of five regions."""

import csv
from pathlib import Path

import numpy as np

SHIFTS = {"city": 0, "coast": 1, "mountains": 6, "islands": -6, "valley": 6}
"""How much later, or earlier, deliveries of a region are."""
FILES = {
    "train": (600, ["city", "coast"]),
    "validation": (400, [*SHIFTS]),
    "new": (300, ["mountains"]),
    "few": (60, ["valley"]),
    "more": (200, ["islands"]),
}
"""Number of records of each file, and their regions. The owner has ``train`` and ``validation``, a seller the rest."""
HEADER = ("delivery_id", "ordered_at", "region", "distance_km", "weight_kg", "late")
MODEL = '''\
"""The model that is kept: a scikit-learn pipeline that predicts which delivery will be late."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler


def hours(frame):
    return frame.apply(lambda column: pd.to_datetime(column).dt.hour)


def trained():
    data = pd.read_csv("train.csv")
    columns = make_column_transformer(
        (make_pipeline(FunctionTransformer(hours), OneHotEncoder(handle_unknown="ignore")), ["ordered_at"]),
        (OneHotEncoder(handle_unknown="ignore"), ["region"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["distance_km", "weight_kg"]),
    )
    pipeline = make_pipeline(columns, LogisticRegression(max_iter=1000))
    return pipeline.fit(data.drop(columns=["delivery_id", "late"]), data["late"])
'''


def write_tables(folder: Path) -> None:
    """Writes the files as CSV."""
    for seed, (name, (count, regions)) in enumerate(FILES.items(), start=1):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(_rows(seed, count, regions))


def _rows(seed: int, count: int, regions: list[str]) -> list[tuple[object, ...]]:
    random = np.random.default_rng(seed)
    start, minutes = np.datetime64("2026-01-01T00:00"), random.integers(0, 120 * 24 * 60, count)
    region = random.choice(regions, count)
    distance, weight = random.gamma(2, 20, count).round(1), random.lognormal(1, 0.8, count).round(2)
    hour = minutes // 60 % 24
    rush = (hour >= 7) & (hour <= 9)
    lateness = (distance - 40) / 8 + 2.5 * rush + 0.1 * weight + np.array([SHIFTS[name] for name in region])
    late = lateness + random.logistic(0, 0.5, count) > 0.5
    weighed = random.random(count) > 0.1
    return [
        (
            f"D{seed}-{i:05d}",
            str(start + np.timedelta64(int(minutes[i]), "m")).replace("T", " "),
            region[i],
            distance[i],
            weight[i] if weighed[i] else "",
            "yes" if late[i] else "no",
        )
        for i in range(count)
    ]
