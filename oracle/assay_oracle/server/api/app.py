"""The application: the calls of every party, put together."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI

from assay.protocol.messages import API_PREFIX
from assay_oracle.access.gate import Gate
from assay_oracle.server.api.blind import blind_routes
from assay_oracle.server.api.bodies import JsonLimit
from assay_oracle.server.api.examples import add_openapi
from assay_oracle.server.api.guards import AddressRate
from assay_oracle.server.api.login import login_routes
from assay_oracle.server.api.offers import offer_routes
from assay_oracle.server.api.operator import Health, operator_routes
from assay_oracle.server.api.orders import order_routes
from assay_oracle.server.api.problems import add_problems
from assay_oracle.server.api.public import public_routes
from assay_oracle.server.api.telemetry import Telemetry, metrics_routes
from assay_oracle.server.waiting import Waiting
from assay_oracle.services.oracle import Oracle

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    oracle: Oracle,
    gate: Gate,
    health: Health,
    *,
    exposition: Callable[[], bytes] = lambda: b"",
    ready: Callable[[], bool] = lambda: True,
    waiting: Waiting | None = None,
    wake_pricing: Callable[[], None] = lambda: None,
    wake_orders: Callable[[], None] = lambda: None,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """The application.

    Args:
        oracle: The services.
        gate: Says who asks, and may ask.
        health: Whether each part works, by name.
        exposition: The metrics of the daemon, in the text format of Prometheus.
        ready: Whether requests can be served now. It is asked often, by anyone.
        waiting: Requests that wait until an offer is priced. By default none waits.
        wake_pricing: Called when there is something to price.
        wake_orders: Called when there is something to post or to settle.
        lifespan: What runs while the server does.
    """
    app = FastAPI(title="Assay oracle", version=version("assay"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.gate = gate
    app.add_middleware(JsonLimit)
    app.add_middleware(AddressRate, gate=gate)
    app.add_middleware(Telemetry)
    add_problems(app)
    app.include_router(public_routes(oracle.offers, ready))
    app.include_router(metrics_routes(exposition))
    for router in (
        login_routes(),
        offer_routes(oracle.offers, waiting or Waiting(0), wake_pricing, wake_orders),
        blind_routes(oracle.blind),
        order_routes(oracle.delivery, wake_orders),
        operator_routes(oracle.offers, gate.parties.offers_in, health),
    ):
        app.include_router(router, prefix=API_PREFIX)
    add_openapi(app)
    return app
