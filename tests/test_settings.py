"""Every setting: its default, its limits, and who may see it."""

import subprocess
import sys
from pathlib import Path

import pytest

from core import files
from core import settings as environment
from core.errors import SettingsError


def test_defaults():
    found = environment.load({})
    assert found.home == environment.ROOT / ".digitlab"
    assert (found.mnist, found.max_jobs, found.wandb_project, found.wandb_mode) == (None, 1, "proj_mnist", "offline")
    assert found.memory_mb > 100


def test_what_is_given():
    found = environment.load(
        {"DIGITLAB_HOME": "/x", "DIGITLAB_MNIST": "/y.npz", "DIGITLAB_MAX_JOBS": "3", "PORT": "80"}
    )
    assert (found.home, found.mnist, found.max_jobs, found.port) == (Path("/x"), Path("/y.npz"), 3, 80)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DIGITLAB_MAX_JOBS", "0"),
        ("DIGITLAB_MAX_JOBS", "many"),
        ("DIGITLAB_MAX_JOBS", "1.5"),
        ("DIGITLAB_MEMORY_MB", "-5"),
        ("PORT", "70000"),
        ("WANDB_MODE", "loud"),
        ("DIGITLAB_SERVE", "newest"),
        ("DIGITLAB_ACCESS", "open"),
        ("DIGITLAB_RATE", "-1"),
        ("DIGITLAB_PROXIES", "10"),
        ("DASK_SCHEDULER_ADDRESS", "somewhere"),
    ],
)
def test_wrong_value_is_one_sentence(name, value):
    with pytest.raises(SettingsError, match=f"^{name} is '{value}'; set it to .*, or leave it out.$"):
        environment.load({name: value})


@pytest.mark.parametrize(("memory", "small"), [("512", True), ("1023", True), ("1024", False)])
def test_small_is_below_a_gigabyte(memory, small):
    assert environment.load({"DIGITLAB_MEMORY_MB": memory}).small is small


def test_on_heroku_its_router_is_the_one_proxy():
    assert environment.load({}).proxies == 0
    assert environment.load({"DYNO": "web.1"}).proxies == 1
    assert environment.load({"DYNO": "web.1", "DIGITLAB_PROXIES": "2"}).proxies == 2


def test_a_text_for_a_page_names_no_place(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.socket, "gethostname", lambda: "venus")
    found = environment.load({"DIGITLAB_HOME": str(tmp_path / "h"), "DIGITLAB_MNIST": str(tmp_path / "h/m.npz")})
    text = f"{tmp_path}/h/runs/x and {tmp_path}/h/m.npz on venus, not venusian; {environment.ROOT}/core/x.py"
    assert found.without_places(text) == (
        "DIGITLAB_HOME/runs/x and m.npz on this machine, not venusian; the app's folder/core/x.py"
    )
    assert found.without_places("nothing to hide") == "nothing to hide"


def test_onnx_runtime_reports_nothing_to_anybody(tmp_path):
    """Its wheel for Linux gives the machine an id and opens a data base of events when it is imported."""
    env = {"HOME": str(tmp_path), "DIGITLAB_HOME": str(tmp_path / "home"), "PATH": ""}
    code = "from core import inference; inference.onnxruntime.get_available_providers()"
    subprocess.run([sys.executable, "-c", code], cwd=environment.ROOT, env=env, check=True)
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_in_no_repr():
    found = environment.load({"WANDB_API_KEY": "k" * 40, "DIGITLAB_PASSWORD": "hush"})
    assert (found.wandb_api_key, found.password) == ("k" * 40, "hush")
    assert "k" * 40 not in repr(found)
    assert "hush" not in repr(found)


def test_a_child_sees_the_same_settings_and_only_its_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "from the server's own environment")
    found = environment.load({"DIGITLAB_HOME": str(tmp_path), "DIGITLAB_MAX_JOBS": "2", "WANDB_API_KEY": "k" * 40})
    plain, trusted = found.child_environment(), found.child_environment(["WANDB_API_KEY"])
    assert "WANDB_API_KEY" not in plain
    assert trusted["WANDB_API_KEY"] == "k" * 40
    assert environment.load(trusted) == found


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "state.json"
    files.write_json(path, {"n": 1})

    def full(self, body):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"n": 2})
    assert files.read_json(path) == {"n": 1}
    assert [p.name for p in path.parent.iterdir()] == ["state.json"]


def test_what_is_no_json_reads_as_nothing(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    assert files.read_json(tmp_path / "broken.json") is None
    assert files.read_json(tmp_path / "missing.json") is None


def test_home_must_be_a_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^DIGITLAB_HOME is '.*file', which is a file; set it to a folder"):
        environment.load({"DIGITLAB_HOME": str(tmp_path / "file")})


@pytest.mark.parametrize("name", ["DIGITLAB_HOME", "DIGITLAB_MNIST", "KERAS_HOME"])
def test_a_user_who_does_not_exist(name):
    with pytest.raises(SettingsError, match=f"^{name} is '~no-such-user/x', and there is no such user"):
        environment.load({name: "~no-such-user/x"})
