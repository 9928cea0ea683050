"""CONTRIBUTING's worked example, followed to the letter in a copy: the new family passes every invariant."""

import os
import re
import shutil
import subprocess
import sys

from tests.conftest import ROOT


def test_the_example_of_a_new_family_works_as_it_is_written(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (entry,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    named, exported = re.findall(r"`([^`]+,)`", text)
    copy = tmp_path / "project"
    for name in ("core", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    linear = copy / "core" / "models" / "linear.py"
    linear.write_text(linear.read_text() + "\n\n" + entry)
    for path, anchor, line in (
        ("core/models/__init__.py", "        linear.LOGISTIC,\n", f"        {named}\n"),
        ("core/onnx_export.py", '    "Pipeline": _pipeline,\n', f"    {exported}\n"),
    ):
        file = copy / path
        body = file.read_text()
        assert body.count(anchor) == 1
        file.write_text(body.replace(anchor, anchor + line))
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_models.py", "-k", "lda"]
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(words, cwd=copy, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d+ passed", done.stdout)
