"""The HTTP API: every way in, every refusal, its own description, its examples."""

import base64
import concurrent.futures
import contextlib
import io
import json
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import replace

import hypothesis
import numpy as np
import pytest
import requests
import schemathesis
from fastapi import FastAPI
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from core import api, guard, inference, preprocessing, runs, serving
from core.api import answers, bodies, figures
from core.settings import Settings
from tests.conftest import ROOT, get

FORM = "multipart/form-data"


@pytest.fixture(scope="session")
def png(tmp_path_factory) -> bytes:
    """A drawn 1, large and off the centre."""
    pixels = np.full((300, 200), 255, np.uint8)
    pixels[40:220, 60:85] = 0
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def client(trained, monkeypatch):
    """The API with one model behind it, without the dashboard."""
    monkeypatch.setattr(answers, "serves", lambda: serving.choose(trained))
    return TestClient(build(trained), client=("127.0.0.1", 1), base_url="http://localhost")


def build(settings: Settings) -> FastAPI:
    app = FastAPI(title="Digit Lab", openapi_url="/api/openapi.json", docs_url=None)
    api.install(app)
    app.add_middleware(guard.Guard, settings=settings)
    return app


def problem(answer, status, sentence):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail"}
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert sentence in body["detail"]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def expected(trained, png):
    run = serving.choose(trained).run
    return inference.classify(inference.load_session(run), preprocessing.from_bytes(png)).proba


WAYS = {
    "JSON": lambda png: {"json": {"image": b64(png)}},
    "JSON, several": lambda png: {"json": {"images": [b64(png)]}},
    "data URL": lambda png: {"json": {"image": f"data:image/png;base64,{b64(png)}"}},
    "address alphabet, no padding": lambda png: {"json": {"image": base64.urlsafe_b64encode(png).decode().rstrip("=")}},
    "raw": lambda png: {"content": png, "headers": {"content-type": "image/png"}},
    "octets": lambda png: {"content": png, "headers": {"content-type": "application/octet-stream; x=y"}},
    "form": lambda png: {"files": {"whatever": ("digit.png", png)}},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_gives_the_answer_of_draw(client, png, expected, way, trained):
    answer = client.post("/api/predict", **WAYS[way](png))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"predictions", "model", "version", "milliseconds"}
    (prediction,) = body["predictions"]
    np.testing.assert_allclose(prediction["proba"], expected, atol=1e-6)
    assert prediction["label"] == int(np.argmax(expected))
    assert (body["model"], body["version"]) == (runs.list_runs(trained)[0].id, None)
    assert body["milliseconds"] > 0


def test_sixty_four_images_in_their_order(client, sample):
    pictures = []
    for image in sample.x_test[:64]:
        out = io.BytesIO()
        Image.fromarray(image).save(out, "PNG")
        pictures.append(out.getvalue())
    answer = client.post("/api/predict", json={"images": [b64(p) for p in pictures]})
    together = [p["label"] for p in answer.json()["predictions"]]
    alone = [client.post("/api/predict", content=p, headers={"content-type": "image/png"}) for p in pictures[:5]]
    assert together[:5] == [a.json()["predictions"][0]["label"] for a in alone]
    assert len(together) == 64
    parts = [("file", (f"{i}.png", p)) for i, p in enumerate(pictures)]
    assert [p["label"] for p in client.post("/api/predict", files=parts).json()["predictions"]] == together


