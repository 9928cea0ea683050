"""A run is whole or not there, and never changed without notice."""

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from core import files, jobs, metrics, runs, tracking
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


def test_seal_is_one_rename(settings, home):
    made = only(home)
    partial = runs.begin(settings, "20260101-000000-decision_tree-abcd", made.config)
    for name in ("evaluation.npz", "model.onnx"):
        shutil.copy(made.path / name, partial)
    assert runs.list_runs(settings) == []
    run = runs.seal(settings, partial.name.removeprefix(".partial-"), {k: made.card[k] for k in made.card if k != "id"})
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
    (runs.folder(home) / ".DS_Store").write_text("the system's own")
    assert runs.list_runs(home) == [run]
    said = runs.list_unusable(home)
    assert len(said) == 3
    assert said[0] == "The folder 'notes' among the runs is no run. Move it away."
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


def change(run: runs.Run, file: str, where: str, value: object) -> None:
    """Write a run's card or config with one entry changed, or taken away for None."""
    body = json.loads((run.path / file).read_bytes())
    *above, name = where.split(".")
    inside = body
    for part in above:
        inside = inside[part]
    if value is None:
        del inside[name]
    else:
        inside[name] = value
    (run.path / file).write_text(json.dumps(body))


LACKS = [
    *[("card.json", where, None) for where in ("label", "created", "shape", "metrics", "metrics.f1", "data.n_test")],
    *[("card.json", where, None) for where in ("timings", "timings.fit", "parity", "parity.servable", "files", "data")],
    *[("config.json", where, None) for where in ("family", "params", "data_sha256", "versions")],
    ("card.json", "metrics.accuracy", "high"),
    ("card.json", "metrics.accuracy", float("nan")),
    ("card.json", "metrics.accuracy", 1.2),
    ("card.json", "metrics.accuracy", True),
    ("card.json", "created", 1e20),
    ("card.json", "created", "today"),
    ("card.json", "label", ["Decision tree"]),
    ("card.json", "data.n_test", -1),
    ("card.json", "timings.fit", float("inf")),
    ("card.json", "shape", []),
    ("config.json", "data_sha256", "abc"),
    ("config.json", "params", "depth 10"),
    ("config.json", "augmentation", ["hands"]),
    ("config.json", "train_size", "many"),
    ("card.json", "learning", ["step"]),
    ("card.json", "repeats", "another"),
    ("card.json", "metrics.log_loss", "low"),
]


@pytest.mark.parametrize(("file", "where", "value"), LACKS, ids=str)
def test_what_a_page_would_stumble_over_is_unusable_with_the_reason(home, file, where, value):
    change(only(home), file, where, value)
    assert runs.list_runs(home) == []
    (said,) = runs.list_unusable(home)
    assert f"cannot be used, as its {file} has no usable {where}" in said


@pytest.mark.parametrize("name", ["../../secrets", "/etc/passwd", "a/b", "", "x" * 99])
def test_a_card_that_lists_files_elsewhere_is_unusable(home, name):
    run = only(home)
    change(run, "card.json", "files", run.card["files"] | {name: {"bytes": 1, "sha256": "0" * 64}})
    assert "without its size and sha256" in runs.list_unusable(home)[0]


@pytest.mark.parametrize("name", ["config.json", "evaluation.npz", "model.onnx"])
def test_a_card_that_lists_too_little_is_unusable(home, name):
    run = only(home)
    change(run, "card.json", "files", {k: v for k, v in run.card["files"].items() if k != name})
    assert f"card.json does not list {name}" in runs.list_unusable(home)[0]


def test_json_without_an_end_is_no_crash(home):
    (only(home).path / "card.json").write_text("[" * 100_000)
    assert "no readable config.json and card.json" in runs.list_unusable(home)[0]


def answers(rows: int = 5, **change) -> dict[str, np.ndarray]:
    proba = np.full((rows, 10), 0.1, np.float32)
    return {"y_true": np.arange(rows, dtype=np.uint8), "proba": proba} | change


@pytest.mark.parametrize(
    "arrays",
    [
        {"y_true": np.arange(5, dtype=np.uint8)},
        answers(y_true=np.full(5, 10, np.uint8)),
        answers(y_true=np.arange(5)),
        answers(y_true=np.zeros((5, 1), np.uint8)),
        answers(proba=np.full((5, 9), 0.1, np.float32)),
        answers(proba=np.full((4, 10), 0.1, np.float32)),
        answers(proba=np.full((5, 10), np.nan, np.float32)),
        answers(proba=np.full((5, 10), "a")),
        answers(0),
        answers(more=np.zeros(70 * 2**20, np.uint8)),
    ],
    ids=["no proba", "an eleventh digit", "other labels", "a table", "nine", "four", "nan", "texts", "none", "bomb"],
)
def test_an_evaluation_that_holds_no_answers_is_said(home, arrays):
    run = only(home)
    np.savez_compressed(run.path / "evaluation.npz", **arrays)
    listed = {"bytes": 1, "sha256": runs.sha256(run.path / "evaluation.npz")}
    change(run, "card.json", "files", run.card["files"] | {"evaluation.npz": listed})
    with pytest.raises(RunError, match=r"evaluation\.npz of the run .* holds no answers that can be read"):
        runs.load_evaluation(only(home))


