"""`python -m core doctor`: each check with literal inputs, and with what can be wrong on a real machine."""

import http.server
import os
import secrets
import socket
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace

import pytest

from core import doctor, models
from core.doctor import checks, machine, slug
from core.doctor.checks import BAD, OK, WARN
from core.errors import DigitLabError
from core.settings import Settings
from tests.conftest import ROOT, free_port

GOOD = "web: uvicorn app:app --host 0.0.0.0 --port $PORT --workers 1\n"


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        (GOOD, OK, "one process"),
        (GOOD.replace("--host ", "--host=").replace("$PORT", "${PORT}"), OK, "one process"),
        ("release: true\n" + GOOD, OK, "one process"),
        (None, BAD, "There is none"),
        ("worker: python x.py\n", BAD, "0 web lines"),
        (GOOD + GOOD, BAD, "2 web lines"),
        (GOOD.replace("$PORT", "8501"), BAD, "lacks `--port $PORT`"),
        (GOOD.replace("0.0.0.0", "127.0.0.1"), BAD, "lacks `--host 0.0.0.0`"),
        (GOOD.replace(" --workers 1", ""), BAD, "lacks `--workers 1`"),
        (GOOD.replace("workers 1", "workers 2"), BAD, "WEB_CONCURRENCY"),
        ("web: streamlit run Home.py --port $PORT\n", BAD, "lacks `uvicorn app:app`, `--host 0.0.0.0`"),
        ('web: uvicorn "app:app\n', BAD, "cannot be read"),
    ],
)
def test_procfile(text, state, words):
    found = checks.check_procfile(text)
    assert found.state == state
    assert words in found.message
    assert text == GOOD or state == OK or GOOD.strip() in found.message  # the cure is the whole line


def test_the_procfile_we_ship_is_good():
    assert checks.check_procfile((ROOT / "Procfile").read_text()).state == OK


@pytest.mark.parametrize(
    ("running", "pinned", "state", "words"),
    [
        ((3, 11), "3.11\n", OK, "3.11, as in"),
        ((3, 13), "3.13.1", OK, "3.13, as in"),
        ((3, 12), "3.11", WARN, "This is Python 3.12, but .python-version says 3.11"),
        ((3, 11), None, BAD, "There is no .python-version"),
        ((3, 10), "3.11", BAD, "must be 3.11 to 3.13"),
        ((3, 14), "3.14", BAD, "must be 3.11 to 3.13"),
        ((3, 11), "3.9", BAD, "says '3.9'"),
        ((3, 11), "python-3.11", BAD, "says 'python-3.11'"),
    ],
)
def test_python(running, pinned, state, words):
    found = checks.check_python(running, pinned)
    assert (found.state, words in found.message) == (state, True), found


PINS = (
    "# why\nnumpy==2.4.6\nwandb==0.31.*\nkeras==3.15.1 ; python_version < '4'\nnothere==1 ; sys_platform == 'plan9'\n"
)
ALL = {"numpy": "2.4.6", "wandb": "0.31.4", "keras": "3.15.1"}


@pytest.mark.parametrize(
    ("text", "installed", "dyno", "state", "words"),
    [
        (PINS, ALL, False, OK, "3 packages are installed"),
        (PINS, ALL | {"numpy": "2.4.5"}, False, WARN, "numpy is 2.4.5, not 2.4.6"),
        (PINS, {"numpy": "2.4.6", "keras": "3.15.1"}, True, BAD, "Not installed: wandb"),
        (PINS, {"numpy": "2.4.6", "wandb": "0.31.0"}, False, WARN, "not installed: keras"),
        (PINS, {"numpy": "2.4.6", "wandb": "0.31.0"}, True, OK, "2 packages are installed"),
        ("numpy>=2\n", ALL, False, WARN, "numpy is not pinned"),
        ("numpy=2\n", ALL, False, BAD, "'numpy=2', which pip cannot read"),
        (None, ALL, False, BAD, "no requirements.txt"),
    ],
)
def test_pins(text, installed, dyno, state, words):
    found = checks.check_pins(text, installed, dyno)
    assert (found.state, words in found.message) == (state, True), found


