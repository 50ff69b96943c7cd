"""The calls that anyone may make."""

from collections.abc import Callable
from importlib.metadata import version

from fastapi import APIRouter

from assay.protocol.messages import API_PREFIX, ModelInfo, OracleInfo
from assay.protocol.types import Value
from assay_oracle.errors import NotHealthy
from assay_oracle.server.api import examples
from assay_oracle.server.api.ids import ModelIdOfPath
from assay_oracle.services.offers import Offers


class Liveness(Value):
    """``GET /live``: the process answers. What works is ``GET /health``, for the operator."""

    alive: bool = True


class Readiness(Value):
    """``GET /ready``: the daemon can serve requests now; a proxy sends it some."""

    ready: bool = True


class Root(Value):
    """``GET /``: where to look."""

    name: str = "Assay oracle"
    version: str
    api: str = API_PREFIX
    info: str = f"{API_PREFIX}/info"
    live: str = f"{API_PREFIX}/live"
    ready: str = f"{API_PREFIX}/ready"
    openapi: str = "/openapi.json"
    docs: str = "docs/protocol.md of the source"


_ROOT = Root(version=version("assay"))
_NOT_READY = NotHealthy("expected a daemon that can serve requests, this one cannot now", hint="ask another, or later")


def public_routes(offers: Offers, is_ready: Callable[[], bool]) -> APIRouter:
    """The public calls, with the API's prefix where they have it; ``is_ready`` says whether requests can be served."""
    router = APIRouter()

    @router.get("/", tags=["public"], responses=examples.answers(_ROOT, *examples.FAULTS, examples.RATE))
    async def root() -> Root:
        """Where to look."""
        return _ROOT

    @router.get(API_PREFIX + "/live", tags=["public"], responses=examples.answers(Liveness(), *examples.PUBLIC))
    async def live() -> Liveness:
        """Whether the process answers."""
        return Liveness()

    @router.get(
        API_PREFIX + "/ready", tags=["public"], responses=examples.answers(Readiness(), _NOT_READY, *examples.PUBLIC)
    )
    def ready() -> Readiness:
        """Whether the daemon can serve requests now. What does not work is for the operator to read."""
        if not is_ready():
            raise _NOT_READY
        return Readiness()

    @router.get(API_PREFIX + "/info", tags=["public"], responses=examples.answers(examples.INFO, *examples.PUBLIC))
    def info() -> OracleInfo:
        """Who the oracle is."""
        return offers.info()

    @router.get(
        API_PREFIX + "/models/{model_id}",
        tags=["public"],
        responses=examples.answers(
            examples.MODEL, examples.MODEL_UNKNOWN, examples.MODEL_UNAVAILABLE, *examples.PUBLIC
        ),
    )
    def model(model_id: ModelIdOfPath) -> ModelInfo:
        """What a seller needs to know about a model."""
        return offers.model(model_id)

    return router
