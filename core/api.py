"""The HTTP API's routes, mounted in `app.py` before the dashboard."""

from typing import Any

from fastapi import APIRouter, HTTPException

from core import runs, settings

router = APIRouter(prefix="/api")


@router.get("/health")
def health() -> dict[str, Any]:
    """Tell whether the server is up, and which run it would serve: the newest one that can be served."""
    model = next((run.id for run in runs.list_runs(settings.load()) if run.servable), None)
    return {"status": "ok", "ready": model is not None, "model": model}


@router.get("/{rest:path}", include_in_schema=False)
def unknown(rest: str) -> None:
    """Answer 404: without this route the dashboard would answer its page with 200."""
    raise HTTPException(404, f"There is no /api/{rest}.")
