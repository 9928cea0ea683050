"""What stands before the network: limits, closed doors, headers; with a small app behind it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import anyio
import pytest
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from core import access, guard

STRANGER = ("203.0.113.9", 4711)


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def hello(socket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


BEHIND = Starlette(
    routes=[
        Route("/{rest:path}", echo, methods=["GET", "POST", "PUT"]),
        WebSocketRoute("/_stcore/stream", hello),
    ]
)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(access, "_limiter", MovingWindowRateLimiter(MemoryStorage()))
    monkeypatch.setattr(access, "_holder", "")


@pytest.fixture
def ask(settings):
    """Ask the guarded app something: `ask("GET", "/path", client=…, **changed_settings)`."""

    def ask(method, path, client=STRANGER, headers=None, content=None, scheme="http", **change):
        transport = TestClient(
            guard.Guard(BEHIND, replace(settings, **change)), base_url=f"{scheme}://localhost", client=client
        )
        return transport.request(method, path, headers=headers, content=content)

    return ask


def test_every_answer_has_safe_headers(ask):
    answer = ask("GET", "/Draw")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert "object-src 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers
    assert "strict-transport-security" in ask("GET", "/", headers={"x-forwarded-proto": "https"}).headers
    assert "strict-transport-security" in ask("GET", "/", scheme="https").headers


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/Draw/_stcore/metrics",
        "/_stcore/agent/interact",
        "/_stcore/agent/mcp",
        "/_stcore/agent/openapi.json",
        "/_stcore/script-health-check",
    ],
)
def test_closed_doors(ask, path):
    answer = ask("GET", path)
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such page.")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_streamlits_metrics_are_open_on_this_machine(ask):
    assert ask("GET", "/_stcore/metrics", client=("127.0.0.1", 1)).status_code == 200
    assert (
        ask("GET", "/_stcore/metrics", client=("127.0.0.1", 1), headers={"x-forwarded-for": "::1"}).status_code == 404
    )


def test_asking_is_limited_for_each_client(ask):
    asked = [ask("POST", "/api/predict", content=b"x", rate=3).status_code for _ in range(4)]
    assert asked == [200, 200, 200, 429]
    refused = ask("POST", "/api/predict", rate=3)
    assert refused.json() == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "More than 3 requests in a minute came from this address. Wait a moment.",
    }
    assert refused.headers["retry-after"] == "60"
    assert ask("POST", "/predict/", rate=3).json() == {"result": 0, "error": refused.json()["detail"], "data": []}
    assert ask("POST", "/api/predict", client=("203.0.113.10", 1), rate=3).status_code == 200
    assert ask("GET", "/api/health", rate=3).status_code == 200


def test_a_client_behind_the_router_is_told_by_the_last_address(ask):
    for number in range(3):
        forged = {"x-forwarded-for": f"198.51.100.{number}, 203.0.113.77"}
        status = ask("POST", "/api/predict", headers=forged, rate=2, proxies=1).status_code
        assert status == (429 if number == 2 else 200)


def test_uploads_are_closed_to_visitors(ask, monkeypatch):
    path = "/_stcore/upload_file/tab-1/file-1"
    refused = ask("PUT", path, content=b"x" * 10, password="open sesame")
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("Files are taken on the Draw page only")
    monkeypatch.setattr(access, "_holder", "tab-1")
    assert ask("PUT", path, content=b"x" * 10, password="open sesame").text == "10"
    assert ask("PUT", path.replace("tab-1", "tab-2"), content=b"x", password="open sesame").status_code == 403
    assert ask("PUT", path.replace("tab-1", "tab-2"), content=b"x", client=("127.0.0.1", 1)).text == "1"


def test_opening_sessions_is_limited_for_each_client(settings):
    client = TestClient(guard.Guard(BEHIND, replace(settings, rate=1)), base_url="http://localhost", client=STRANGER)
    with client.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "hello"
    with pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)), client.websocket_connect("/_stcore/stream"):
        pass


def test_what_is_no_request_passes(settings):
    seen = []

    async def inner(scope, receive, send):
        seen.append(scope["type"])

    with ThreadPoolExecutor() as pool:  # of its own thread: after a browser test, this one has a loop already
        pool.submit(anyio.run, guard.Guard(inner, settings), {"type": "lifespan"}, None, None).result()
    assert seen == ["lifespan"]
