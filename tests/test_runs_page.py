"""The Runs page: what it shows of many runs, and what each button does."""

import json
import shutil
from pathlib import Path

import pytest

from core import access, archive, compare, files, jobs, pipeline, reproduce, runs, serving, trash
from core.settings import Settings
from tests.test_pages import check, open_page, texts

PAGE = "pages/4_Runs.py"
OLD = "20260101-000000-decision_tree-abcd"


def copy(run: runs.Run, target: Path, run_id: str, **change) -> runs.Run:
    """Copy a run under another id, with entries of its card changed; what was sealed otherwise stays."""
    shutil.copytree(run.path, target / run_id)
    files.write_json(target / run_id / "card.json", run.card | {"id": run_id} | change)
    return runs.open_folder(target / run_id, run_id)


@pytest.fixture(scope="module")
def worse(tmp_path_factory, tiny_npz) -> Path:
    """A home with a worse tree, of depth 3, on the same data; read only."""
    settings = Settings(home=tmp_path_factory.mktemp("worse"), mnist=tiny_npz)
    config = pipeline.make_config("decision_tree", {"max_depth": 3}, None, "none")
    pipeline.train(settings, jobs.new_id("decision_tree"), config, lambda stage, **fields: None)
    return settings.home


@pytest.fixture
def two(trained, worse) -> tuple[Settings, runs.Run, runs.Run]:
    """Settings, the good run, the worse one."""
    (other,) = runs.list_runs(Settings(home=worse))
    shutil.copytree(other.path, runs.folder(trained) / other.id)
    good = next(run for run in runs.list_runs(trained) if run.id != other.id)
    return trained, good, runs.load_run(trained, other.id)


def button(page, label):
    return next(b for b in page.button if b.label == label)


def by_label(elements, label):
    return next(e for e in elements if e.label == label)


def test_the_table_tells_what_cards_and_labels_say(two):
    settings, good, other = two
    runs.save_labels(other, {"name": "Ana's *first*", "author": "Ana"}, ["try"])
    page = check(open_page(PAGE))
    table = page.dataframe[0].value
    assert list(table.index) == [run.id for run in runs.list_runs(settings)]
    assert table.loc[good.id, "accuracy"] == good.metrics["accuracy"]
    assert table.loc[other.id, "log_loss"] == other.metrics["log_loss"]
    assert table.loc[good.id, "megabytes"] == good.card["files"]["model.onnx"]["bytes"] / 1e6
    assert table.loc[other.id, ["name", "author"]].tolist() == ["Ana's *first*", "Ana"]
    assert list(table.loc[other.id, "tags"]) == ["try"]
    assert "accuracy, F1" in table.loc[good.id, "best"]
    assert "smallest" in table.loc[other.id, "best"]
    assert table["serves"].sum() == 1


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"find": "MAX_DEPTH=3 ana"}, ["other"]),
        ({"find": "nothing like it"}, []),
        ({"tag": "try"}, ["other"]),
        ({"by": "Ana"}, ["other"]),
        ({"kind": "Decision tree"}, ["other", "good"]),
        ({"mine": "true"}, []),
        ({"use": "can answer"}, ["good"]),
        ({"use": "cannot answer"}, ["other"]),
    ],
    ids=str,
)
def test_filters_come_from_the_link(two, query, shown):
    _, good, other = two
    parity = other.card["parity"] | {
        "servable": False,
        "reason": "It answers otherwise than the model that was trained.",
    }
    files.write_json(other.path / "card.json", other.card | {"parity": parity})
    runs.save_labels(other, {"author": "Ana"}, ["try"])
    page = check(open_page(PAGE, **query))
    ids = {"good": good.id, "other": other.id}
    if shown:
        table = page.dataframe[0].value
        assert set(table.index) == {ids[name] for name in shown}
        assert ("why_not" in table) == ("other" in shown)
        assert "other" not in shown or parity["reason"] == table.loc[other.id, "why_not"]
    else:
        assert "No run is like that" in page.info[0].value


def test_mine_are_those_of_this_session_or_this_name(two):
    _, good, other = two
    runs.save_labels(other, {"author": "Ana"})
    page = open_page(PAGE, mine="true")
    page.session_state["author"] = "Ana"
    assert list(check(page.run()).dataframe[0].value.index) == [other.id]
    page.session_state["my_jobs"] = [good.id]
    assert len(check(page.run()).dataframe[0].value) == 2


def test_two_hundred_runs_read_no_evaluation_and_no_card_twice(trained, monkeypatch):
    (run,) = runs.list_runs(trained)
    for number in range(200):
        copy(run, runs.folder(trained), f"20260101-{number:06}-decision_tree-{number:04x}")
    for name in ("model.onnx", "evaluation.npz", "model.joblib", "tree.npz"):
        for path in runs.folder(trained).glob(f"2026*/{name}"):
            if path.parent.name != run.id:
                path.unlink()  # the table must not miss them
    read, real = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: read.append(self) or real(self))
    page = check(open_page(PAGE))
    assert len(page.dataframe[0].value) == 201
    assert not [path for path in read if path.suffix == ".npz"]
    assert [p.name for p in read].count("card.json") <= 201
    read.clear()
    check(page.run())
    assert not [path for path in read if path.name in ("card.json", "config.json", "labels.json", "tracking.json")]


