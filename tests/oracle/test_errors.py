"""The oracle's errors: one tree, drawn in its docstring, each with a status that HTTP answers with."""

from collections.abc import Iterator

import pytest

from assay.errors import EnvelopeInvalid, NodeUnreachable, QuoteExpired, StoreError
from assay_oracle import errors
from assay_oracle.errors import ServiceError
from assay_oracle.server.api.problems import status_of

pytestmark = pytest.mark.unit


def classes(root: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    if root.__module__ == "assay_oracle.errors":
        yield root
    for child in root.__subclasses__():
        yield from classes(child)


def test_every_exception_of_the_module_is_in_the_tree() -> None:
    defined = {kind for kind in vars(errors).values() if isinstance(kind, type) and kind.__module__ == errors.__name__}
    assert defined == set(classes())


@pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_with_its_status(kind: type[ServiceError]) -> None:
    (line,) = [line for line in str(errors.__doc__).splitlines() if kind.__name__ in line.split()]
    assert str(kind.status) in line.split()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.OfferUnknown("x"), 404),
        (errors.ModelNotReady("model_halted", "x"), 409),
        (errors.DeliveryDeleted("x"), 410),
        (EnvelopeInvalid("x"), 422),
        (QuoteExpired("x"), 409),
        (NodeUnreachable("x"), 503),
        (StoreError("x"), 500),
    ],
)
def test_status_of_an_error(error: ServiceError, status: int) -> None:
    assert status_of(error) == status


def test_code_of_a_model_that_is_not_ready_is_its_cause() -> None:
    assert errors.ModelNotReady("model_halted", "x").code == "model_halted"
