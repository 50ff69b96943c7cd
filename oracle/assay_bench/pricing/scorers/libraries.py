"""Exact influence by the two libraries that have it, on the owner's true model, timed. Imported only when asked for.

Both compute a validation x offer matrix; its mean over validation is the score that compares with a price.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from assay_bench.errors import LibraryMissing
from assay_bench.pricing.data.dataset import Dataset, Floats
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets


@contextmanager
def _quiet() -> Iterator[None]:
    """The rivals warn of their own dependencies at import and at use; none of it is about the benchmark."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _missing(name: str, error: ImportError) -> LibraryMissing:
    return LibraryMissing(f"{name} is not installed: {error}", hint="pip install 'assay[bench]'")


def _target(y: Tensor, classes: int) -> Tensor:
    return y.long() if classes else y[:, None]


def _loss(classes: int) -> Callable[[Tensor, Tensor], Tensor]:
    return functional.cross_entropy if classes else functional.mse_loss


def pydvl(parties: Parties, model: Nets, offer: Dataset) -> tuple[Floats, float, float]:
    """Scores (n,) of pyDVL's ``DirectInfluence`` and the seconds for the factorised Hessian, and for scoring.

    Raises:
        LibraryMissing: pyDVL is not installed.
    """
    with _quiet():
        try:
            from pydvl.influence import InfluenceMode
            from pydvl.influence.torch import DirectInfluence
        except ImportError as error:
            raise _missing("pyDVL", error) from error
        (base_x, base_y), (val_x, val_y), (x, y) = (
            nets.tensors(table) for table in (parties.base, parties.validation, offer)
        )
        classes = offer.classes
        start = time.perf_counter()
        influence = DirectInfluence(nets.module(model), _loss(classes), parties.recipe.decay)
        influence.fit(DataLoader(TensorDataset(base_x, _target(base_y, classes)), batch_size=len(base_x)))
        middle = time.perf_counter()
        # pyDVL: gain of validation loss when a record of ``x`` gets weight, positive where it helps
        matrix = influence.influences(val_x, _target(val_y, classes), x, _target(y, classes), mode=InfluenceMode.Up)
        scores = matrix.mean(0).detach().double().numpy()
        return np.asarray(scores), middle - start, time.perf_counter() - middle


def dattri(parties: Parties, model: Nets, offer: Dataset) -> tuple[Floats, float, float]:
    """Scores (n,) of dattri's ``IFAttributorExplicit`` and the seconds for its cache, and for scoring.

    dattri scores training records: the Hessian is cached from the base, the attributed records are the offer.

    Raises:
        LibraryMissing: dattri is not installed.
    """
    with _quiet():
        try:
            from dattri.algorithm.influence_function import IFAttributorExplicit
            from dattri.task import AttributionTask
        except ImportError as error:
            raise _missing("dattri", error) from error
        net, classes = nets.module(model), offer.classes
        loss = _loss(classes)

        def record_loss(parameters: dict[str, Tensor], record: tuple[Tensor, Tensor]) -> Tensor:
            outputs = torch.func.functional_call(net, parameters, (record[0],))
            return loss(outputs, record[1])

        def loader(table: Dataset) -> DataLoader[tuple[Tensor, ...]]:
            x, y = nets.tensors(table)
            return DataLoader(TensorDataset(x, _target(y, classes)), batch_size=len(x))

        start = time.perf_counter()
        task = AttributionTask(loss_func=record_loss, model=net, checkpoints=net.state_dict())
        attributor = IFAttributorExplicit(task=task, regularization=parties.recipe.decay)
        attributor.cache(loader(parties.base))
        middle = time.perf_counter()
        matrix = attributor.attribute(loader(offer), loader(parties.validation))
        scores = np.asarray(matrix.mean(1).detach().double().numpy())
        return scores, middle - start, time.perf_counter() - middle


LIBRARIES: dict[str, Callable[[Parties, Nets, Dataset], tuple[Floats, float, float]]] = {
    "pydvl": pydvl,
    "dattri": dattri,
}
