"""What stands before everything that comes from the network: limits for each client, closed doors, safe headers."""

import json
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import access, uploads
from core.settings import Settings

# Streamlit offers these to anybody: figures about its sessions, and an interface that drives the app.
CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check")
UPLOAD = "/_stcore/upload_file/"
MAX_URL_BYTES = 16_384
_TOO_LONG = "The address has {:,} bytes, more than {:,}. Send the picture in the body of the request instead."
ASKING = ("/api/predict", "/predict")
_TOO_MANY = "More than {} requests in a minute came from this address. Wait a moment."
# Streamlit's page needs inline styles, eval and blobs; nothing of it comes from, or goes to, another server.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss: data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": _POLICY,
}


class Guard:
    """ASGI middleware around API and dashboard."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here where it is not to go further."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"]
        peer = scope["client"][0] if scope.get("client") else None
        who = access.client(self.settings, peer, headers)
        if scope["type"] == "websocket":
            # A session costs memory, so opening many is limited like asking often.
            if access.too_many(self.settings, who, "session"):
                await send({"type": "websocket.close", "code": 1013})
                return None
            return await self.app(scope, receive, send)
        secure = scope.get("scheme") == "https" or headers.get("x-forwarded-proto") == "https"
        send = _with_headers(send, secure)
        length = len(scope.get("raw_path") or path) + len(scope["query_string"])
        if length > MAX_URL_BYTES:
            return await _refuse(send, 414, _TOO_LONG.format(length, MAX_URL_BYTES), path)
        if any(door in path for door in CLOSED) and not (path.endswith("/metrics") and who.local):
            return await _refuse(send, 404, "There is no such page.")
        if path.startswith(ASKING) and access.too_many(self.settings, who, "ask"):
            return await _refuse(send, 429, _TOO_MANY.format(self.settings.rate), path)
        if scope["method"] == "PUT" and path.startswith(UPLOAD):
            # Streamlit keeps whatever any session sends, asked for or not; 64 MB of it at a time: for the host alone.
            session, _, name = path.removeprefix(UPLOAD).partition("/")
            if access.level(self.settings, who, session) != access.HOST:
                size = headers.get("content-length", "")
                refusal = uploads.refusal(session, int(size) if size.isdecimal() else None)
                if not refusal and access.too_many(self.settings, who, "picture"):
                    refusal = (429, _TOO_MANY.format(self.settings.rate))
                if refusal:
                    return await _refuse(send, *refusal)
                for old_session, old_name in uploads.admit(session, name, int(size)):
                    await self._forget(scope, f"{UPLOAD}{old_session}/{old_name}")
        return await self.app(scope, receive, send)

    async def _forget(self, scope: Scope, path: str) -> None:
        # Asked of Streamlit as the browser would ask, with the headers that prove where this request came from.
        asked = {**scope, "method": "DELETE", "path": path, "raw_path": path.encode(), "query_string": b""}

        async def nothing() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def nowhere(message: Message) -> None:
            pass

        await self.app(asked, nothing, nowhere)


def _with_headers(send: Send, secure: bool) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if secure:
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        await send(message)

    return with_headers


async def _refuse(send: Send, status: int, detail: str, path: str = "") -> None:
    if path.startswith("/predict"):  # the exercise's route has a form of its own
        kind, body = "application/json", {"result": 0, "error": detail, "data": []}
    else:
        title = HTTPStatus(status).phrase
        kind = "application/problem+json"
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    content = json.dumps(body).encode()
    headers = {"content-type": kind, "content-length": str(len(content))}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers["retry-after"] = "60"
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
