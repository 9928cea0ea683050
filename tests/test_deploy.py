"""The files that deploy the app agree with each other, and what they make starts.

No Heroku account and no Docker engine are needed: the slug is built here, and the Dockerfile's lines are compared.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from core.doctor import checks, slug
from tests.conftest import ROOT, end, free_port, get, until

PRE_COMPILE = ROOT / "bin" / "pre_compile"
DOCKERFILE = (ROOT / "Dockerfile").read_text() if (ROOT / "Dockerfile").exists() else ""
KNOWN = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
# From devcenter.heroku.com/articles/app-json-schema: everything is optional, and nothing else is known.
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 30},
        "description": {"type": "string", "maxLength": 140},
        "keywords": {"type": "array", "items": {"type": "string"}},
        "website": {"type": "string", "pattern": "^https?://"},
        "repository": {"type": "string", "pattern": "^https?://"},
        "logo": {"type": "string", "pattern": "^https?://"},
        "success_url": {"type": "string", "pattern": "^(/|https?://)"},
        "scripts": {"type": "object"},
        "addons": {"type": "array"},
        "environments": {"type": "object"},
        "stack": {"enum": ["heroku-22", "heroku-24"]},
        "buildpacks": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["url"],
                "additionalProperties": False,
                "properties": {"url": {"type": "string"}},
            },
        },
        "formation": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["quantity", "size"],
                "additionalProperties": False,
                "properties": {
                    "quantity": {"type": "integer", "minimum": 0},
                    "size": {"enum": ["eco", "basic", "standard-1x", "standard-2x", "performance-m", "performance-l"]},
                },
            },
        },
        "env": {
            "type": "object",
            "patternProperties": {
                "^[A-Z][A-Z0-9_]*$": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "description": {"type": "string"},
                        "value": {"type": "string"},
                        "required": {"type": "boolean"},
                        "generator": {"const": "secret"},
                    },
                }
            },
            "additionalProperties": False,
        },
    },
}


def pre_compile(folder: Path, **env: str) -> subprocess.CompletedProcess:
    """Run the hook as the buildpack does: by bash, in the build directory, without arguments."""
    env = {"PATH": os.environ["PATH"], **env}
    words = ["bash", str(PRE_COMPILE)]
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)


REQUIREMENTS = """\
# tensorflow is for training
streamlit==1.67.0
tensorflow-cpu==2.21.0 ; sys_platform == "linux"
Tensorflow[and-cuda]==2.21.0
keras
keras-tuner==1.0
pytest==9.2.0
pytest-xdist==3.8.0
onnx==1.23.2
"""
LEFT = "# tensorflow is for training\nstreamlit==1.67.0\nkeras-tuner==1.0\npytest-xdist==3.8.0\nonnx==1.23.2\n"


def test_pre_compile_leaves_out_tensorflow_and_says_so_once(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text(REQUIREMENTS)
    done = pre_compile(tmp_path, STACK="heroku-24", BUILD_DIR=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    names = "tensorflow-cpu==2.21.0 Tensorflow[and-cuda]==2.21.0 keras pytest==9.2.0"
    assert done.stdout.startswith(f"Left out of the slug: {names} (TensorFlow does not fit into 500 MB")
    assert done.stdout.count("\n") == 1
    assert path.read_text() == LEFT
    again = pre_compile(tmp_path, STACK="heroku-24", BUILD_DIR=str(tmp_path))
    assert (again.returncode, again.stdout.startswith("Nothing to leave out")) == (0, True)
    assert path.read_text() == LEFT


@pytest.mark.parametrize("given", [{}, {"STACK": "heroku-24"}, {"BUILD_DIR": "."}])
def test_pre_compile_leaves_a_checkout_alone(tmp_path, given):
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
    done = pre_compile(tmp_path, **given)
    assert (done.returncode, "no Heroku build" in done.stdout) == (0, True)
    assert (tmp_path / "requirements.txt").read_text() == REQUIREMENTS


def test_pre_compile_stops_the_build_where_there_are_no_requirements(tmp_path):
    assert pre_compile(tmp_path, STACK="heroku-24", BUILD_DIR=str(tmp_path)).returncode != 0


def test_doctor_knows_what_pre_compile_leaves_out():
    names = re.search(r"^names='(.*)'$", PRE_COMPILE.read_text(), re.MULTILINE)[1].split("|")
    assert tuple(names) == checks.LEFT_OUT
    assert os.access(PRE_COMPILE, os.X_OK)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The slug's own files, without the packages, as Heroku would make them out of this very checkout."""
    checkout, target = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("slug") / "app"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("this is no git checkout")
    for name in found.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, checkout / name)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=checkout, check=True)
    assert slug.build(checkout, target).startswith("Left out of the slug: tensorflow-cpu==")
    return target


