"""Tracking for real: a small run is trained, logged by `python -m core track`, and W&B's own files are read back."""

import contextlib
import dataclasses
import json
import os
import shutil
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from core import jobs, metrics, pipeline, runs, tracking
from core.settings import ROOT, Settings
from core.tracking import log

KEY = "0123456789abcdef0123456789abcdef01234567"
NETRC_KEY = "fedcba9876543210fedcba9876543210fedcba98"
NO_NETWORK = ("unshare", "--net") if sys.platform == "linux" and os.geteuid() == 0 and shutil.which("unshare") else ()


def _digits(n, seed):
    """A grey bar a class, in noise strong enough that a tree of ten images a leaf errs."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 10).astype(np.uint8)
    images = rng.integers(0, 200, (n, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label + 4, 8:20] //= 4
    return images, labels


def _save_digits(path, n_train=300, n_test=100, seed=0):
    x_train, y_train = _digits(n_train, seed)
    x_test, y_test = _digits(n_test, seed + 1)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


def _train(settings, params):
    config = pipeline.make_config("decision_tree", params, None, "none")
    return pipeline.train(settings, jobs.new_id("decision_tree"), config, emit=lambda *_, **__: None)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A home with the default tree and a stump, both trained on the same small data."""
    root = tmp_path_factory.mktemp("lab")
    settings = Settings(
        home=root / "home",
        mnist=_save_digits(root / "digits.npz"),
        keras_home=root / "keras",
        wandb_api_key=KEY,
        wandb_entity="a-team",
    )
    return SimpleNamespace(
        root=root, settings=settings, baseline=_train(settings, {}), stump=_train(settings, {"max_depth": 1})
    )


@pytest.fixture
def home(lab, tmp_path):
    """A copy of the lab's home in which a test may break things; the run in it is the default tree, not logged yet."""
    shutil.copytree(lab.settings.home, tmp_path / "home")
    settings = dataclasses.replace(lab.settings, home=tmp_path / "home")
    (runs.folder(settings) / lab.baseline.id / "tracking.json").unlink(missing_ok=True)
    shutil.rmtree(settings.home / "wandb", ignore_errors=True)
    return SimpleNamespace(settings=settings, run=runs.load_run(settings, lab.baseline.id))


def _track(settings, run, prefix=(), **environ):
    """Run `python -m core track`, with the key, as a job would."""
    env = settings.child_environment(("WANDB_API_KEY",)) | environ
    command = [*prefix, sys.executable, "-m", "core", "track", "--offline", run.id]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@contextlib.contextmanager
def _recorder():
    """A server on loopback that notes the first line of whatever comes."""
    seen = []

    class Note(socketserver.StreamRequestHandler):
        def handle(self):
            seen.append(self.rfile.readline())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Note) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()


@pytest.fixture(scope="module")
def logged(lab):
    """Both runs, logged: the default tree where every request would be seen, the stump where none can leave."""
    netrc = lab.root / "netrc"
    hosts = ("api.wandb.ai", "api.forge.coreweave.com", "127.0.0.1")
    netrc.write_text("".join(f"machine {host} login user password {NETRC_KEY}\n" for host in hosts))
    netrc.chmod(0o600)
    with _recorder() as (url, seen):
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), url)
        told = dataclasses.replace(lab.settings, wandb_base_url=url)
        first = _track(told, lab.baseline, NETRC=str(netrc), NO_PROXY="", no_proxy="", **proxies)
    second = _track(lab.settings, lab.stump, NO_NETWORK)
    return SimpleNamespace(
        outcomes=(first, second),
        requests=seen,
        baseline=tracking.load_state(lab.baseline),
        stump=tracking.load_state(lab.stump),
    )


def _read(settings, state, job_type):
    """Read one of a state's W&B runs back from disk: its record, summary, config, artifacts and folder."""
    entry = next(e for e in state["runs"] if e["job_type"] == job_type)
    folder = settings.home / entry["folder"]
    found = SimpleNamespace(folder=folder, summary={}, config={}, history=[], artifacts=[], run=None)
    for record in tracking.read_log((folder / f"run-{entry['id']}.wandb").read_bytes()):
        if record.HasField("run"):
            found.run = record.run
            found.config |= _items(record.run.config.update)
        elif record.HasField("config"):
            found.config |= _items(record.config.update)
        elif record.HasField("summary"):
            found.summary |= _items(record.summary.update)
        elif record.HasField("history"):
            found.history.append(_items(record.history.item))
        elif record.HasField("artifact"):
            found.artifacts.append(record.artifact)
    return found


