"""The download against a real server on loopback, well-behaved and not."""

import ast
import hashlib
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from core import dataset, download
from core.errors import DataError
from tests.conftest import ROOT, free_port


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, body: bytes, fault: str, *args):
        self.body, self.fault = body, fault
        super().__init__(*args)

    def do_GET(self):
        if self.fault == "404":
            self.send_error(404)
            return
        self.send_response(200)
        if self.fault != "no length":
            self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body[: len(self.body) // 2] if self.fault in ("truncated", "stalling") else self.body)
        if self.fault == "stalling":
            self.rfile.read()  # until the other side gives up

    def log_message(self, *args):
        pass


@pytest.fixture
def file_server(tiny_npz):
    """`file_server(fault) -> (url, sha256 of what it should send)`."""
    started = []

    def start(fault: str = ""):
        body = tiny_npz.read_bytes()
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, body, fault))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return f"http://127.0.0.1:{server.server_port}/mnist.npz", hashlib.sha256(body).hexdigest()

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def nothing_is_left(settings) -> bool:
    cache = dataset.keras_file(settings).parent
    return not any(cache.glob("*")) and not (settings.home / "data" / "current.json").exists()


def test_good_file_lands_in_the_keras_cache_and_becomes_the_data(settings, file_server, sample):
    url, sha256 = file_server()
    steps = []
    found = download.fetch(settings, lambda done, total: steps.append((done, total)), url, sha256)
    assert hashlib.sha256(dataset.keras_file(settings).read_bytes()).hexdigest() == sha256
    assert found.sha256 == dataset.load(settings).sha256 == sample.sha256
    assert dataset.load(settings).title == "the Keras download"
    assert steps[-1][0] == steps[-1][1] > 0
    assert download.recent_failure(settings) == ""


@pytest.mark.parametrize("fault", ["404", "truncated"])
def test_failing_server_leaves_nothing_and_is_remembered(settings, file_server, fault):
    url, sha256 = file_server(fault)
    with pytest.raises(DataError, match="could not be downloaded"):
        download.fetch(settings, lambda done, total: None, url, sha256)
    assert nothing_is_left(settings)
    assert "could not be downloaded" in download.recent_failure(settings)


def test_a_server_that_stalls_halfway_is_given_up(settings, file_server, monkeypatch):
    monkeypatch.setattr(download, "READ_SECONDS", 0.2)
    url, sha256 = file_server("stalling")
    steps = []
    with pytest.raises(DataError, match="could not be downloaded"):
        download.fetch(settings, lambda done, total: steps.append(done), url, sha256)
    assert steps
    assert nothing_is_left(settings)


def test_a_file_that_is_there_is_not_fetched_again(settings, tiny_npz):
    cached = dataset.keras_file(settings)
    cached.parent.mkdir(parents=True)
    shutil.copy(tiny_npz, cached)
    sha256 = hashlib.sha256(cached.read_bytes()).hexdigest()
    nowhere = f"http://127.0.0.1:{free_port()}/mnist.npz"
    assert download.fetch(settings, lambda done, total: None, nowhere, sha256).source == "stored"


def test_a_wrong_file_in_the_keras_cache_is_replaced(settings, file_server):
    cached = dataset.keras_file(settings)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half a file of an earlier day")
    url, sha256 = file_server()
    download.fetch(settings, lambda done, total: None, url, sha256)
    assert hashlib.sha256(cached.read_bytes()).hexdigest() == sha256
    assert [p.name for p in cached.parent.iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize("fault", ["", "no length"])
def test_wrong_hash_is_thrown_away(settings, file_server, fault):
    url, _ = file_server(fault)
    with pytest.raises(DataError, match="is not the MNIST that Keras uses"):
        download.fetch(settings, lambda done, total: None, url)
    assert nothing_is_left(settings)


def test_refused_connection(settings):
    with pytest.raises(DataError, match="ConnectionError"):
        download.fetch(settings, lambda done, total: None, f"http://127.0.0.1:{free_port()}/mnist.npz")
    assert nothing_is_left(settings)
    assert "ConnectionError" in download.recent_failure(settings)


def test_black_hole_is_given_up(settings, monkeypatch):
    monkeypatch.setattr(download, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/mnist.npz"
        with pytest.raises(DataError, match="Timeout"):
            download.fetch(settings, lambda done, total: None, url)
    assert nothing_is_left(settings)
    assert "Timeout" in download.recent_failure(settings)


def test_trickle_is_given_up(settings, file_server, monkeypatch):
    monkeypatch.setattr(download, "TOTAL_SECONDS", -1.0)
    url, sha256 = file_server()
    with pytest.raises(DataError, match="Timeout"):
        download.fetch(settings, lambda done, total: None, url, sha256)
    assert nothing_is_left(settings)


def test_unwritable_cache(settings, file_server):
    settings.keras_home.write_text("a file where the folder should be")
    url, sha256 = file_server()
    with pytest.raises(DataError, match="could not be written"):
        download.fetch(settings, lambda done, total: None, url, sha256)


def test_failure_is_remembered_for_an_hour_and_success_forgets_it(settings, file_server):
    download.save_failure(settings, "It rained.")
    assert download.recent_failure(settings) == "It rained."
    marker = settings.home / "data" / "download.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"t": 0}))
    assert download.recent_failure(settings) == ""
    download.save_failure(settings, "It rained.")
    url, sha256 = file_server()
    download.fetch(settings, lambda done, total: None, url, sha256)
    assert download.recent_failure(settings) == ""


def test_command(settings, file_server):
    url, sha256 = file_server()
    words = [sys.executable, "-m", "core", "data", "--url", url, "--sha256", sha256]
    env = settings.child_environment()
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "4,000 training and 1,000 test images from the Keras download" in done.stdout
    again = subprocess.run([*words[:-1], "0" * 64], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "is not the MNIST that Keras uses" in again.stderr


def test_our_constants_are_those_of_the_installed_keras(settings):
    """Read, not imported: TensorFlow takes seconds and 700 MB."""
    spec = importlib.util.find_spec("keras")
    if spec is None:
        pytest.skip("Keras is not installed")
    root = Path(spec.submodule_search_locations[0])
    words = {n.value for n in ast.walk(ast.parse((root / "src/datasets/mnist.py").read_text())) if _is_text(n)}
    folder, name = dataset.KERAS_URL.rsplit("/", 1)
    assert f"{folder}/" in words
    assert name in words or any(text.endswith(name) for text in words)
    assert dataset.KERAS_SHA256 in words
    config = (root / "src/backend/config.py").read_text()
    assert 'os.path.expanduser("~")' in config
    assert '".keras"' in config
    assert '"KERAS_HOME" in os.environ' in config
    assert dataset.keras_file(replace(settings, keras_home=Path("/k"))) == Path("/k/datasets/mnist.npz")


@pytest.mark.network
def test_same_arrays_as_keras_gives(settings):
    from tensorflow.keras.datasets import mnist

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    found = download.fetch(settings, lambda done, total: None)
    ours = (found.x_train, found.y_train, found.x_test, found.y_test)
    for mine, theirs in zip(ours, (x_train, y_train, x_test, y_test), strict=True):
        assert (np.asarray(mine) == theirs).all()


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