def test_the_slug_has_what_runs_and_nothing_else(built):
    top = {path.name for path in built.iterdir()}
    assert {"app.py", "Home.py", "pages", "core", ".streamlit", "Procfile", ".python-version", "LICENSE"} <= top
    assert not {"tests", "bench", "docs", ".github", ".ci", "Dockerfile", "Makefile", "requirements-dev.txt"} & top
    assert {path.name for path in (built / "bin").iterdir()} == {"pre_compile"}
    lines = (built / "requirements.txt").read_text().splitlines()
    assert not [line for line in lines if re.match("(tensorflow|keras|pytest)", line)]
    assert len([line for line in lines if line and not line.startswith("#")]) >= 20
    assert slug.compressed(built) < 5_000_000


@pytest.fixture
def started(built, tmp_path, trained_home, tiny_npz):
    """The slug, started by its Procfile's own line as Heroku does, WEB_CONCURRENCY included; (process, url)."""
    home, port = tmp_path / "runs", free_port()
    shutil.copytree(trained_home, home)
    web = (built / "Procfile").read_text().removeprefix("web:").strip()
    # `heroku` starts it in a dyno whose only Python is the right one; here that is this one.
    shim = tmp_path / "bin" / "uvicorn"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m uvicorn "$@"\n')
    shim.chmod(0o755)
    env = {
        "PATH": f"{shim.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "DYNO": "web.1",
        "DIGITLAB_HOME": str(home),
        "DIGITLAB_MNIST": str(tiny_npz),
        "DIGITLAB_PASSWORD": "a password for the slug",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (tmp_path / "log.txt").open("wb") as log:
        process = subprocess.Popen(["sh", "-c", f"exec {web}"], cwd=built, env=env, stdout=log, stderr=log)
    yield process, f"http://127.0.0.1:{port}"
    end(process)


@pytest.mark.browser
def test_the_slug_starts_and_shows_its_pages(started, visit):
    process, url = started
    health = json.loads(until(lambda: get(f"{url}/api/health"), what="the slug's server"))
    assert health["ready"] is True
    for page, title in [
        ("", "Digit Lab"),
        ("Draw", "Draw"),
        ("Metrics", "Metrics"),
        ("Train", "Train"),
        ("Runs", "Runs"),
    ]:
        shown = visit(f"{url}/{page}")
        assert title in shown.inner_text("h1")
        assert not shown.locator("[data-testid=stException]").count()
        shown.context.close()  # a page left open would miss its late scripts when the server ends
    process.send_signal(signal.SIGTERM)
    # uvicorn ends itself by the signal that it was sent, once the pages are closed.
    assert process.wait(30) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def test_app_json_is_what_heroku_documents():
    body = json.loads((ROOT / "app.json").read_text())
    jsonschema.validate(body, SCHEMA)
    assert {"name", "description", "keywords", "repository", "stack", "buildpacks", "formation", "env"} <= set(body)
    assert body["env"]["DIGITLAB_PASSWORD"]["generator"] == "secret"
    # What is not marked as optional must come with a value, or the form cannot be sent.
    assert [n for n, v in body["env"].items() if v.get("required", True) and not {"value", "generator"} & set(v)] == []
    assert set(body["env"]) - KNOWN == {"WEB_CONCURRENCY"}
    assert body["env"]["WEB_CONCURRENCY"]["value"] == "1"
    assert list(body["formation"]) == re.findall(r"^(\w+):", (ROOT / "Procfile").read_text(), re.MULTILINE)


def test_pythons_agree():
    pinned = (ROOT / ".python-version").read_text().strip()
    assert re.search(r"^FROM python:(\S+)-slim$", DOCKERFILE, re.MULTILINE)[1] == pinned
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert pinned in jobs["test"]["strategy"]["matrix"]["python"]
    low, high = (f"{major}.{minor}" for major, minor in checks.PYTHONS)
    text = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'requires-python = ">=([\d.]+),<3\.(\d+)"', text).groups() == (low, str(int(high[2:]) + 1))