def test_a_list_reads_each_card_once_and_again_when_it_changes(home, monkeypatch):
    run = only(home)
    runs.save_labels(run, {"author": "Ana"})
    for number in range(20):
        other = f"20260101-0000{number:02}-decision_tree-abcd"
        shutil.copytree(run.path, run.path.with_name(other))
        change(runs.Run(other, run.path.with_name(other), {}, {}), "card.json", "id", other)
    read, real = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: read.append(self.name) or real(self))

    def look() -> list[str]:
        read.clear()
        found = runs.list_runs(home)
        assert len(found) == 21
        assert all(runs.load_labels(r) == {"author": "Ana"} for r in found)
        assert all(tracking.load_state(r)["state"] == "not logged" for r in found)
        return sorted(read)

    first = look()
    assert first.count("card.json") == 20  # the first of the 21 was read above
    assert set(first) == {"card.json", "config.json", "labels.json"}
    assert look() == []
    runs.save_labels(run, {"author": ""})
    runs.save_labels(run, {"author": "Ana"})
    assert look() == ["labels.json"]


def test_labels_of_two_who_write_at_once_are_all_kept(home):
    run = only(home)
    names = [f"tag {number}" for number in range(8)]
    threads = [threading.Thread(target=runs.save_labels, args=(run, {}, [name])) for name in names]
    threads += [threading.Thread(target=runs.save_labels, args=(run, {key: "x"})) for key in ("name", "author", "note")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = runs.load_labels(run)
    assert sorted(found.pop("tags")) == names
    assert found == {"name": "x", "author": "x", "note": "x"}


def test_labels_change_only_what_is_given(home):
    run = only(home)
    runs.save_labels(run, {"name": "  My\n tree ", "note": "one\n two  three\n"}, ["Deep, GOOD", "deep"])
    assert runs.load_labels(run) == {"name": "My tree", "note": "one\ntwo three", "tags": ["deep", "good"]}
    runs.save_labels(run, {"name": ""}, ["new"], ["good", "never there"])
    assert runs.load_labels(run) == {"note": "one\ntwo three", "tags": ["deep", "new"]}
    assert runs.load_run(home, run.id).card == run.card


@pytest.mark.parametrize(
    ("labels", "tags", "sentence"),
    [
        ({"name": "x" * 61}, [], "The name has 61 characters; 60 is the most"),
        ({"note": "x" * 1001}, [], "The note has 1001 characters; 1000 is the most"),
        ({}, ["y" * 25], "is longer than 24 characters"),
        ({}, list("abcdefghi"), "would have 9 tags, and 8 is the most"),
    ],
)
def test_labels_that_are_too_long_are_refused(home, labels, tags, sentence):
    with pytest.raises(RunError, match=sentence):
        runs.save_labels(only(home), labels, tags)
    assert runs.load_labels(only(home)) == {}


def test_labels_of_a_run_that_is_gone_make_no_folder(home):
    run = only(home)
    shutil.rmtree(run.path)
    with pytest.raises(RunError, match="is not here any more"):
        runs.save_labels(run, {"name": "x"})
    assert not run.path.exists()


def test_labels_by_another_program_are_taken_for_what_they_are(home):
    run = only(home)
    files.write_json(run.path / "labels.json", {"name": 5, "tags": ["a", 7, None], "author": None, "note": "n", "x": 1})
    assert runs.load_labels(run) == {"tags": ["a"], "note": "n"}
    files.write_json(run.path / "labels.json", {"tags": "abc"})
    assert runs.load_labels(run) == {}


def test_a_repeat_tells_whether_every_byte_is_the_same(home):
    run = only(home)
    before = runs.load_evaluation(run)
    versions = run.config["versions"]
    same = runs.compare_repeat(home, run.id, before, versions)
    assert (same["identical"], same["others"], same["max_difference"]) == (True, 0, 0.0)

    proba = before.proba.copy()
    proba[0, 0] = np.nextafter(proba[0, 0], np.float32(2))
    near = runs.compare_repeat(home, run.id, metrics.Evaluation(before.y_true, proba), versions | {"numpy": "9"})
    assert near["identical"] is False
    assert near["others"] == 0
    assert 0 < near["max_difference"] < 1e-6
    assert near["versions"] == ["numpy"]
    assert runs.compare_repeat(home, run.id, metrics.Evaluation(before.y_true, -0.0 + before.proba), {})["identical"]
    wider = metrics.Evaluation(before.y_true, before.proba.astype(np.float64))
    assert runs.compare_repeat(home, run.id, wider, {})["identical"] is False

    gone = runs.compare_repeat(home, "20200101-000000-decision_tree-abcd", before, versions)
    assert gone["identical"] is None
    for found, words in ((same, "came out byte-identical"), (near, "versions of numpy differ"), (gone, "no run")):
        told = runs.Run(run.id, run.path, run.config, run.card | {"repeats": found})
        assert words in runs.describe_repeat(told)
    assert runs.describe_repeat(run) == ""