BLANK = b64(b"\x89PNG\r\n\x1a\n")
REFUSALS = {
    "no JSON": ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "The body is not JSON"),
    "too deep": ({"content": b"[" * 99999, "headers": {"content-type": "application/json"}}, 400, "not JSON"),
    "a list": ({"json": []}, 400, "The body is a JSON list; send an object."),
    "another key": ({"json": {"picture": ""}}, 400, 'Send {"images": ["<base64>", …]}'),
    "both keys": ({"json": {"image": "", "images": []}}, 400, "and no other key"),
    "a number": ({"json": {"images": [1]}}, 400, "images is not a list of texts"),
    "none": ({"json": {"images": []}}, 400, "There are 0 images; send 1 to 64."),
    "sixty-five": ({"json": {"images": ["aaaa"] * 65}}, 400, "There are 65 images"),
    "no base64": ({"json": {"image": "%%%"}}, 400, "not base64"),
    "a comma": ({"json": {"image": "a,b"}}, 400, "neither base64 nor a data URL"),
    "empty": ({"json": {"image": ""}}, 400, "An image is empty"),
    "empty body": ({"content": b"", "headers": {"content-type": "image/png"}}, 400, "An image is empty"),
    "no form": ({"content": b"x", "headers": {"content-type": f"{FORM}; boundary=y"}}, 400, "form cannot be read"),
    "no boundary": ({"content": b"x", "headers": {"content-type": FORM}}, 400, "form cannot be read"),
    "sixty-five files": ({"files": [("f", b"x")] * 65}, 400, "form cannot be read"),
    "text": ({"content": b"seven", "headers": {"content-type": "text/plain"}}, 415, "text/plain cannot be read; send"),
    "no type": ({"content": b"x"}, 415, "content type is missing"),
    "no picture": ({"json": {"image": b64(b"seven")}}, 422, "These 5 bytes are not a picture"),
    "cut off": ({"json": {"image": BLANK}}, 422, "picture"),
    "too large": ({"content": b"x" * (bodies.MAX_BYTES + 1), "headers": {"content-type": "image/png"}}, 413, "8 MB"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(client, case):
    request, status, sentence = REFUSALS[case]
    problem(client.post("/api/predict", **request), status, sentence)


def test_a_body_that_hides_its_length_is_cut_off(client):
    chunks = (b"x" * 65536 for _ in range(150))
    answer = client.post("/api/predict", content=chunks, headers={"content-type": "image/png"})
    assert "content-length" not in answer.request.headers
    problem(answer, 413, "more than 8 MB")


def test_the_one_bad_image_of_several_is_named(client, png):
    answer = client.post("/api/predict", json={"images": [b64(png), b64(b"seven"), b64(png)]})
    problem(answer, 422, "Image 2: These 5 bytes")


def test_a_blank_picture_is_refused_as_on_draw(client):
    out = io.BytesIO()
    Image.new("L", (100, 100), 255).save(out, "PNG")
    problem(client.post("/api/predict", json={"image": b64(out.getvalue())}), 422, "There is no ink in this picture")


def test_without_a_model_it_is_not_ready(client, png, monkeypatch):
    monkeypatch.setattr(answers, "serves", lambda: serving.Serving(None, "There is no model yet."))
    answer = client.post("/api/predict", json={"image": b64(png)})
    problem(answer, 503, "There is no model to answer yet")
    assert answer.headers["retry-after"] == "5"
    assert client.get("/api/health").json()["ready"] is False
    assert client.get("/api/models").status_code == 200
    assert "digitlab_ready 0.0" in client.get("/api/metrics").text


def test_a_damaged_model_is_503_and_says_why(client, png, trained):
    path = runs.list_runs(trained)[0].path / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    problem(client.post("/api/predict", json={"image": b64(png)}), 503, "was changed or damaged")


def test_too_many_at_once_is_503(client, png, monkeypatch):
    monkeypatch.setattr(answers, "WAIT_SECONDS", 0.01)
    for _ in range(2):
        answers._DECODING.acquire()
    try:
        problem(client.post("/api/predict", json={"image": b64(png)}), 503, "Too many pictures")
    finally:
        for _ in range(2):
            answers._DECODING.release()
    assert client.post("/api/predict", json={"image": b64(png)}).status_code == 200


def test_an_error_of_ours_says_nothing_of_the_machine(client, png, monkeypatch):
    def broken(pictures):
        raise RuntimeError("/etc/secret")

    monkeypatch.setattr(answers, "classify", broken)
    quiet = TestClient(client.app, raise_server_exceptions=False, base_url="http://localhost")
    problem(quiet.post("/api/predict", json={"image": b64(png)}), 500, "Something went wrong in the server")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/nothing", 404, ""),
        ("POST", "/api/a/b", 404, ""),
        ("GET", "/api", 404, ""),
        ("GET", "/api/predict", 405, "POST"),
        ("POST", "/api/health", 405, "GET, HEAD"),
        ("DELETE", "/api/models", 405, "GET, HEAD"),
        ("TRACE", "/api/metrics", 405, "GET, HEAD"),
    ],
)
def test_unknown_paths_and_methods(client, method, path, status, allow):
    answer = client.request(method, path)
    problem(answer, status, path)
    assert answer.headers.get("allow", "") == allow