def test_ci_runs_the_tests_and_asks_for_vulnerabilities():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert commands["test"] == [".ci/run"]
    assert any(line.startswith("pip-audit") and "requirements.txt" in line for line in commands["audit"])


def test_docker_starts_what_the_procfile_starts(tmp_path):
    words = json.loads(re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])
    uvicorn = tmp_path / "uvicorn"
    uvicorn.write_text('#!/bin/sh\necho "uvicorn $@"\n')
    uvicorn.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": "8501"}
    said = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout
    web = (ROOT / "Procfile").read_text().removeprefix("web:").strip()
    assert said.strip() == web.replace("$PORT", "8501")


def test_docker_keeps_runs_in_the_volume_and_is_not_root():
    env = dict(re.findall(r"\b([A-Z_]+)=(\S+)", re.search(r"^ENV (.*?[^\\])$", DOCKERFILE, re.M | re.S)[1]))
    volume = re.search(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE)[1]
    assert env["DIGITLAB_HOME"] == volume
    assert env["KERAS_HOME"].startswith(f"{volume}/")
    assert set(env) - KNOWN == {"PYTHONUNBUFFERED"}
    assert re.search(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)[1] == env["PORT"] == "8501"
    user = re.search(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert f"useradd --create-home --uid 1000 {user[1]}" in DOCKERFILE
    assert f"chown {user[1]} {volume}" in DOCKERFILE
    assert DOCKERFILE.index("pip install") < user.start() < DOCKERFILE.index('CMD ["sh"')


@pytest.mark.parametrize("up", [True, False])
def test_docker_asks_for_health(server_of_health, up):
    words = json.loads(re.search(r"^HEALTHCHECK .*? CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1])
    assert words[0] == "python"
    port = server_of_health if up else free_port()
    done = subprocess.run([sys.executable, *words[1:]], env={"PORT": str(port)}, capture_output=True, check=False)
    assert (done.returncode == 0) is up


@pytest.fixture
def server_of_health(serve, tiny):
    return int(serve(tiny).rpartition(":")[2])


def test_nothing_private_enters_the_image():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".git", ".env", ".digitlab", ".venv"} <= set(lines)
    ignored = {name.rstrip("/") for name in (ROOT / ".gitignore").read_text().split()}
    assert {name for name in ignored if name not in lines and f"**/{name}" not in lines} == set()


def test_readme_has_every_step():
    text = (ROOT / "README.md").read_text()
    section = text[text.index("## Deploy") : text.index("## Layout")]
    for step in (
        "signup.heroku.com",
        "heroku-cli",
        "heroku login",
        "heroku apps",
        "heroku create",
        "heroku buildpacks ",
        "heroku buildpacks:set heroku/python",
        "heroku config:set WANDB_API_KEY=… WANDB_ENTITY=…",
        "heroku config:set DIGITLAB_PASSWORD=",
        "heroku git:remote",
        "git push heroku main",
        "heroku run bash",
        "heroku open",
        "heroku logs --tail",
        "heroku features:enable http-session-affinity",
        "docker build",
        "docker run",
        "Streamlit Community Cloud",
        "DIGITLAB_ACCESS=class",
        "python -m core doctor",
    ):
        assert step in section, step
