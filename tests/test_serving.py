"""Which run serves, and why."""

import json
import shutil
from dataclasses import replace

import pytest

from core import files, runs, serving
from core.errors import RunError
from core.settings import Settings

IDS = [f"2026010{day}-000000-decision_tree-abcd" for day in (1, 2, 3)]


@pytest.fixture
def home(trained_home, tmp_path) -> Settings:
    """Three runs, the third the newest."""
    settings = Settings(home=tmp_path / "three")
    (run,) = runs.list_runs(Settings(home=trained_home))
    for run_id in IDS:
        shutil.copytree(run.path, runs.folder(settings) / run_id)
        (runs.folder(settings) / run_id / "card.json").write_text(json.dumps(run.card | {"id": run_id}))
    return settings


def serves(settings) -> str:
    return serving.choose(settings).run.id


def test_nothing_to_serve(settings):
    assert serving.choose(settings) == serving.Serving(None, "There is no model yet.")


def test_the_newest_while_none_is_promoted(home):
    assert serves(home) == IDS[2]
    assert serving.choose(home).why == "the newest run, as none is promoted"


def test_the_promoted_one(home):
    serving.promote(home, IDS[0])
    assert serves(home) == IDS[0]
    assert serves(replace(home, serve="latest")) == IDS[2]


def test_the_promoted_one_is_gone(home):
    serving.promote(home, IDS[0])
    shutil.rmtree(runs.folder(home) / IDS[0])
    assert serves(home) == IDS[2]
    assert "is not on this machine" in serving.choose(home).why


def test_a_version(home):
    files.write_json(runs.folder(home) / IDS[1] / "tracking.json", {"state": "synced", "message": "", "version": "v7"})
    assert serves(replace(home, serve="v7")) == IDS[1]
    missing = serving.choose(replace(home, serve="v8"))
    assert (missing.run, missing.why) == (None, "DIGITLAB_SERVE asks for v8, which is not on this machine.")


def test_back_and_further_back(home):
    for run_id in IDS:
        serving.promote(home, run_id)
    times = [p["at"] for p in serving.history(home)]
    assert times == sorted(times)
    assert serving.roll_back(home) == IDS[1]
    assert serves(home) == IDS[1]
    assert serving.current(home)["at"] > times[-1]  # wins over what was promoted elsewhere meanwhile
    assert serving.roll_back(home) == IDS[0]
    with pytest.raises(RunError, match="no earlier promotion"):
        serving.roll_back(home)
    assert serves(home) == IDS[0]


def test_what_cannot_be_served_is_not_promoted(home):
    path = runs.folder(home) / IDS[2] / "card.json"
    card = files.read_json(path)
    files.write_json(path, card | {"parity": card["parity"] | {"servable": False, "reason": "It differs."}})
    with pytest.raises(RunError, match="It differs"):
        serving.promote(home, IDS[2])
    assert serves(home) == IDS[1]
    with pytest.raises(RunError, match="is not the id of a run"):
        serving.promote(home, "../x")
