"""What the API counts, in the form that Prometheus reads."""

import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException

REGISTRY = CollectorRegistry()
REQUESTS = Counter("digitlab_requests", "Requests to the API.", ["route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "digitlab_request_seconds",
    "How long a request took.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
IMAGES = Counter("digitlab_images", "Images answered, by the digit that was read.", ["label"], registry=REGISTRY)
READY = Gauge("digitlab_ready", "1 where a model serves.", registry=REGISTRY)


def text() -> bytes:
    """Return every figure as Prometheus's text."""
    return generate_latest(REGISTRY)


class MeasuredRoute(APIRoute):
    """A route that is counted and timed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with a clock around it."""
        inner = super().get_route_handler()
        route = self.path.rstrip("/") or "/"

        async def measured(request: Request) -> Response:
            began, status = time.perf_counter(), 500
            try:
                response = await inner(request)
                status = response.status_code
                return response
            except HTTPException as error:
                status = error.status_code
                raise
            finally:
                REQUESTS.labels(route, status).inc()
                SECONDS.labels(route).observe(time.perf_counter() - began)

        return measured
