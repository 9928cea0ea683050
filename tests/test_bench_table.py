"""bench/table.py, predict.py and memory.py, on small runs: what they print is what the runs' files say."""

import json
import subprocess
import sys

import psutil
import pytest

from bench import memory, predict, recipes, table
from core import files, models, runs
from core.errors import RunError
from tests.conftest import ROOT


@pytest.fixture
def home(trained, tiny_npz):
    """A home with one plain tree, said to be of more than the sample."""
    (run,) = runs.list_runs(trained)
    card = json.loads((run.path / "card.json").read_text())
    card["data"]["is_sample"] = False
    files.write_json(run.path / "card.json", card)
    return trained


def test_the_table_stands_between_its_markers():
    text = f"before\n\n{table.MARKERS[0]}\nold\n{table.MARKERS[1]}\n\nafter\n"
    once = table.rewritten(text, ["| a |", "| b |"])
    assert once.splitlines() == [
        "before",
        "",
        table.MARKERS[0],
        *table.HEAD,
        "| a |",
        "| b |",
        table.MARKERS[1],
        "",
        "after",
    ]
    assert table.rewritten(once, ["| a |", "| b |"]) == once
    for wrong in ("nothing", text + text, f"{table.MARKERS[1]} {table.MARKERS[0]}"):
        with pytest.raises(RunError, match=r"README\.md has no place for the table"):
            table.rewritten(wrong, [])


def test_a_row_says_what_the_run_says(home, sample):
    run = recipes.plain(home)
    row = [cell.strip() for cell in table.line("Plain", run, run, sample.x_test[:200], None, None).split("|")[1:-1]]
    assert row[:4] == ["Plain", f"{run.metrics['accuracy']:.4f}", "-", "1.0"]
    assert float(row[4]) == pytest.approx(run.card["files"]["model.onnx"]["bytes"] / 1e6, abs=0.005)
    assert 0 < float(row[5]) < 100


def test_the_plain_tree_is_no_other(home):
    (run,) = runs.list_runs(home)
    files.write_json(run.path / "config.json", run.config | {"augmentation": "hands"})
    assert recipes.plain(home) is None


def test_predict_counts_forests_and_networks_alone():
    counted = [name for name in models.CATALOGUE if predict.barred(name)]
    assert counted == ["random_forest", "extra_trees", "hog_extra_trees", "cnn_small", "cnn_accurate"]


def test_predict_prints_each_family_once(home, monkeypatch):
    monkeypatch.setattr(predict, "SECONDS", 0.1)
    (run,) = runs.list_runs(home)
    assert predict.newest(home) == {"decision_tree": run}
    done = subprocess.run(
        [sys.executable, "bench/predict.py"],
        cwd=ROOT,
        env=home.child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr  # there is neither a forest nor a network
    assert done.stdout.splitlines()[2].startswith("decision_tree")


def test_memory_counts_what_a_process_and_its_children_have_for_themselves():
    code = "import sys; kept = b'x' * (int(sys.argv[1]) << 20); print(flush=True); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}, *sys.argv[1:]])"
    found = {}
    for megabytes in ("1", "65"):
        with subprocess.Popen(
            [sys.executable, "-c", parent, megabytes], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            child.stdout.readline()
            found[megabytes] = memory.anonymous_mb(psutil.Process(child.pid))
            child.stdin.close()
    assert found["65"] - found["1"] == pytest.approx(64, abs=2)
    assert set(memory.FEW) <= set(models.CATALOGUE)