def test_models_health_and_figures(client, png, trained):
    run = runs.list_runs(trained)[0]
    (model,) = client.get("/api/models").json()
    assert (model["id"], model["family"], model["serving"]) == (run.id, "decision_tree", True)
    health = client.get("/api/health").json()
    assert (health["ready"], health["model"]) == (True, run.id)
    before = (
        figures.REGISTRY.get_sample_value("digitlab_requests_total", {"route": "/api/predict", "status": "200"}) or 0
    )
    client.post("/api/predict", json={"image": b64(png)})
    text = client.get("/api/metrics").text
    assert f'digitlab_requests_total{{route="/api/predict",status="200"}} {before + 1}' in text
    assert "digitlab_ready 1.0" in text
    assert client.head("/api/health").status_code == 200


def test_a_promotion_is_taken_up_without_a_restart(trained, monkeypatch):
    monkeypatch.setattr(answers, "LOOK_SECONDS", 1e-9)  # cards are remembered: all this takes less than a millisecond
    assert answers.serves().why == "the newest run, as none is promoted"
    serving.promote(trained, runs.list_runs(trained)[0].id)
    assert answers.serves().why == "promoted to production"


EXERCISE = {
    "query": lambda text: {"params": {"drawing_data": text}},
    "form": lambda text: {"data": {"drawing_data": text}},
    "files": lambda text: {"files": {"drawing_data": (None, text)}},
    "JSON": lambda text: {"json": {"drawing_data": text}},
}


@pytest.mark.parametrize("path", ["/predict/", "/predict"])
@pytest.mark.parametrize("way", EXERCISE)
def test_the_route_of_the_exercise(client, png, expected, way, path):
    answer = client.post(path, **EXERCISE[way](f"data:image/png;base64,{b64(png)}"), follow_redirects=False)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["result"], body["error"]) == (1, "")
    np.testing.assert_allclose(body["data"], expected, atol=1e-6)


def test_a_plus_that_became_a_space_is_read_back(client, png):
    text = b64(png)
    assert "+" in text
    assert client.post(f"/predict/?drawing_data={text}").json()["result"] == 1


@pytest.mark.parametrize(
    ("request_", "status", "sentence"),
    [
        ({}, 400, "drawing_data is missing"),
        ({"json": {"drawing_data": 7}}, 400, "drawing_data is missing"),
        ({"params": {"drawing_data": "%%%"}}, 400, "An image is not base64"),
        ({"params": {"drawing_data": b64(b"seven")}}, 422, "These 5 bytes are not a picture"),
        ({"content": b"x", "headers": {"content-type": "text/csv"}}, 415, "text/csv cannot be read"),
        ({"params": {"drawing_data": "a" * 20_000}}, 414, "Send the picture in the body"),
        ({"json": {"drawing_data": "a" * (9 << 20)}}, 413, "more than 8 MB"),
    ],
)
def test_the_exercise_tells_errors_in_its_own_form(client, request_, status, sentence):
    answer = client.post("/predict/", **request_)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert (body["result"], body["data"]) == (0, [])
    assert sentence in body["error"]
    assert client.get("/predict").json()["error"] == "/predict does not take GET; use POST."


def test_a_large_picture_in_the_body_of_the_exercise(client, sample):
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 16, (280, 280), np.uint8)
    noise[60:220, 130:150] = 255
    Image.fromarray(noise).save(out, "PNG")
    assert len(b64(out.getvalue())) > 16_384
    assert client.post("/predict/", data={"drawing_data": b64(out.getvalue())}).json()["result"] == 1


schema = schemathesis.openapi.from_asgi("/api/openapi.json", build(Settings(home=ROOT / "none", rate=0)))