@pytest.mark.parametrize(
    ("size", "state", "words"),
    [(200.0, OK, "200 MB of Heroku's 500: x."), (400.0, OK, "starts more slowly"), (501.0, BAD, "more than")],
)
def test_slug_size(size, state, words):
    found = checks.check_slug(size, "x")
    assert (found.state, words in found.message) == (state, True), found


@pytest.mark.parametrize(
    ("memory", "state", "words"),
    [
        (8192, OK, "8192 MB: "),
        (512, OK, "one after another"),
        (300, WARN, "Train on fewer images"),
        (150, BAD, "the server alone needs 200"),
    ],
)
def test_memory(tmp_path, memory, state, words):
    found = checks.check_memory(Settings(home=tmp_path, memory_mb=memory))
    assert (found.state, words in found.message) == (state, True), found


def test_memory_names_what_does_not_fit_with_its_figure(tmp_path):
    spec = models.spec(models.DEFAULT)
    need = spec.memory_mb(spec.check({}), 60_000, True) + 200
    settings = Settings(home=tmp_path, memory_mb=int(need) - 1)
    assert f"{spec.label} ({need:.0f})" in checks.check_memory(settings).message
    assert spec.label not in checks.check_memory(replace(settings, memory_mb=int(need) + 1)).message


@pytest.mark.parametrize(
    ("more", "has_key", "answer", "state", "words"),
    [
        ({}, False, {}, OK, "There is no key: runs stay on this machine."),
        ({"dyno": "web.1"}, False, {}, WARN, "every run is lost"),
        ({"dyno": "web.1", "wandb_mode": "disabled"}, True, {"ok": True}, WARN, "Switched off"),
        ({"wandb_mode": "disabled"}, True, {"ok": True}, OK, "Switched off"),
        ({}, True, {"ok": None, "message": "?"}, OK, "the key's own entity, project proj_mnist. Not tried"),
        ({"wandb_entity": "us"}, True, {"ok": True, "message": "Connected as us."}, OK, "entity us"),
        ({}, True, {"ok": False, "message": "It refused the key (401)."}, BAD, "refused the key (401)"),
    ],
)
def test_wandb(tmp_path, more, has_key, answer, state, words):
    found = checks.check_wandb(Settings(home=tmp_path, **more), has_key, answer)
    assert (found.state, words in found.message) == (state, True), found


@pytest.mark.parametrize(
    ("more", "state", "words"),
    [
        ({}, OK, "None: everything is open on this machine, and only on it"),
        ({"dyno": "web.1"}, WARN, "training, data and settings are closed to everybody"),
        ({"dyno": "web.1", "access": "class"}, WARN, "promoting, data and settings are closed to everybody"),
        ({"password": "short"}, WARN, "fewer than 12 characters"),
        ({"password": "long enough for us"}, OK, "visitors draw and call the API"),
        ({"password": "long enough for us", "access": "class"}, OK, "and train within limits"),
    ],
)
def test_password(tmp_path, more, state, words):
    found = checks.check_password(Settings(home=tmp_path, **more))
    assert (found.state, words in found.message) == (state, True), found
    assert more.get("password", "nothing") not in found.message


@pytest.mark.parametrize(
    ("free", "error", "dyno", "state", "words"),
    [
        (60_000.0, "", False, OK, "60.0 GB are free."),
        (60_000.0, "", True, OK, "forgets"),
        (400.0, "", False, WARN, "Make room for 500"),
        (50.0, "", False, BAD, "Only 50 MB"),
        (0.0, "Read-only file system", False, BAD, "cannot be written to (Read-only file system)"),
    ],
)
def test_disk(free, error, dyno, state, words):
    found = checks.check_disk(free, error, dyno)
    assert (found.state, words in found.message) == (state, True), found


def test_a_home_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()  # root may write everywhere else
    free, error = machine.try_disk(tmp_path / "file" / "home")
    assert (free, error) == (0.0, "Not a directory")
    free, error = machine.try_disk(tmp_path / "new" / "home")
    assert (free > 0, error, list((tmp_path / "new" / "home").iterdir())) == (True, "", [])


