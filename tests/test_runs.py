"""A run is whole or not there, and never changed without notice."""

import json
import shutil

import pytest
from filelock import FileLock

from core import jobs, runs
from core.errors import RunError
from core.settings import Settings

ODD = ["/etc", "20260101-000000-decision_tree-abcd\n", "20260101-000000-decision_tree-abcd\0", ".partial-x"]


@pytest.fixture
def home(trained_home, tmp_path) -> Settings:
    """A copy of the trained home, to be damaged at will."""
    shutil.copytree(trained_home, tmp_path / "copy")
    return Settings(home=tmp_path / "copy")


def only(settings) -> runs.Run:
    (run,) = runs.list_runs(settings)
    return run


def test_everything_is_there_and_hashed(home):
    run = only(home)
    names = {"config.json", "evaluation.npz", "model.joblib", "model.onnx", "tree.npz"}
    assert set(run.card["files"]) == names
    assert {p.name for p in run.path.iterdir()} == names | {"card.json"}
    for name in names:
        assert len(runs.verified(run, name)) == run.card["files"][name]["bytes"]


def test_seal_is_one_rename(settings):
    partial = runs.begin(settings, "20260101-000000-decision_tree-abcd", {"family": "decision_tree"})
    (partial / "model.joblib").write_bytes(b"model")
    assert runs.list_runs(settings) == []
    run = runs.seal(settings, "20260101-000000-decision_tree-abcd", {"metrics": {}})
    assert not partial.exists()
    assert [r.id for r in runs.list_runs(settings)] == [run.id]


def test_newest_first(home):
    run = only(home)
    older = "20200101-000000-decision_tree-abcd"
    shutil.copytree(run.path, run.path.with_name(older))
    card = run.path.with_name(older) / "card.json"
    card.write_text(json.dumps(run.card | {"id": older}))
    assert [r.id for r in runs.list_runs(home)] == [run.id, older]


@pytest.mark.parametrize(
    "run_id", ["../../etc", "", ".", "20260101-000000-decision_tree-abcd/..", "20260101-000000-x", *ODD]
)
def test_what_is_no_id_is_refused(settings, run_id):
    with pytest.raises(RunError, match="is not the id of a run"):
        runs.load_run(settings, run_id)


def test_missing_run(settings):
    with pytest.raises(RunError, match="There is no run '20260101-000000-decision_tree-abcd' here"):
        runs.load_run(settings, "20260101-000000-decision_tree-abcd")


@pytest.mark.parametrize("name", ["model.onnx", "model.joblib", "evaluation.npz", "tree.npz"])
def test_changed_file_is_noticed(home, name):
    run = only(home)
    path = run.path / name
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    with pytest.raises(RunError, match=f"{name} of the run {run.id} has the sha256 .* was changed or damaged"):
        runs.verified(run, name)


def test_missing_file(home):
    run = only(home)
    (run.path / "model.onnx").unlink()
    with pytest.raises(RunError, match=r"model\.onnx .* cannot be read"):
        runs.verified(run, "model.onnx")
    with pytest.raises(RunError, match="has no secrets"):
        runs.verified(run, "secrets")


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("", "no readable config.json and card.json"),
        ("[]", "no readable config.json and card.json"),
        ('{"id": "another"}', "no readable config.json and card.json"),
        (None, "has format 99"),
    ],
    ids=["empty", "no object", "foreign", "newer format"],
)
def test_unusable_folder_is_listed_with_the_reason(home, card, sentence):
    run = only(home)
    text = json.dumps(run.card | {"format": 99}) if card is None else card
    (run.path / "card.json").write_text(text)
    assert runs.list_runs(home) == []
    (said,) = runs.list_unusable(home)
    assert sentence in said


def test_sweep_removes_what_nobody_works_on(settings):
    partial = runs.begin(settings, "20260101-000000-decision_tree-abcd", {})
    assert runs.sweep(settings) == ["20260101-000000-decision_tree-abcd"]
    assert not partial.exists()


def test_evaluation_as_json(home):
    evaluation = runs.load_evaluation(only(home))
    body = json.loads(runs.evaluation_json(evaluation))
    assert body["y_pred"] == evaluation.y_pred.tolist()
    assert len(body["proba"]) == 1000
    assert sum(body["proba"][0]) == pytest.approx(1, abs=1e-4)


def test_what_else_lies_there_is_no_run_and_no_crash(home):
    run = only(home)
    (runs.folder(home) / "notes").mkdir()
    (runs.folder(home) / "20260101-000000-decision_tree-abcd").write_text("a file")
    (runs.folder(home) / "20260101-000001-decision_tree-abcd").mkdir()
    (runs.folder(home) / ".partial-20260101-000002-decision_tree-abcd").mkdir()
    assert runs.list_runs(home) == [run]
    said = runs.list_unusable(home)
    assert len(said) == 2
    assert all(sentence.endswith(".") for sentence in said)


def test_a_seal_that_fails_makes_no_run(settings, monkeypatch):
    partial = runs.begin(settings, "20260101-000000-decision_tree-abcd", {"family": "decision_tree"})

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(partial), "rename", full)
    with pytest.raises(OSError, match="No space"):
        runs.seal(settings, "20260101-000000-decision_tree-abcd", {"metrics": {}})
    assert (partial / "card.json").is_file()  # it came as far as that
    assert runs.list_runs(settings) == []
    assert runs.sweep(settings) == ["20260101-000000-decision_tree-abcd"]
    assert list(runs.folder(settings).iterdir()) == []


def test_sweep_spares_the_run_that_is_being_written(settings):
    run_id = "20260101-000000-decision_tree-abcd"
    partial = runs.begin(settings, run_id, {})
    jobs.submit(settings, run_id, "train", {})
    with FileLock(jobs.folder(settings, run_id) / "lock"):
        assert runs.sweep(settings) == []
        assert partial.is_dir()
    assert runs.sweep(settings) == [run_id]