@pytest.fixture
def model_behind(trained, monkeypatch):
    monkeypatch.setattr(answers, "serves", lambda: serving.choose(trained))


@pytest.mark.usefixtures("model_behind")
@schema.parametrize()
@hypothesis.settings(max_examples=20, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), database=None)
def test_it_does_what_it_says_of_itself(case):
    # A random text is base64 to OpenAPI's eye, but no picture to ours: it cannot know what must be accepted.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


@pytest.fixture
def server(serve, trained):
    """A real server with one model."""
    return serve(replace(trained, rate=0))


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_the_examples_work_as_they_stand(server, png, tmp_path, language, trained):
    code = api.snippets(server)[language]
    (tmp_path / "digit.png").write_bytes(png)
    words = {"curl": ["bash", "-c", code], "Python": [sys.executable, "-c", code]}
    if language == "JavaScript":
        node = shutil.which("node")
        if not node:
            pytest.skip("there is no node")
        read = 'import { openAsBlob } from "node:fs";\nconst picture = await openAsBlob("digit.png");\n'
        (tmp_path / "ask.mjs").write_text(read + code)
        words["JavaScript"] = [node, "ask.mjs"]
    elif not shutil.which(words[language][0]) or not shutil.which("curl"):
        pytest.skip("there is no curl")
    done = subprocess.run(words[language], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    run = serving.choose(trained).run
    prediction = inference.classify(inference.load_session(run), preprocessing.from_bytes(png))
    said = json.loads(done.stdout)["predictions"][0]["label"] if language == "curl" else done.stdout.split()[0]
    assert int(said) == prediction.label


@pytest.mark.browser
def test_the_example_works_in_a_browser_and_the_description_asks_nobody_else(server, png, visit, chromium):
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server}/api/docs")
    page.get_by_text("/api/predict").first.wait_for()
    assert all(url.startswith((server, "data:")) for url in asked), asked
    code = api.snippets(server)["JavaScript"].replace("console.log(", "return [").replace("proba);", "proba];")
    picture = f"const picture = await (await fetch('data:image/png;base64,{b64(png)}')).blob();"
    label, proba = page.evaluate(f"async () => {{ {picture} {code} }}")
    page.close()
    assert 0 <= label <= 9
    assert sum(proba) == pytest.approx(1, abs=1e-4)


def test_no_query_reaches_the_log(server, serve, tmp_path, png):
    marked = b64(png) + "SECRETSECRET"
    for path in ("/predict/", "/predict", "/api/predict", "/api/nothing", "/Draw"):
        for method in ("GET", "POST"):
            address = f"{server}{path}?drawing_data={urllib.parse.quote(marked)}"
            with contextlib.suppress(urllib.error.HTTPError):
                urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=30).read()
    # A raw request that the server cannot even parse.
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as raw:
        raw.sendall(b"POST /predict/?drawing_data=SECRETSECRET HTTP/9.9\r\n\r\n")
        raw.recv(1000)
    log = "".join(path.read_text() for path in tmp_path.glob("server-*.log"))
    assert "Uvicorn running" in log
    assert "SECRET" not in log
    assert b64(png)[:40] not in log


def test_addresses_of_any_length_get_the_advice(server):
    for length in (20_000, 100_000, 200_000):
        request = urllib.request.Request(f"{server}/predict/?drawing_data={'a' * length}", method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        assert caught.value.code == 414
        assert "in the body of the request" in json.load(caught.value)["error"]


def test_the_model_is_open_before_the_first_request(server, png):
    """The lifespan opened it: the figures of the server itself tell, not a clock."""
    assert b"digitlab_ready 1.0" in get(f"{server}/api/metrics")


def test_many_clients_at_once_get_each_their_own_answer(server, sample, trained):
    session = inference.load_session(serving.choose(trained).run)

    def ask(index):
        out = io.BytesIO()
        Image.fromarray(sample.x_test[index]).save(out, "PNG")
        answer = requests.post(f"{server}/api/predict", files={"f": out.getvalue()}, timeout=60).json()
        expected = inference.classify(session, preprocessing.from_bytes(out.getvalue())).label
        return answer["predictions"][0]["label"] == expected

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(80)))