@pytest.fixture
def server():
    """`server(body) -> port` of a small HTTP server that answers everything with this body."""
    started = []

    def start(body):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        started.append(http.server.HTTPServer(("0.0.0.0", 0), Answer))
        threading.Thread(target=started[-1].serve_forever, daemon=True).start()
        return started[-1].server_port

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def test_port_tells_who_listens(server):
    port = free_port()
    assert checks.check_port(port, machine.listener(port)) == doctor.Check("PORT", OK, f"{port} is free.")
    ours = checks.check_port(1, machine.listener(server(b'{"ready": false}')))
    assert (ours.state, "Digit Lab itself" in ours.message) == (OK, True)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        for other in (server(b"<html>"), server(b"[]"), server(b"1"), silent.getsockname()[1]):
            found = checks.check_port(other, machine.listener(other))
            assert (found.state, "is taken by another" in found.message) == (BAD, True)
    assert checks.check_port(0, "").state == OK


def test_data_and_model(tiny, trained_home, tiny_npz):
    assert "4,000 training and 1,000 test images" in machine.examine_data(tiny).message
    assert machine.examine_data(replace(tiny, mnist=None)).message.startswith("None yet")
    gone = machine.examine_data(replace(tiny, mnist=tiny.home / "gone.npz"))
    assert (gone.state, "there is no such file" in gone.message) == (BAD, True)
    assert machine.examine_model(tiny).state == WARN
    served = machine.examine_model(Settings(home=trained_home, mnist=tiny_npz))
    assert (served.state, "the newest run, as none is promoted" in served.message) == (OK, True)
    wrong = machine.examine_model(Settings(home=trained_home, mnist=tiny_npz, serve="v9"))
    assert (wrong.state, "asks for v9" in wrong.message) == (WARN, True)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small app in a git repository, whose only package is a wheel in a folder: no network is needed."""
    wheels, root = tmp_path / "wheels", tmp_path / "project"
    wheels.mkdir()
    meta = "tinydigits-1.0.dist-info"
    with zipfile.ZipFile(wheels / "tinydigits-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tinydigits.py", f"noise = '{secrets.token_hex(200_000)}'\n")
        wheel.writestr(f"{meta}/METADATA", "Metadata-Version: 2.1\nName: tinydigits\nVersion: 1.0\n")
        wheel.writestr(f"{meta}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{meta}/RECORD", f"tinydigits.py,,\n{meta}/METADATA,,\n{meta}/WHEEL,,\n{meta}/RECORD,,\n")
    for name in slug.NEEDED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "Procfile").write_text(GOOD)
    (root / ".python-version").write_text(f"{sys.version_info[0]}.{sys.version_info[1]}\n")
    (root / "requirements.txt").write_text("tinydigits==1.0\ntensorflow==0.0.1\n")
    (root / "bin" / "pre_compile").write_bytes((ROOT / "bin" / "pre_compile").read_bytes())
    (root / ".slugignore").write_text("# not for the slug\n/tests\n*.psd\n")
    for name in ("tests/big.bin", "docs/logo.psd", "core/tests/kept.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(os.urandom(300_000))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    (root / "untracked.bin").write_bytes(os.urandom(300_000))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    return root


def test_the_slug_holds_what_git_has_and_slugignore_leaves(project, tmp_path):
    names = slug.shipped(project)
    assert "core/tests/kept.py" in names
    assert not {"tests/big.bin", "docs/logo.psd", "untracked.bin"} & set(names)
    said = slug.build(project, tmp_path / "built")
    assert said.startswith("Left out of the slug: tensorflow==0.0.1 ")
    assert (tmp_path / "built" / "requirements.txt").read_text() == "tinydigits==1.0\n"
    assert (project / "requirements.txt").read_text() == "tinydigits==1.0\ntensorflow==0.0.1\n"


def test_the_slug_is_measured_by_building_it_and_its_packages_once(project, settings, monkeypatch):
    said = []
    first = slug.measure(settings, project, said.append)
    # 300 kB of noise in the app; 400 kB of hexadecimal noise in the package, as source and as bytecode.
    assert 0.3 < first.app_mb < 0.35
    assert 0.2 < first.packages_mb < 0.6
    assert [text.split()[0] for text in said] == ["Left", "Installing", "Compressing"]
    monkeypatch.setenv("PIP_FIND_LINKS", "")  # another installation would fail
    (project / "app.py").write_bytes(os.urandom(100_000))
    again = slug.measure(settings, project, said.append)
    assert (again.packages_mb, again.measured_at) == (first.packages_mb, first.measured_at)
    assert again.app_mb == pytest.approx(first.app_mb + 0.1, abs=0.01)
    assert len(said) == 4
    (project / "requirements.txt").write_text("tinydigits==1.1\n")
    found = machine.examine_slug(settings, project, said.append)
    assert (found.state, "No matching distribution found for tinydigits==1.1" in found.message) == (BAD, True)


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        (".slugignore", "/tests\n!/tests/a\n", "knows no “!”"),
        (".slugignore", "/core\n", "core/__init__.py does not get into the slug."),
        (".slugignore", "*\n", "Procfile does not get into the slug."),
        ("bin/pre_compile", "echo broken >&2; exit 3\n", "`bash bin/pre_compile` failed: broken"),
    ],
)
def test_a_slug_that_would_not_start_is_refused(project, settings, tmp_path, name, body, sentence):
    (project / name).write_text(body)
    with pytest.raises(DigitLabError, match=sentence.replace("(", r"\(")):
        slug.build(project, tmp_path / "built")


def test_no_git_is_one_sentence(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    found = machine.examine_slug(settings, tmp_path, print)
    assert (found.state, "not a git repository" in found.message) == (BAD, True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git cannot be started here" in machine.examine_slug(settings, tmp_path, print).message


def test_compressed_counts_every_byte(tmp_path):
    (tmp_path / "a").write_bytes(os.urandom(200_000))
    (tmp_path / "b").write_bytes(bytes(10_000_000))
    assert 200_000 < slug.compressed(tmp_path) < 220_000


def by_name(found):
    return {check.name: check for check in found}


def test_a_broken_app_is_told_line_by_line(project, tiny):
    (project / "Procfile").unlink()
    (project / ".python-version").write_text("2.7")
    found = by_name(doctor.examine(tiny, project, True, False, lambda text: None))
    bad = {name for name, check in found.items() if check.state == BAD}
    assert bad == {
        "Procfile",
        "Python",
        "pins",
        "slug",
    }  # tinydigits is not installed; the Procfile is gone from the slug
    assert "Procfile does not get into the slug" in found["slug"].message


def test_on_a_dyno_nothing_is_built(project, tiny):
    found = by_name(doctor.examine(replace(tiny, dyno="web.1"), project, True, False, pytest.fail))
    assert found["slug"].message == "Not measured on a dyno: this is it."
    assert (found["password"].state, found["W&B"].state) == (WARN, WARN)


def test_the_command_line_says_all_and_no_secret(tiny):
    password, key = "a password that nobody may read", "k" * 40
    settings = replace(tiny, password=password, wandb_api_key=key, wandb_base_url="http://127.0.0.1:9")
    env = settings.child_environment(["WANDB_API_KEY", "DIGITLAB_PASSWORD"])
    words = [sys.executable, "-m", "core", "doctor", "--no-slug", "--online"]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    shown = {line[6:14].strip(): line[:4].strip() for line in lines[:-2]}
    names = ["Procfile", "PORT", "Python", "pins", "memory", "password", "disk", "data", "model", "W&B", "slug"]
    assert list(shown) == names, done.stderr
    assert (shown["password"], shown["data"], shown["model"], shown["W&B"]) == (OK, OK, WARN, BAD)
    assert "http://127.0.0.1:9 cannot be reached (connection refused)" in done.stdout
    assert done.returncode == 1  # W&B was asked, and cannot be reached
    assert password not in done.stdout + done.stderr
    assert key not in done.stdout + done.stderr


def test_the_exit_code_is_0_where_nothing_is_bad(tiny):
    words = [sys.executable, "-m", "core", "doctor", "--no-slug"]
    done = subprocess.run(words, cwd=ROOT, env=tiny.child_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 bad, ")