def _items(items):
    found = {}
    for item in items:
        *outer, name = item.nested_key or [item.key]
        inner = found
        for key in outer:
            inner = inner.setdefault(key, {})
        inner[name] = json.loads(item.value_json)
    return found


def _table(found, key):
    (path,) = (found.folder / "files" / "media" / "table").glob(f"{key}_[0-9]*.table.json")
    body = json.loads(path.read_text())
    return body["columns"], body["data"]


def test_the_outcome_is_one_line_and_its_record(lab, logged):
    for outcome, state in zip(logged.outcomes, (logged.baseline, logged.stump), strict=True):
        assert (outcome.returncode, outcome.stderr) == (0, "")
        assert outcome.stdout == f"{tracking.describe(state)}\n"
        assert outcome.stdout.startswith("W&B: local only.")
    assert logged.baseline["entity"] == "a-team"
    assert logged.baseline["project"] == "proj_mnist"
    assert [entry["job_type"] for entry in logged.baseline["runs"]] == ["train", "model"]
    assert len({entry["id"] for state in (logged.baseline, logged.stump) for entry in state["runs"]}) == 4
    for entry in logged.baseline["runs"]:
        assert (lab.settings.home / entry["folder"] / f"run-{entry['id']}.wandb").is_file()


def test_no_request_was_made(logged):
    assert logged.requests == []


def test_no_key_is_written_anywhere(lab, logged):
    for outcome in logged.outcomes:
        assert KEY not in outcome.stdout + outcome.stderr
    places = [p for p in lab.settings.home.rglob("*") if p.is_file()]
    assert any(p.suffix == ".wandb" for p in places)
    for path in places:
        body = path.read_bytes()
        assert KEY.encode() not in body, path
        assert NETRC_KEY.encode() not in body, path


def test_nothing_of_this_machine_is_logged(lab, logged):
    found = _read(lab.settings, logged.baseline, "train")
    assert not found.run.host
    assert not found.run.git.remote_url
    assert {p.name for p in (found.folder / "files").iterdir()} == {"media"}


@pytest.mark.parametrize("which", ["baseline", "stump"])
def test_summary_equals_the_report_and_scikit_learn(lab, logged, which):
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    run, state = getattr(lab, which), getattr(logged, which)
    evaluation = runs.load_evaluation(run)
    summary = _read(lab.settings, state, "train").summary
    here = [summary[name] for name in ("Acc", "Precision", "Recall", "F1")]

    y_true, y_pred = evaluation.y_true, evaluation.y_pred
    theirs = precision_recall_fscore_support(y_true, y_pred, average="weighted", zero_division=1)[:3]
    assert here == pytest.approx([accuracy_score(y_true, y_pred), *theirs])
    report = metrics.report(evaluation).loc["weighted avg", ["precision", "recall", "f1"]]
    assert here[1:] == pytest.approx(report.tolist())
    assert here == pytest.approx([run.metrics[name] for name in ("accuracy", "precision", "recall", "f1")])
    if which == "stump":
        assert len(np.unique(y_pred)) == 2, "the stump must leave classes unpredicted for this to say anything"


def test_the_runs_are_named_as_in_the_exercise(lab, logged):
    train, model = (_read(lab.settings, logged.baseline, job_type) for job_type in ("train", "model"))
    for found, job_type in ((train, "train"), (model, "model")):
        assert found.run.project == "proj_mnist"
        assert found.run.entity == "a-team"
        assert found.run.job_type == job_type
        assert found.run.run_group == lab.baseline.id
        assert found.config["run_id"] == lab.baseline.id
        assert found.config["data_sha256"] == lab.baseline.config["data_sha256"]
        assert found.config["params"] == lab.baseline.config["params"]
        assert found.config["versions"]["scikit-learn"]
    assert train.config["model_name"] == "Baseline_model"
    assert _read(lab.settings, logged.stump, "train").config["model_name"] == "Decision tree"
    assert "300 training and 100 test images" in train.run.notes
    assert "all 100 test images" in train.run.notes


