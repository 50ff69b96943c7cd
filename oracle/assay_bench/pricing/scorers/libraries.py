"""Exact influence of the owner's true model by pyDVL and dattri, timed. Each library is imported when it is used.

Both compute a matrix of influences, validation x offer; its mean over the validation records is a record's score.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from assay_bench.errors import LibraryMissing
from assay_bench.figures import Floats
from assay_bench.pricing.data.dataset import Dataset
from assay_bench.pricing.data.parties import Parties
from assay_bench.pricing.truth import nets
from assay_bench.pricing.truth.nets import Nets


@dataclass(frozen=True)
class LibraryScores:
    """Scores (n,) with the seconds to factorise the Hessian, once for a model, and to score the offer."""

    points: Floats
    seconds_fit: float
    seconds_points: float


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Both libraries warn about their own dependencies, at import and at use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _not_installed(name: str, error: ImportError) -> LibraryMissing:
    return LibraryMissing(f"{name} is not installed: {error}", hint="pip install 'assay[bench]'")


def _target(y: Tensor, classes: int) -> Tensor:
    return y.long() if classes else y[:, None]


def _loss(classes: int) -> Callable[[Tensor, Tensor], Tensor]:
    return functional.cross_entropy if classes else functional.mse_loss


def pydvl(parties: Parties, model: Nets, offer: Dataset) -> LibraryScores:
    """Scores by pyDVL's ``DirectInfluence``.

    Raises:
        LibraryMissing: pyDVL is not installed.
    """
    with _without_warnings():
        try:
            from pydvl.influence import InfluenceMode
            from pydvl.influence.torch import DirectInfluence
        except ImportError as error:
            raise _not_installed("pyDVL", error) from error
        (base_x, base_y), (val_x, val_y), (x, y) = (
            nets.tensors(data) for data in (parties.base, parties.validation, offer)
        )
        classes = offer.classes
        start = time.perf_counter()
        influence = DirectInfluence(nets.module(model), _loss(classes), parties.recipe.decay)
        influence.fit(DataLoader(TensorDataset(base_x, _target(base_y, classes)), batch_size=len(base_x)))
        middle = time.perf_counter()
        # pyDVL's sign: positive if giving weight to a record of ``x`` lowers the validation loss
        matrix = influence.influences(val_x, _target(val_y, classes), x, _target(y, classes), mode=InfluenceMode.Up)
        scores = matrix.mean(0).detach().double().numpy()
        return LibraryScores(np.asarray(scores), middle - start, time.perf_counter() - middle)


def dattri(parties: Parties, model: Nets, offer: Dataset) -> LibraryScores:
    """Scores by dattri's ``IFAttributorExplicit``.

    dattri attributes to training records: the Hessian is cached from the base, and the offer is attributed to.

    Raises:
        LibraryMissing: dattri is not installed.
    """
    with _without_warnings():
        try:
            from dattri.algorithm.influence_function import IFAttributorExplicit
            from dattri.task import AttributionTask
        except ImportError as error:
            raise _not_installed("dattri", error) from error
        net, classes = nets.module(model), offer.classes
        loss = _loss(classes)

        def record_loss(parameters: dict[str, Tensor], record: tuple[Tensor, Tensor]) -> Tensor:
            outputs = torch.func.functional_call(net, parameters, (record[0],))
            return loss(outputs, record[1])

        def loader(data: Dataset) -> DataLoader[tuple[Tensor, ...]]:
            x, y = nets.tensors(data)
            return DataLoader(TensorDataset(x, _target(y, classes)), batch_size=len(x))

        start = time.perf_counter()
        task = AttributionTask(loss_func=record_loss, model=net, checkpoints=net.state_dict())
        attributor = IFAttributorExplicit(task=task, regularization=parties.recipe.decay)
        attributor.cache(loader(parties.base))
        middle = time.perf_counter()
        matrix = attributor.attribute(loader(offer), loader(parties.validation))
        scores = np.asarray(matrix.mean(1).detach().double().numpy())
        return LibraryScores(scores, middle - start, time.perf_counter() - middle)


LIBRARIES: dict[str, Callable[[Parties, Nets, Dataset], LibraryScores]] = {
    "pydvl": pydvl,
    "dattri": dattri,
}