def test_what_cannot_be_used_is_listed_with_the_reason_and_can_be_deleted(two):
    settings, _, other = two
    body = json.loads((other.path / "card.json").read_bytes())
    del body["metrics"]
    (other.path / "card.json").write_text(json.dumps(body))
    (runs.folder(settings) / "notes").mkdir()
    page = check(open_page(PAGE))
    assert "2 folders among the runs cannot be used" in [e.label for e in page.expander]
    shown = texts(page).replace("\\", "")
    assert f"The run {other.id} cannot be used, as its card.json has no usable metrics.accuracy" in shown
    assert "'notes' among the runs is no run" in shown
    page.button(key=f"delete-{other.id}").click().run()
    page.button(key="delete-notes").click().run()
    check(page)
    assert runs.list_unusable(settings) == []
    assert len(trash.list_deleted(settings)) == 2


def test_labels_are_written_and_only_what_was_changed(two):
    _, good, _ = two
    page = check(open_page(PAGE, run=good.id))
    by_label(page.text_input, "Name").set_value("My best")
    by_label(page.text_area, "Note").set_value("two\nlines")
    by_label(page.multiselect, "Tags").set_value(["Deep"])
    runs.save_labels(good, {"author": "Ana"}, ["other tab"])  # meanwhile, elsewhere
    button(page, "Save").click().run()
    check(page)
    expected = {"name": "My best", "note": "two\nlines", "author": "Ana", "tags": ["other tab", "deep"]}
    assert runs.load_labels(good) == expected
    assert by_label(page.text_input, "Author").value == "Ana"
    assert "My best · Decision tree" in texts(page).replace("\\", "")


def test_delete_undo_and_the_run_in_production(two):
    settings, good, other = two
    serving.promote(settings, good.id)
    page = check(open_page(PAGE, run=good.id))
    assert button(page, "Delete").disabled
    assert "This run is in production, so it cannot be deleted" in texts(page).replace("\\", "")
    page = check(open_page(PAGE, run=other.id))
    button(page, "Delete").click().run()
    assert [run.id for run in runs.list_runs(settings)] == [good.id]
    again = check(open_page(PAGE))  # a reload is another session
    assert other.id in texts(again).replace("\\", "")
    button(again, "Undo").click().run()
    check(again)
    assert len(runs.list_runs(settings)) == 2
    assert again.query_params["run"] == other.id
    assert not [b for b in again.button if b.label == "Undo"]


def test_the_last_run_can_be_deleted_and_put_back(trained):
    page = check(open_page(PAGE))
    button(page, "Delete").click().run()
    check(page)
    assert page.button(key="train-default")
    button(page, "Undo").click().run()
    assert len(check(page).dataframe[0].value) == 1


def test_two_runs_side_by_side(two):
    _, good, other = two
    page = check(open_page(PAGE, compare=f"{other.id},{good.id}"))
    found = compare.pair(runs.load_evaluation(other), runs.load_evaluation(good))
    assert compare.describe(found, "A", "B") in [m.value for m in page.markdown]
    assert "**B is better: p < 0.001.**" in texts(page)
    tiles = {m.label: m.value for m in page.metric}
    assert (tiles["B fixes"], tiles["B breaks"]) == (f"{len(found.fixed):,}", f"{len(found.broken):,}")
    pictures = next(e.proto.body for e in page.get("html") if "dc-images" in e.proto.body)
    assert pictures.count("<img") == min(24, len(found.fixed))
    first, evaluations = found.fixed[0], [runs.load_evaluation(run) for run in (other, good)]
    a, b = (e.y_pred[first] for e in evaluations)
    assert f"Test image {first}, a {b}: A says {a}, B says {b}" in pictures
    figures = page.dataframe[1].value
    assert figures["accuracy"].tolist() == pytest.approx([run.metrics["accuracy"] for run in (other, good)])
    assert page.query_params["compare"] == f"{other.id},{good.id}"


def test_a_run_beside_its_twin_is_a_tie(two):
    settings, good, _ = two
    copy(good, runs.folder(settings), OLD)
    page = check(open_page(PAGE, compare=f"{good.id},{OLD}", changed="both wrong"))
    assert "**A tie**" in texts(page)


def test_other_data_is_said_and_not_compared(two):
    settings, good, _ = two
    foreign = copy(good, runs.folder(settings), OLD)
    files.write_json(foreign.path / "config.json", good.config | {"data_sha256": "0" * 64})
    page = check(open_page(PAGE, compare=f"{good.id},{OLD}"))
    assert "they answered different test images" in page.info[0].value.replace("\\", "")
    assert not page.metric
    page = check(open_page(PAGE, run=OLD))
    assert button(page, "Repeat").disabled
    assert "It cannot be repeated here: it learned from" in texts(page).replace("\\", "")


