"""The server as it is started for real: routes, start-up, ports, environment."""

import importlib.metadata
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from packaging.requirements import Requirement

from core import models
from core.settings import Settings
from tests.conftest import ROOT, end, free_port, get, until


@pytest.fixture
def launch(tmp_path):
    """Start a command in the project's folder; everything is killed at the end."""
    started = []

    def start(words, env):
        log = (tmp_path / "log.txt").open("wb")
        started.append(subprocess.Popen(words, cwd=ROOT, env=env, stdout=log, stderr=log))
        return started[-1], tmp_path / "log.txt"

    yield start
    for process in started:
        end(process)


def test_health_and_unknown_routes(serve, trained_home, tiny_npz):
    url = serve(Settings(home=trained_home, mnist=tiny_npz))
    health = json.loads(get(f"{url}/api/health"))
    assert health["ready"] is True
    assert re.fullmatch(r"\d{8}-\d{6}-decision_tree-[0-9a-f]{4}", health["model"])
    assert health["why"] == "the newest run, as none is promoted"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{url}/api/nothing", timeout=10)
    assert caught.value.code == 404
    assert json.load(caught.value)["detail"] == "There is no /api/nothing."
    for method, path in [("HEAD", "nothing"), ("POST", "nothing"), ("DELETE", "a/b"), ("GET", "")]:
        request = urllib.request.Request(f"{url}/api/{path}".rstrip("/"), method=method)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        assert caught.value.code == 404
        assert caught.value.headers["content-type"] == "application/problem+json"
    head = urllib.request.Request(f"{url}/api/health", method="HEAD")
    with urllib.request.urlopen(head, timeout=10) as answer:
        assert answer.headers["content-type"] == "application/json"
    assert b"<!doctype html>" in get(f"{url}/Draw").lower()


def test_health_without_a_run_is_not_ready(serve, tiny):
    assert json.loads(get(f"{serve(tiny)}/api/health")) == {
        "status": "ok",
        "ready": False,
        "model": None,
        "version": None,
        "why": "There is no model yet.",
    }


def test_a_wrong_setting_stops_the_start_with_one_sentence(tiny):
    env = tiny.child_environment() | {"DIGITLAB_MAX_JOBS": "zero"}
    words = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(free_port())]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert done.stderr.strip() == (
        "DIGITLAB_MAX_JOBS is 'zero'; set it to a whole number from 1 to 64, or leave it out."
    )


def test_make_run_takes_the_next_free_port(launch, tiny):
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.0.1", 8501))
            busy.listen()
        except OSError:
            pass  # somebody else keeps it busy: as good
        _, log = launch([sys.executable, "bin/serve.py"], tiny.child_environment())
        found = until(lambda: re.search(r"Digit Lab: (http://127.0.0.1:(\d+))", log.read_text()), what="the URL")
        assert int(found[2]) > 8501
        assert until(lambda: get(f"{found[1]}/api/health"), what="the server")


def test_plain_streamlit_works(launch, tiny):
    port = free_port()
    words = [sys.executable, "-m", "streamlit", "run", "Home.py", "--server.headless", "true"]
    launch([*words, "--server.port", str(port)], tiny.child_environment())
    assert until(lambda: get(f"http://127.0.0.1:{port}/_stcore/health"), what="streamlit run") == b"ok"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_uvicorn_reload_works_and_stops_on_sigterm(launch, tiny):
    port = free_port()
    words = [sys.executable, "-m", "uvicorn", "app:app", "--reload", "--port", str(port)]
    process, _ = launch(words, tiny.child_environment())
    assert until(lambda: get(f"http://127.0.0.1:{port}/api/health"), what="uvicorn --reload")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def test_procfile_is_what_heroku_needs():
    text = (ROOT / "Procfile").read_text()
    assert text.startswith("web: uvicorn app:app --host 0.0.0.0 --port $PORT")


def test_what_is_installed_is_what_is_pinned():
    """The environment of these tests was made by `pip install -r requirements-dev.txt`, as the README says."""
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-dask.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if not line or line.startswith(("#", "-r")):
                continue
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate():
                assert wanted.specifier.contains(importlib.metadata.version(wanted.name)), line


def test_trains_every_family_without_tensorflow(tiny_npz, tmp_path):
    block = tmp_path / "block"
    block.mkdir()
    (block / "sitecustomize.py").write_text(
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('tensorflow', 'keras'):\n"
        "            raise ImportError(name + ' is not installed')\n"
        "sys.meta_path.insert(0, Block())\n"
    )
    env = Settings(home=tmp_path / "home", mnist=tiny_npz).child_environment()
    env |= {"PYTHONPATH": str(block), "WANDB_MODE": "disabled"}
    blocked = subprocess.run([sys.executable, "-c", "import tensorflow"], env=env, capture_output=True, check=False)
    assert blocked.returncode != 0
    train = (
        "import sys\n"
        "from core import cli\n"
        "for name in sys.argv[1:]:\n"
        "    words = ['train', '--model', name, '--train-size', '500', '--augmentation', 'none']\n"
        "    print('ended', cli.main(words), name)\n"
    )
    words = [sys.executable, "-c", train, *models.CATALOGUE]  # in one process: importing takes longer than training
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    ended = re.findall(r"(.*?)^ended (\d) (\w+)\n", done.stdout, re.MULTILINE | re.DOTALL)
    assert [name for _, _, name in ended] == list(models.CATALOGUE), done.stderr
    networks = [name for name in models.CATALOGUE if name.startswith("cnn_")]
    for printed, code, name in ended:
        assert code == ("1" if name in networks else "0"), done.stderr
        assert name in networks or printed.startswith("accuracy 0.")
    assert done.stderr.count("tensorflow is not installed: train it on another machine") == len(networks)
    words = [sys.executable, "-c", "import app"]
    assert subprocess.run(words, cwd=ROOT, env=env, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not os.access("/bin/sh", os.X_OK), reason="a POSIX shell")
def test_an_unfit_python_is_refused_in_one_sentence(tmp_path):
    for name in ("python3.11", "python3.12", "python3.13", "python3", "python"):
        fake = tmp_path / name
        fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1 && exit 0\nexit 1\n')
        fake.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    words = ["bash", "bin/venv.sh", str(tmp_path / "venv")]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert "found Python 3.9.1" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.skipif(not os.access("/bin/sh", os.X_OK), reason="a POSIX shell")
def test_a_python_asked_for_by_name_is_not_replaced(tmp_path):
    env = {"PATH": os.environ["PATH"], "PYTHON": "/nowhere/python3.12"}
    words = ["bash", "bin/venv.sh", str(tmp_path / "venv")]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("PYTHON is '/nowhere/python3.12', which is not a Python 3.11")
    assert not (tmp_path / "venv").exists()
