"""What clients send -> the bytes of pictures: JSON with base64 or data URLs, the bytes themselves, or a form."""

import base64
import binascii
import json
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from core.api.problems import ApiError

MAX_BYTES = 8 << 20
MAX_IMAGES = 64
RAW = (
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/bmp",
    "image/tiff",
    "application/octet-stream",
)
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


async def read(request: Request) -> list[bytes]:
    """Return the pictures of a request, 1 to `MAX_IMAGES`.

    Raises
    ------
    ApiError
        400, 413 or 415, with what is wrong.
    """
    kind = media_type(request)
    if kind in RAW:
        pictures = [await read_bytes(request)]
    elif kind == "application/json":
        pictures = _from_json(await read_json(request))
    elif kind == FORMS[0]:
        parts = [part for _, part in (await read_form(request)).multi_items()]
        pictures = [await p.read() if isinstance(p, UploadFile) else from_base64(p) for p in parts]
    else:
        known = ", ".join(["application/json", FORMS[0], *RAW])
        raise ApiError(415, f"The content type {kind or 'is missing and'} cannot be read; send one of {known}.")
    if not 1 <= len(pictures) <= MAX_IMAGES:
        raise ApiError(400, f"There are {len(pictures)} images; send 1 to {MAX_IMAGES}.")
    if not all(pictures):
        raise ApiError(400, "An image is empty; send the bytes of a picture.")
    return pictures


def media_type(request: Request) -> str:
    """Return the content type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_bytes(request: Request) -> bytes:
    """Read a body to its end, whatever length it claimed to have.

    Raises
    ------
    ApiError
        413 beyond `MAX_BYTES`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ApiError(413, f"The body has more than {MAX_BYTES >> 20} MB. Send fewer or smaller images.")
    return bytes(body)


async def read_json(request: Request) -> dict[str, Any]:
    """Read a body that is a JSON object.

    Raises
    ------
    ApiError
        400 where it is not.
    """
    try:
        body = json.loads(await read_bytes(request))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "The body is not JSON; send an object with the key images.") from error
    if not isinstance(body, dict):
        raise ApiError(400, f"The body is a JSON {type(body).__name__}; send an object.")
    return body


async def read_form(request: Request) -> FormData:
    """Read a form; its files stay in memory, as they are bounded.

    Raises
    ------
    ApiError
        400 where it cannot be parsed.
    """
    body = await read_bytes(request)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    whole = Request(request.scope, receive)
    try:
        return await whole.form(max_files=MAX_IMAGES, max_fields=MAX_IMAGES, max_part_size=MAX_BYTES)
    except (HTTPException, ValueError, KeyError, AssertionError) as error:  # the parser's ways to give up
        raise ApiError(400, f"The form cannot be read; send 1 to {MAX_IMAGES} files as multipart/form-data.") from error


def from_base64(text: str) -> bytes:
    """Decode base64, with or without a data URL's head; a space stands for the plus that a query has lost.

    Raises
    ------
    ApiError
        400 where it is no base64.
    """
    head, comma, rest = text.partition(",")
    if comma and not head.lower().startswith("data:"):
        raise ApiError(400, "An image is neither base64 nor a data URL (data:image/png;base64,…).")
    clean = (rest if comma else text).strip().replace(" ", "+").replace("\n", "").replace("\r", "")
    clean = clean.replace("-", "+").replace("_", "/")  # the alphabet for addresses
    try:
        return base64.b64decode(clean + "=" * (-len(clean) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, "An image is not base64. Encode the bytes of a PNG or JPEG file.") from error


def _from_json(body: dict[str, Any]) -> list[bytes]:
    if len(body) != 1 or not set(body) <= {"image", "images"}:
        raise ApiError(400, 'Send {"images": ["<base64>", …]} or {"image": "<base64>"}, and no other key.')
    given = body["images"] if "images" in body else [body["image"]]
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ApiError(400, "images is not a list of texts; send base64 or data URLs.")
    if not 1 <= len(given) <= MAX_IMAGES:
        raise ApiError(400, f"There are {len(given)} images; send 1 to {MAX_IMAGES}.")
    return [from_base64(text) for text in given]