def test_the_confusion_matrix_has_its_axes_right(lab, logged):
    found = _read(lab.settings, logged.baseline, "train")
    matrix = runs.load_evaluation(lab.baseline).confusion_matrix
    columns, data = _table(found, "confusion_matrix_chart_table")
    assert columns == ["Actual", "Predicted", "nPredictions"]
    assert {(int(a), int(p)): n for a, p, n in data} == dict(np.ndenumerate(matrix))
    assert (matrix != matrix.T).any(), "a symmetric matrix could not tell"
    # The swapped one of wandb.sklearn is not beside it, nor does it take the picture's key.
    assert len(list(found.folder.rglob("confusion_matrix*.table.json"))) == 1
    assert [h["confusion_matrix"]["_type"] for h in found.history if "confusion_matrix" in h] == ["image-file"]
    with Image.open(found.folder / "files" / found.summary["confusion_matrix"]["path"]) as picture:
        assert picture.size == (640, 600)


@pytest.mark.parametrize("which", ["baseline", "stump"])
def test_the_charts_of_plot_classifier_are_there(lab, logged, which):
    state, run = getattr(logged, which), getattr(lab, which)
    found = _read(lab.settings, state, "train")
    keys = set().union(*found.history)
    expected = {"feature_importances", "summary_metrics", "class_proportions", "roc_table", "precision_recall_table"}
    assert expected | {"roc_curve_table", "confusion_matrix_chart_table"} <= keys
    _, data = _table(found, "summary_metrics")
    # All 100 test images are among the first 2,000, so here the chart must tell what the summary tells.
    assert {row[0]: row[1] for row in data} == {k: round(run.metrics[k], 4) for k in log.SUMMARY.values()}
    _, curve = _table(found, "roc_curve_table")
    assert {row[0] for row in curve} == set("0123456789")


def test_the_artifact_holds_the_sealed_files_in_place(lab, logged):
    found = _read(lab.settings, logged.baseline, "model")
    (artifact,) = found.artifacts
    assert (artifact.name, artifact.type) == ("model_export", "inference_artifact")
    entries = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
    assert set(entries) == {"card.json", "config.json", "evaluation.npz", "model.joblib", "model.onnx", "tree.npz"}
    assert all(path == lab.baseline.path / name for name, path in entries.items())
    metadata = json.loads(artifact.metadata)
    assert metadata["metrics"] == lab.baseline.metrics
    assert metadata["sha256"] == {name: runs.sha256(path) for name, path in entries.items()}
    assert metadata["versions"] == lab.baseline.config["versions"]
    told = logged.baseline["artifact"]
    assert told == {"name": "model_export", "type": "inference_artifact", "digest": artifact.digest}
    assert len(told["digest"]) == 32


def test_a_log_that_was_cut_off_is_noticed(lab, logged):
    entry = logged.baseline["runs"][0]
    body = (lab.settings.home / entry["folder"] / f"run-{entry['id']}.wandb").read_bytes()
    kinds = [record.WhichOneof("record_type") for record in tracking.read_log(body)]
    assert kinds[-1] == "exit"
    for size in (0, 3, 7, 20, len(body) // 2, len(body) - 1):
        assert "exit" not in [r.WhichOneof("record_type") for r in tracking.read_log(body[:size])]


def test_a_log_of_many_blocks_is_read_whole(tmp_path):
    """Against wandb's own writer: the records of a run that is larger than LevelDB's blocks."""
    code = (
        "import sys; from core import settings; settings.load().quiet_wandb(); import wandb\n"
        "run = wandb.init(project='p', config={'text': 'x' * 100_000})\n"
        "[run.log({'n': n, 'text': 'y' * 3000}) for n in range(40)]\n"
        "run.finish(); print(run.dir)"
    )
    env = Settings(home=tmp_path).child_environment()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    (log,) = Path(done.stdout.strip()).parent.glob("*.wandb")
    assert log.stat().st_size > 6 * 2**15
    records = tracking.read_log(log.read_bytes())
    assert [_items(r.history.item)["n"] for r in records if r.HasField("history")] == list(range(40))
    assert records[-1].HasField("exit")


def _assert_failed(outcome, run, reason):
    state = tracking.load_state(run)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{tracking.describe(state)}\n"
    assert state["state"] == "failed"
    assert reason in state["message"]
    assert run.id in state["message"], "it says how to try again"


def test_wandb_absent_is_one_line(home, tmp_path):
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "wandb.py").write_text("raise ModuleNotFoundError(\"No module named 'wandb'\")")
    outcome = _track(home.settings, home.run, PYTHONPATH=str(tmp_path / "stub"))
    _assert_failed(outcome, home.run, "No module named 'wandb'")