def test_a_damaged_evaluation_is_one_sentence(two):
    _, good, other = two
    (other.path / "evaluation.npz").write_bytes(b"x")
    page = check(open_page(PAGE, compare=f"{good.id},{other.id}"))
    assert "was changed or damaged" in page.error[0].value


def test_unknown_runs_in_the_link_are_said(two):
    _, good, _ = two
    page = check(open_page(PAGE, compare=f"{good.id},{OLD},<b>x"))
    assert f"There is no run '{OLD}' here: the link was made on another server." in texts(page)
    assert [warning.value for warning in page.warning] == ["There is no run '<b>x' here."]
    assert button(page, "Promote to production")


def test_many_runs_side_by_side_have_a_limit(two):
    settings, good, _ = two
    ids = [f"2026010{number}-000000-decision_tree-abcd" for number in range(9)]
    for run_id in ids:
        copy(good, runs.folder(settings), run_id)
    page = check(open_page(PAGE, compare=",".join(ids)))
    assert len(page.dataframe[1].value) == compare.MOST
    assert not page.metric
    page.button(key="choose-none").click().run()
    assert "Tick a run" in texts(check(page))
    assert "compare" not in page.query_params


def test_repeat_starts_the_saved_config_and_tells_what_came_of_it(two, started):
    settings, _, other = two
    page = check(open_page(PAGE, run=other.id))
    button(page, "Repeat").click().run()
    check(page)
    config = jobs.load_job(settings, started[0]).config
    assert config["repeats"] == other.id
    same = ("family", "params", "train_size", "validation", "augmentation", "copies")
    assert {name: config[name] for name in same} == {name: other.config[name] for name in same}
    again = pipeline.train(settings, started[0], config, lambda stage, **fields: None)
    assert again.config == other.config  # what it repeats is no part of what is needed to repeat it
    assert again.card["repeats"]["identical"] is True
    page = check(open_page(PAGE, run=again.id))
    words = f"It repeats {other.id}: every prediction came out byte-identical, on 1,000 test images."
    assert words in texts(page).replace("\\", "")


def test_the_recipe_is_shown(two):
    _, _, other = two
    page = check(open_page(PAGE, run=other.id))
    found = reproduce.recipe(other)
    assert [code.value for code in page.code[:2]] == [found.code.strip(), found.command]


def test_import_takes_a_zip_in_and_says_why_not(two, worse):
    settings, _, other = two
    body = archive.export(other)
    trash.delete(settings, other.id)
    page = check(open_page(PAGE))
    page.file_uploader[0].upload("broken.zip", body[:1000], "application/zip").run()
    assert "not a whole .zip file" in check(page).error[0].value
    page.file_uploader[0].upload("run.zip", body, "application/zip").run()
    check(page)
    assert other.id in [run.id for run in runs.list_runs(settings)]
    assert page.query_params["run"] == other.id
    assert f"Imported {other.id}." in texts(page)


def test_a_visitor_looks_and_changes_nothing(two, monkeypatch):
    settings, good, other = two
    monkeypatch.setattr(access, "_holder", "")
    monkeypatch.setenv("DIGITLAB_PASSWORD", "open sesame")
    page = check(open_page(PAGE, run=other.id))
    for label in ("Delete", "Repeat", "Promote to production", "Save"):
        assert button(page, label).disabled
        button(page, label).proto.disabled = False
        button(page, label).click().run()
        assert "closed to visitors" in texts(check(page))
    assert len(runs.list_runs(settings)) == 2
    assert runs.load_labels(other) == {}
    assert not jobs.list_jobs(settings, "train")
    assert page.file_uploader[0].disabled
    assert "**B is better" in texts(check(open_page(PAGE, compare=f"{other.id},{good.id}")))


def test_a_class_writes_on_its_own_runs(two, monkeypatch):
    _, good, other = two
    monkeypatch.setattr(access, "_holder", "")
    monkeypatch.setenv("DIGITLAB_PASSWORD", "open sesame")
    monkeypatch.setenv("DIGITLAB_ACCESS", "class")
    page = open_page(PAGE, run=other.id)
    assert button(page, "Save").disabled
    assert "In a class everybody writes on the runs of their own browser tab" in texts(check(page))
    page.session_state["my_jobs"] = [other.id]
    by_label(page.run().text_input, "Name").set_value("mine")
    button(page, "Save").click().run()
    assert runs.load_labels(other) == {"name": "mine"}
    assert button(page, "Delete").disabled
    by_label(page.text_input, "Name").set_value("not mine")
    page.session_state["my_jobs"] = [good.id]  # a form that was drawn before is a message that anybody can send
    button(page, "Save").click().run()
    assert "In a class everybody writes" in check(page).error[0].value
    assert runs.load_labels(other) == {"name": "mine"}
