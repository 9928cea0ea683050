"""A run is whole or not there, and never changed without notice."""

import json
import shutil

import pytest

from core import runs
from core.errors import RunError
from core.settings import Settings


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


@pytest.mark.parametrize("run_id", ["../../etc", "", ".", "20260101-000000-decision_tree-abcd/..", "20260101-000000-x"])
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
