"""The routes of the HTTP API, and of the exercise."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.routing import Match

from core import runs, serving, settings
from core.api import answers, bodies, figures
from core.api.problems import ApiError, Problem, responses

OTHERS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
router = APIRouter(route_class=figures.MeasuredRoute)


class Prediction(BaseModel):
    """One image's answer."""

    label: int = Field(ge=0, le=9)
    proba: list[float] = Field(min_length=10, max_length=10, description="Of the digits 0 to 9; they sum to 1.")
    digits: list[int] = Field(
        default=[],
        description="Likeliest first: on images like MNIST's this set holds the true digit for 95 of 100 or more. "
        "Left out where the run is not calibrated.",
    )
    is_digit: bool = Field(
        default=True,
        description="False for what looks like no digit (a letter, a scribble …); 1 of 100 digits is refused wrongly. "
        "Left out where the run is not calibrated.",
    )


class Predictions(BaseModel):
    """The answers, in the order of the images."""

    predictions: list[Prediction]
    model: str = Field(description="The run that answered.")
    version: str | None = Field(description="Its version on Weights & Biases, where it has one.")
    milliseconds: float = Field(description="What reading and answering took.")


class Model(BaseModel):
    """A run that can serve."""

    id: str
    family: str
    label: str
    accuracy: float
    created: float = Field(description="Seconds since 1970.")
    version: str | None
    serving: bool


class Health(BaseModel):
    """Whether the server is up, and whether a model serves."""

    status: str
    ready: bool
    model: str | None
    version: str | None
    why: str


class ExerciseAnswer(BaseModel):
    """The exercise's own answer."""

    result: int = Field(ge=0, le=1)
    error: str
    data: list[float] = Field(max_length=10)


_PICTURE = {"type": "string", "description": "base64, or a data URL"}
_IMAGES = {
    "oneOf": [
        {
            "type": "object",
            "properties": {
                "images": {"type": "array", "items": _PICTURE, "minItems": 1, "maxItems": bodies.MAX_IMAGES}
            },
            "required": ["images"],
            "additionalProperties": False,
        },
        {"type": "object", "properties": {"image": _PICTURE}, "required": ["image"], "additionalProperties": False},
    ]
}
_FILES = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}, "minProperties": 1}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PREDICT_BODY = {
    "required": True,
    "content": {"application/json": {"schema": _IMAGES}, "multipart/form-data": {"schema": _FILES}}
    | dict.fromkeys(bodies.RAW, _BINARY),
}
_DRAWING = {"type": "object", "properties": {"drawing_data": _PICTURE}, "required": ["drawing_data"]}
_EXERCISE_BODY = {
    "required": False,
    "content": {kind: {"schema": _DRAWING} for kind in ("application/json", *bodies.FORMS)},
}


@router.post(
    "/api/predict",
    response_model=Predictions,
    responses=responses(400, 413, 414, 415, 422, 429, 503),
    openapi_extra={"requestBody": _PREDICT_BODY},
)
async def predict(request: Request) -> Response:
    """Read the digits in 1 to 64 pictures: JSON with base64 or data URLs, a form with files, or one picture's bytes."""
    return JSONResponse(await run_in_threadpool(answers.classify, await bodies.read(request)))


@router.head("/api/models", include_in_schema=False)
@router.get("/api/models", response_model=list[Model])
def models() -> list[dict[str, Any]]:
    """List the runs that can serve, newest first."""
    now = answers.serves().run
    return [
        {
            "id": run.id,
            "family": run.family,
            "label": run.card["label"],
            "accuracy": run.metrics["accuracy"],
            "created": run.card["created"],
            "version": serving.version(run) or None,
            "serving": now is not None and run.id == now.id,
        }
        for run in runs.list_runs(settings.load())
        if run.servable
    ]


@router.head("/api/health", include_in_schema=False)
@router.get("/api/health", response_model=Health)
def health() -> dict[str, Any]:
    """Tell whether the server is up, whether a model serves, which and why."""
    found, version = answers.serves(), answers.version()
    model = found.run.id if found.run else None
    return {"status": "ok", "ready": model is not None, "model": model, "version": version or None, "why": found.why}


@router.head("/api/metrics", include_in_schema=False)
@router.get("/api/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics() -> Response:
    """Return the server's figures for Prometheus."""
    figures.READY.set(answers.serves().run is not None)
    return Response(figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.post(
    "/predict",
    response_model=ExerciseAnswer,
    responses={status: {"model": ExerciseAnswer} for status in (400, 413, 414, 415, 422, 429, 503)},
    openapi_extra={"requestBody": _EXERCISE_BODY},
)
@router.post("/predict/", include_in_schema=False)
async def exercise(request: Request, drawing_data: str = "") -> Response:
    """Read one digit, as the exercise has it: `drawing_data` in the query, a form or JSON."""
    text = drawing_data or await _drawing(request)
    answer = await run_in_threadpool(answers.classify, [bodies.from_base64(text)])
    return JSONResponse({"result": 1, "error": "", "data": answer["predictions"][0]["proba"]})


async def _drawing(request: Request) -> str:
    kind = bodies.media_type(request)
    given: Any = None
    if kind == "application/json":
        given = (await bodies.read_json(request)).get("drawing_data")
    elif kind in bodies.FORMS:
        given = (await bodies.read_form(request)).get("drawing_data")
    elif kind:
        known = ", ".join(("application/json", *bodies.FORMS))
        raise ApiError(415, f"The content type {kind} cannot be read; send one of {known}.")
    if not isinstance(given, str) or not given:
        raise ApiError(400, "drawing_data is missing; send a picture as base64, best in the body.")
    return given


@router.api_route("/predict", methods=OTHERS, include_in_schema=False)
@router.api_route("/predict/", methods=OTHERS, include_in_schema=False)
@router.api_route("/api", methods=OTHERS, include_in_schema=False)
@router.api_route("/api/{rest:path}", methods=OTHERS, include_in_schema=False)
def other(request: Request) -> None:
    """Answer 404 or 405: without this route the dashboard would answer, its page with 200."""
    path, method = request.url.path, request.method
    allowed = sorted({m for route in KNOWN if route.matches(request.scope)[0] == Match.PARTIAL for m in route.methods})
    if allowed:
        raise ApiError(405, f"{path} does not take {method}; use {', '.join(allowed)}.", {"Allow": ", ".join(allowed)})
    raise ApiError(404, f"There is no {path if method == 'GET' else f'{method} {path}'}.")


KNOWN: list[Any] = [route for route in router.routes if getattr(route, "endpoint", None) is not other]
SCHEMAS = {"Problem": Problem.model_json_schema()}
