"""The HTTP API's routes, mounted in `app.py` before the dashboard."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request

from core import serving, settings

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

router = APIRouter(prefix="/api")


@router.head("/health", include_in_schema=False)
@router.get("/health")
def health() -> dict[str, Any]:
    """Tell whether the server is up, which run it serves and why."""
    found = serving.choose(settings.load())
    version = serving.version(found.run) if found.run else ""
    model = found.run.id if found.run else None
    return {"status": "ok", "ready": model is not None, "model": model, "version": version or None, "why": found.why}


@router.api_route("", methods=METHODS, include_in_schema=False)
@router.api_route("/{rest:path}", methods=METHODS, include_in_schema=False)
def unknown(request: Request) -> None:
    """Answer 404: without this route the dashboard would answer, its page with 200 or a bare 405."""
    name = request.url.path if request.method == "GET" else f"{request.method} {request.url.path}"
    raise HTTPException(404, f"There is no {name}.")
