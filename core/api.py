"""The HTTP API's routes, mounted in `app.py` before the dashboard."""

from typing import Any

from fastapi import APIRouter, HTTPException

from core import serving, settings

router = APIRouter(prefix="/api")


@router.get("/health")
def health() -> dict[str, Any]:
    """Tell whether the server is up, which run it serves and why."""
    found = serving.choose(settings.load())
    version = serving.version(found.run) if found.run else ""
    model = found.run.id if found.run else None
    return {"status": "ok", "ready": model is not None, "model": model, "version": version or None, "why": found.why}


@router.get("/{rest:path}", include_in_schema=False)
def unknown(rest: str) -> None:
    """Answer 404: without this route the dashboard would answer its page with 200."""
    raise HTTPException(404, f"There is no /api/{rest}.")