def test_wandb_broken_is_one_line_without_the_key(home, tmp_path):
    (tmp_path / "stub").mkdir()
    broken = f"__version__ = '9'\ndef init(**_): raise RuntimeError('no\\nway with {KEY}')\ndef teardown(): pass\n"
    broken += "class Settings:\n    def __init__(self, **_): pass\n"
    (tmp_path / "stub" / "wandb.py").write_text(broken)
    outcome = _track(home.settings, home.run, PYTHONPATH=str(tmp_path / "stub"))
    _assert_failed(outcome, home.run, "RuntimeError: no way with ….")
    assert KEY not in outcome.stdout


def test_an_unwritable_folder_is_one_line(home):
    (home.settings.home / "wandb").write_text("a file where the folder should be")
    _assert_failed(_track(home.settings, home.run), home.run, "FileExistsError")


def test_a_changed_file_is_neither_opened_nor_logged(home):
    (home.run.path / "model.joblib").write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    _assert_failed(_track(home.settings, home.run), home.run, "it was changed or damaged")
    assert not (home.settings.home / "wandb").exists()


def test_other_data_than_the_run_had_costs_plot_classifier_only(home, tmp_path):
    other = dataclasses.replace(home.settings, mnist=_save_digits(tmp_path / "other.npz", seed=7))
    outcome = _track(other, home.run)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "Without plot_classifier: the data here is not the data of this run." in outcome.stdout
    found = _read(other, tracking.load_state(home.run), "train")
    assert found.summary["Acc"] == home.run.metrics["accuracy"]
    assert "summary_metrics" not in found.summary
    assert "plot_classifier" not in found.run.notes


def test_disabled_logs_nothing_and_keeps_what_was_known(home):
    known = {"state": "local only", "message": "Logged.", "runs": [{"id": "abc"}]}
    (home.run.path / "tracking.json").write_text(json.dumps(known))
    off = dataclasses.replace(home.settings, wandb_mode="disabled")
    state = tracking.track(off, home.run)
    assert state == tracking.load_state(home.run)
    assert state["state"] == "disabled"
    assert state["runs"] == known["runs"]
    assert "WANDB_MODE" in tracking.describe(state)
    assert not (home.settings.home / "wandb").exists()


def test_an_unwritable_tracking_json_is_said(home):
    (home.run.path / "tracking.json").mkdir()
    outcome = _track(dataclasses.replace(home.settings, wandb_mode="disabled"), home.run)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("W&B: disabled.")
    assert "tracking.json cannot be written" in outcome.stdout
    assert tracking.load_state(home.run) == tracking.NOT_LOGGED


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"state": "synced"}', "{broken"])
def test_a_state_that_cannot_be_read_is_not_logged(home, text):
    (home.run.path / "tracking.json").write_text(text)
    assert tracking.load_state(home.run) == tracking.NOT_LOGGED
    assert tracking.describe(tracking.NOT_LOGGED) == "W&B: not logged. This run is not logged to W&B yet."


@pytest.mark.parametrize("family_sizes", [[10] * 10, [1000] * 10])
def test_the_rows_of_the_charts_hold_every_digit_of_sorted_data(family_sizes):
    labels = np.repeat(np.arange(10), family_sizes).astype(np.uint8)
    rows = log._choose(labels)
    assert len(rows) == min(tracking.CHART_ROWS, len(labels))
    assert set(labels[rows]) == set(range(10))


def test_a_digit_without_test_images_shifts_no_column():
    proba = np.eye(10, dtype=np.float32)[[0, 2, 9]]
    kept = log._occurring(metrics.Evaluation(np.array([0, 2, 9], np.uint8), proba))
    assert kept.tolist() == np.eye(3).tolist()


def test_the_server_imports_it_without_anything_heavy():
    code = (
        "import sys; from core import tracking\n"
        "print([m for m in ('wandb', 'sklearn', 'matplotlib', 'joblib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_quiet_wandb_leaves_no_other_name_and_no_key(tmp_path):
    code = (
        "import os; from core import settings; settings.load().quiet_wandb()\n"
        "print({n: v for n, v in os.environ.items() if n.startswith('WANDB_')})"
    )
    env = Settings(home=tmp_path, wandb_api_key=KEY, wandb_mode="online").child_environment(("WANDB_API_KEY",))
    env |= {"WANDB_RUN_ID": "always-the-same", "WANDB_SAVE_CODE": "true"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert KEY not in done.stdout
    assert "always-the-same" not in done.stdout
    assert "'WANDB_MODE': 'offline'" in done.stdout
    assert "'WANDB_SAVE_CODE': 'false'" in done.stdout
