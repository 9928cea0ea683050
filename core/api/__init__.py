"""The HTTP API, on the dashboard's own port. `install(app)` is all that `app.py` needs."""

from typing import Any

from fastapi import FastAPI

from core.api import problems, routes
from core.api.answers import warm_up
from core.api.snippets import snippets

__all__ = ["install", "snippets", "warm_up"]


def install(app: FastAPI) -> None:
    """Give the app the API's routes, the form of its errors, and their description."""
    app.include_router(routes.router)
    problems.install(app)
    describe = app.openapi

    def described() -> dict[str, Any]:
        schema = describe()
        schema["components"]["schemas"] |= routes.SCHEMAS
        return schema

    app.openapi = described  # type: ignore[method-assign]
