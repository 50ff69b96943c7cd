"""D. An icon classifier, trained on one vendor's icons, is offered another vendor's. Features of a pretrained network.

The archive contains near duplicates: the same icon in five skin tones.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assay_bench import packages
from assay_bench.pricing.cases.case import Case, array_answers, numeric_schema, records
from assay_bench.pricing.cases.sellers import OFF_TOPIC, SAME, common_sellers
from assay_bench.pricing.data import features
from assay_pricing.records.records import Records

SAME_ICONS, SKIN_TONES = "same_icons_other_art", "skin_tones"
_VENDORS = {"google": packages.EMOJI_GOOGLE, "twitter": packages.EMOJI_TWITTER}
_LEFT_OUT = ("Component", "Flags")
_OWNER, _OFFER, _VALIDATION = 500, 500, 250
_DECAY = 0.3


@dataclass(frozen=True)
class Pictures:
    """Icons of one vendor.

    Attributes:
        images: (n, 64, 64, 3) on white, the base icons first, then their skin-tone variants.
        categories: Category of each, (n,).
        bases: How many are base icons.
        parents: For each picture the index of its base icon, (n,).
    """

    images: npt.NDArray[np.uint8]
    categories: npt.NDArray[np.str_]
    bases: int
    parents: npt.NDArray[np.int64]


def pictures(vendor: str, cache: Path) -> Pictures:
    """Every icon that both vendors have, in the same order for both.

    Raises:
        BenchError: The vendor's package cannot be downloaded.
    """
    folder = packages.fetch(_VENDORS[vendor], cache) / "package"
    listing = json.loads((folder / "emoji.json").read_text())
    both = [e for e in listing if e["has_img_google"] and e["has_img_twitter"] and e["category"] not in _LEFT_OUT]
    files = [e["image"] for e in both]
    parents = list(range(len(both)))
    categories = [e["category"] for e in both]
    for i, icon in enumerate(both):
        for tone in icon.get("skin_variations", {}).values():
            if tone["has_img_google"] and tone["has_img_twitter"]:
                files.append(tone["image"])
                parents.append(i)
                categories.append(icon["category"])
    images = np.stack([_on_white(folder / "img" / vendor / "64" / file) for file in files])
    return Pictures(images, np.array(categories), len(both), np.array(parents))


def _on_white(path: Path) -> npt.NDArray[np.uint8]:
    from PIL import Image

    with Image.open(path) as picture:
        drawn = picture.convert("RGBA").resize((64, 64))
    white = Image.new("RGBA", drawn.size, "white")
    white.alpha_composite(drawn)
    return np.asarray(white.convert("RGB"))


def _fitted(data: Records) -> Any:
    """The owner's classifier; its decay is relative to the mean loss, so that repeating the data changes nothing."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1 / (_DECAY * len(data)), max_iter=300)).fit(
        data.x, data.y.astype(np.int64)
    )


def draw(cache: Path, seed: int) -> Case:
    """One draw of owner, sellers and held-out icons, in both styles."""
    rng = np.random.default_rng(seed)
    here, there = pictures("google", cache), pictures("twitter", cache)
    names = sorted(set(here.categories))
    schema = numeric_schema(1280, [str(i) for i in range(len(names))])
    codes = [names.index(category) for category in here.categories]
    google, twitter = (records(schema, features.efficientnet(v.images, cache), codes) for v in (here, there))
    order = rng.permutation(here.bases)
    own, fresh, checked, held = np.split(order, np.cumsum([_OWNER, _OFFER, _VALIDATION]))
    owner, new = google.take(own), twitter.take(fresh)
    validation, test = (google.take(rows).join(twitter.take(rows)) for rows in (checked, held))
    tones = np.flatnonzero(np.isin(here.parents, own) & (np.arange(len(here.parents)) >= here.bases))
    model = _fitted(owner)
    return Case(
        model=model,
        train=lambda data: array_answers(_fitted(data)),
        owner=owner,
        validation=validation,
        test=test,
        sellers=common_sellers(new, owner, array_answers(model), rng)
        | {
            SAME: google.take(fresh),
            SAME_ICONS: twitter.take(own),
            SKIN_TONES: google.take(rng.permutation(tones)[:_OFFER]),
            OFF_TOPIC: _off_topic(schema, cache, rng, len(names)),
        },
    )


def _off_topic(schema: Any, cache: Path, rng: np.random.Generator, k: int) -> Records:
    """Enlarged handwritten digits, labelled as icons."""
    from sklearn.datasets import load_digits

    grey = (255 - load_digits().images[:_OFFER] * 255 / 16).astype(np.uint8)
    enlarged = np.repeat(np.repeat(grey, 8, axis=1), 8, axis=2)
    shown = np.repeat(enlarged[..., None], 3, axis=3)
    return records(schema, features.efficientnet(shown, cache), rng.integers(0, k, len(shown)))
