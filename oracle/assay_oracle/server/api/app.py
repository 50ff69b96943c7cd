"""The application: the calls of every party, put together."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from assay.protocol.messages import API_PREFIX, ModelInfo, OracleInfo
from assay_oracle.errors import NotHealthy
from assay_oracle.server.api.bodies import JsonLimit
from assay_oracle.server.api.ids import ModelIdOfPath
from assay_oracle.server.api.offers import offer_routes
from assay_oracle.server.api.orders import order_routes
from assay_oracle.server.api.problems import add_problems
from assay_oracle.services.oracle import Oracle

Health = Callable[[], dict[str, bool]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    oracle: Oracle, health: Health, *, wake: Callable[[], None] = lambda: None, lifespan: Lifespan | None = None
) -> FastAPI:
    """The application.

    Args:
        oracle: The services.
        health: Whether each part works, by name.
        wake: Called when there is something to price or to post.
        lifespan: What runs while the server does.
    """
    app = FastAPI(title="Assay oracle", version=version("assay"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(JsonLimit)
    add_problems(app)
    app.include_router(offer_routes(oracle.offers, wake), prefix=API_PREFIX)
    app.include_router(order_routes(oracle.delivery, wake), prefix=API_PREFIX)

    @app.get(API_PREFIX + "/info")
    def info() -> OracleInfo:
        return oracle.offers.info()

    @app.get(API_PREFIX + "/models/{model_id}")
    def model(model_id: ModelIdOfPath) -> ModelInfo:
        return oracle.offers.model(model_id)

    @app.get(API_PREFIX + "/health")
    def get_health() -> dict[str, Any]:
        works = health()
        unavailable = [model.model_dump(mode="json") for model in oracle.offers.info().unavailable]
        if all(works.values()):
            return {**works, "unavailable_models": unavailable}
        broken = [name for name, fine in works.items() if not fine]
        broken += [f"model {model['model_id']} ({model['code']})" for model in unavailable]
        text = f"expected every part to work, these do not: {', '.join(broken)}"
        raise NotHealthy(text, hint="assay-oracle check")

    @app.get("/")
    def root() -> dict[str, str]:
        return {
            "name": "Assay oracle",
            "version": version("assay"),
            "api": API_PREFIX,
            "info": f"{API_PREFIX}/info",
            "health": f"{API_PREFIX}/health",
            "schema": "/openapi.json",
            "docs": "docs/protocol.md of the source",
        }

    return app
