"""The environment that `make` builds: it fits together, and is pointed at the right data.

In CI it is new each time; what is pinned, `streamlit run`, `uvicorn --reload` and life without TensorFlow: test_app.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def test_what_is_installed_fits_together():
    words = [sys.executable, "-m", "pip", "check"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if "No module named pip" in done.stderr:
        pytest.skip("this environment was made without pip")
    assert done.returncode == 0, done.stdout


def test_env_example_names_every_variable():
    source = (ROOT / "core" / "settings.py").read_text()
    names = set(re.findall(r'(?:env\.get\(|env, )"([A-Z_]+)"', source))
    assert "DIGITLAB_HOME" in names
    shown = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert names <= set(shown)


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize("given", ["", "DIGITLAB_MNIST=/mine.npz"])
@pytest.mark.parametrize("present", [True, False])
def test_make_points_at_the_shared_data_only_where_it_is(tmp_path, present, given):
    project, data = tmp_path / "main", tmp_path / "shared" / "data"
    project.mkdir()
    if present:
        data.mkdir(parents=True)
        (data / "mnist.npz").touch()
    shutil.copy(ROOT / "Makefile", project)
    with (project / "Makefile").open("a") as file:
        file.write("\nshow:\n\t@echo mnist=$$DIGITLAB_MNIST pens=$$DIGITLAB_PENS\n")
    env = {"PATH": os.environ["PATH"], **dict([given.split("=")] if given else [])}
    words = ["make", "--no-print-directory", "-C", str(project), "show"]
    said = subprocess.run(words, env=env, capture_output=True, text=True, check=False).stdout
    expected = "/mine.npz" if given else str(data / "mnist.npz") if present else ""
    assert said == f"mnist={expected} pens=\n"
