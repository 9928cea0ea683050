"""Errors of the HTTP API: one form, RFC 9457's problem JSON, whatever went wrong; no word about the machine."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
EXERCISE = "/predict"  # the exercise's own route tells errors in a form of its own


class Problem(BaseModel):
    """What every error looks like (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class ApiError(HTTPException):
    """Ends a request with a status and one sentence."""


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the part of OpenAPI that describes these errors."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def answer(path: str, status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return the answer that tells an error, in the form that belongs to the path."""
    if path.startswith("/api"):
        body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail).model_dump()
        return JSONResponse(body, status, headers, MEDIA_TYPE)
    if path.rstrip("/") == EXERCISE:
        return JSONResponse({"result": 0, "error": detail, "data": []}, status, headers)
    return PlainTextResponse(detail, status, headers)


def install(app: FastAPI) -> None:
    """Make the app tell every error in this form."""

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return answer(request.url.path, error.status_code, str(error.detail), dict(error.headers or {}))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return answer(request.url.path, 422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")

    async def unexpected(request: Request, error: Exception) -> Response:
        return answer(request.url.path, 500, "Something went wrong in the server; its log says what.")

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)
