"""Deleted runs come back within ten minutes, and only then are gone."""

import shutil
from dataclasses import replace

import pytest
from filelock import FileLock

from core import files, jobs, runs, serving, trash
from core.errors import RunError
from core.settings import Settings
from core.tracking import state

NOW = 1_800_000_000.0


@pytest.fixture
def home(trained_home, tmp_path) -> Settings:
    shutil.copytree(trained_home, tmp_path / "copy")
    return Settings(home=tmp_path / "copy")


def only(settings) -> runs.Run:
    (run,) = runs.list_runs(settings)
    return run


def names(path) -> set[str]:
    return {str(p.relative_to(path)) for p in path.rglob("*")}


def test_delete_and_undo_within_ten_minutes(home):
    run = only(home)
    runs.save_labels(run, {"name": "mine"})
    before = names(run.path)
    deleted = trash.delete(home, run.id, NOW)
    assert runs.list_runs(home) == []
    assert runs.list_unusable(home) == []
    (listed,) = trash.list_deleted(home, NOW + 1)
    assert (listed.name, listed.label, listed.at) == (run.id, "Decision tree", NOW)
    assert listed.path == deleted.path
    assert listed.left(NOW + 1) == 599
    assert trash.restore(home, run.id, NOW + 599) == run.id
    assert only(home) == run
    assert names(run.path) == before
    assert runs.load_labels(run) == {"name": "mine"}
    assert trash.list_deleted(home, NOW + 599) == []


def test_after_ten_minutes_the_next_look_takes_it_away(home):
    run = only(home)
    trash.delete(home, run.id, NOW)
    assert trash.list_deleted(home, NOW + 601) == []
    assert list(trash.folder(home).iterdir()) == []
    with pytest.raises(RunError, match="not in the trash any more: it keeps a run for 10 minutes"):
        trash.restore(home, run.id, NOW + 602)


def test_what_lies_in_the_trash_otherwise_is_left_alone(home):
    trash.folder(home).mkdir()
    (trash.folder(home) / "notes.txt").write_text("not ours")
    trash.delete(home, only(home).id, NOW)
    assert trash.purge(home, NOW + 1000) != []
    assert [p.name for p in trash.folder(home).iterdir()] == ["notes.txt"]


def test_the_run_in_production_stays(home):
    run = only(home)
    serving.promote(home, run.id)
    with pytest.raises(RunError, match=r"in production, so it cannot be deleted\. Promote another one first"):
        trash.delete(home, run.id)
    assert only(home) == run


def test_the_version_that_is_asked_for_stays(home):
    run = only(home)
    state.save_state(run, {"state": "synced", "message": "There.", "version": "v3"})
    with pytest.raises(RunError, match="DIGITLAB_SERVE asks for v3"):
        trash.delete(replace(home, serve="v3"), run.id)
    assert trash.delete(replace(home, serve="latest"), run.id)


@pytest.mark.parametrize("kind", ["track", "depth"])
def test_a_run_that_a_job_works_on_stays_until_it_has_ended(home, kind):
    run = only(home)
    jobs.submit(home, jobs.new_id(kind), kind, {"run": run.id})
    job_id = jobs.list_ids(home)[0]
    with (
        FileLock(jobs.folder(home, job_id) / "lock"),
        pytest.raises(RunError, match="A job is at work on this run"),
    ):
        trash.delete(home, run.id)
    files.write_json(jobs.folder(home, job_id) / "process.json", {"pid": 999999999, "created": 0})
    assert trash.delete(home, run.id)


def test_a_run_on_its_way_to_wandb_stays(home):
    run = only(home)
    state.save_state(run, {"state": "syncing", "message": "On its way."})
    jobs.submit(home, jobs.new_id("track"), "track", {"sync": True})
    with pytest.raises(RunError, match="on its way to W&B"):
        trash.delete(home, run.id)


@pytest.mark.parametrize("name", ["", ".", "..", "../jobs", "runs/x", ".labels.lock", "20200101-000000-mlp-abcd"])
def test_what_is_no_run_is_not_deleted(home, name):
    (runs.folder(home) / ".labels.lock").touch()
    with pytest.raises(RunError, match="There is no run"):
        trash.delete(home, name)
    assert only(home)


def test_what_cannot_be_used_can_be_deleted_and_put_back(home):
    run = only(home)
    (run.path / "card.json").write_text("{")
    (runs.folder(home) / "notes").mkdir()
    (runs.folder(home) / "notes" / "a.txt").write_text("a")
    (runs.folder(home) / "20260101-000000-mlp-abcd").write_text("a file")
    found = [broken.name for broken in runs.list_unusable_folders(home)]
    for number, name in enumerate(found):
        trash.delete(home, name, NOW + number)
    assert runs.list_unusable(home) == []
    assert [entry.name for entry in trash.list_deleted(home, NOW + 5)] == found[::-1]
    assert trash.restore(home, "notes", NOW + 5) == "notes"
    assert (runs.folder(home) / "notes" / "a.txt").read_text() == "a"
    trash.purge(home, NOW + 5000)
    assert list(trash.folder(home).iterdir()) == []


def test_undo_does_not_overwrite_a_run_that_came_meanwhile(home):
    run = only(home)
    shutil.copytree(run.path, home.home / "elsewhere")
    trash.delete(home, run.id, NOW)
    (home.home / "elsewhere").rename(run.path)
    with pytest.raises(RunError, match=r"There is a run .* here already"):
        trash.restore(home, run.id, NOW + 1)
    assert only(home) == run


def test_a_link_in_the_trash_is_not_followed(home, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a.txt").write_text("a")
    (runs.folder(home) / "linked").symlink_to(tmp_path / "precious")
    trash.delete(home, "linked", NOW)
    trash.purge(home, NOW + 5000)
    assert (tmp_path / "precious" / "a.txt").read_text() == "a"
    assert list(trash.folder(home).iterdir()) == []
