"""Each page under AppTest: with nothing, with one run, with what a visitor chooses."""

import base64
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import (
    api,
    dataset,
    depth,
    download,
    files,
    inference,
    jobs,
    launch,
    metrics,
    pipeline,
    preprocessing,
    runs,
    serving,
)
from core import settings as environment
from tests.conftest import until

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["Home.py", *sorted(f"pages/{p.name}" for p in (ROOT / "pages").glob("*.py"))]


def open_page(name: str, **query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / name), default_timeout=60)
    page.query_params.update(query)
    return page.run()


def check(page: AppTest) -> AppTest:
    assert not page.exception, [e.value for e in page.exception]
    return page


def texts(page: AppTest) -> str:
    parts = (page.markdown, page.caption, page.code, page.info, page.warning, page.error)
    return "\n".join(element.value for group in parts for element in group)


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_any_run(name, empty):
    page = check(open_page(name))
    assert not page.error
    assert "from" in page.caption[0].value  # every page says which data it got


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_with_a_run(name, trained):
    page = check(open_page(name))
    assert not page.error
    assert not page.warning


@pytest.mark.parametrize("name", PAGES)
def test_page_says_why_there_is_no_data(name, empty, monkeypatch):
    monkeypatch.setenv("DIGITLAB_MNIST", "/nowhere/mnist.npz")
    page = check(open_page(name))
    assert [e.value for e in page.error] == [
        "DIGITLAB_MNIST names mnist.npz, but there is no such file. Mend it or unset it."
    ]


@pytest.mark.parametrize("name", PAGES)
def test_page_says_which_setting_is_wrong(name, empty, monkeypatch):
    monkeypatch.setenv("DIGITLAB_MAX_JOBS", "many")
    assert "DIGITLAB_MAX_JOBS is 'many'" in check(open_page(name)).error[0].value


@pytest.mark.parametrize("name", ["Home.py", "pages/2_Metrics.py", "pages/3_Draw.py"])
def test_without_a_run_one_click_trains_the_default(name, empty, started):
    page = open_page(name)
    page.button(key="train-default").click().run()
    check(page)
    train, track = started
    assert jobs.load_job(empty, train).config["params"]["max_depth"] == 10
    assert jobs.load_job(empty, track).kind == "track"
    assert page.button(key="train-default").disabled  # a second click would train it twice


def test_sample_is_unpacked_by_a_job_and_started_once(settings, started, monkeypatch):
    monkeypatch.setenv("DIGITLAB_HOME", str(settings.home))
    for name in PAGES:
        page = check(open_page(name))
        assert "sample is being unpacked" in page.info[0].value
    assert len(started) == 1


def test_pages_say_that_they_have_only_the_sample(settings, started, monkeypatch):
    monkeypatch.setenv("DIGITLAB_HOME", str(settings.home))
    dataset.save_sample(settings)
    download.save_failure(settings, "MNIST could not be downloaded (ConnectionError). Check the network.")
    page = check(open_page("Home.py"))
    assert "4,000 training and 1,000 test images from the bundled sample" in page.caption[0].value
    assert "could not be downloaded" in page.caption[1].value
    assert not started  # remembered for an hour
    page.button(key="download").click().run()
    assert len(started) == 1


def test_train_starts_what_the_sidebar_says(empty, started):
    page = open_page("pages/1_Train.py")
    page.select_slider(key="max_depth").set_value("no limit")
    page.selectbox(key="criterion").set_value("entropy")
    page.number_input(key="max_leaf_nodes").set_value(50)
    page.number_input(key="train_size").set_value(500)
    page.run()
    page.button(key="train").click().run()
    check(page)
    config = jobs.load_job(empty, started[0]).config
    assert config["train_size"] == 500
    assert config["params"] == {
        "max_depth": None,
        "criterion": "entropy",
        "min_samples_split": 2,
        "min_samples_leaf": 1,
        "max_leaf_nodes": 50,
        "ccp_alpha": 0.0,
        "max_features": None,
        "class_weight": None,
        "random_state": 42,
    }


def test_train_takes_its_parameters_from_the_link(empty):
    page = check(open_page("pages/1_Train.py", max_depth="3", criterion="log_loss", max_leaf_nodes="7"))
    assert page.select_slider(key="max_depth").value == "3"
    assert page.selectbox(key="criterion").value == "log_loss"
    assert page.number_input(key="max_leaf_nodes").value == 7


def test_of_a_long_queue_the_next_and_the_rest_as_a_number(empty):
    for _ in range(6):
        launch.submit(empty, pipeline.make_config("decision_tree", {}, None, "none"))
    page = check(open_page("pages/1_Train.py"))
    assert len([b for b in page.button if b.key.startswith("cancel-")]) == 3
    assert "and 3 more wait for their turn" in texts(page)


def test_what_cannot_fit_is_refused_before_the_click(empty, monkeypatch):
    monkeypatch.setenv("DIGITLAB_MEMORY_MB", "300")
    page = check(open_page("pages/1_Train.py"))
    assert page.button(key="train").disabled
    assert "300 MB" in texts(page)


def test_second_click_queues_and_cancel_stops(empty, started):
    page = open_page("pages/1_Train.py")
    page.button(key="train").click().run()
    page.button(key="train").click().run()
    check(page)
    first, second = [job.id for job in jobs.list_jobs(empty, "train")][::-1]
    assert first != second
    page.button(key=f"cancel-{second}").click().run()
    check(page)
    assert jobs.load_job(empty, second).state != "running"
    assert (jobs.folder(empty, second) / "cancel").exists()
    assert not (jobs.folder(empty, first) / "cancel").exists()


def test_failed_job_shows_its_last_words(empty):
    run_id = launch.submit(empty, pipeline.make_config("decision_tree", {}, None, "none"))
    folder = jobs.folder(empty, run_id)
    (folder / "events.jsonl").write_text('{"t": 1, "stage": "fit"}\n')
    (folder / "log.txt").write_text("Killed by the moon\n")
    (folder / "process.json").write_text('{"pid": 999999999, "created": 0}')
    page = check(open_page("pages/1_Train.py"))
    assert "Killed by the moon" in texts(page)
    assert not runs.list_runs(empty)


def test_metrics_shows_the_evaluation_that_was_saved(trained):
    run = runs.list_runs(trained)[0]
    page = check(open_page("pages/2_Metrics.py", view="Digits"))
    evaluation = runs.load_evaluation(run)
    tiles = {m.label: m.value for m in page.metric}
    assert tiles["Accuracy"] == f"{metrics.accuracy(evaluation.confusion_matrix):.4f}"
    shown = page.dataframe[0].value
    assert np.allclose(shown["f1"], metrics.report(evaluation)["f1"])
    assert shown["support"].iloc[:10].sum() == len(evaluation.y_true)


def test_metrics_marks_digits_that_are_never_answered(empty, tmp_path):
    run = pipeline.train(
        empty,
        jobs.new_id("decision_tree"),
        pipeline.make_config("decision_tree", {"max_depth": 1}, None, "none"),
        _mute,
    )
    page = check(open_page("pages/2_Metrics.py", run=run.id, view="Digits"))
    assert "The model never answers" in page.warning[0].value
    frame = page.dataframe[0].value
    never = frame[frame["note"] == "never predicted"]
    assert len(never) == 8  # two leaves give two answers
    assert (never["precision"] == 1).all()
    assert (never["recall"] == 0).all()


def test_unknown_run_in_the_link_is_said(trained):
    page = check(open_page("pages/2_Metrics.py", run="20200101-000000-decision_tree-0000"))
    assert "There is no run '20200101-000000-decision_tree-0000' here" in texts(page)
    assert page.metric


def test_damaged_run_is_refused_with_the_reason(empty):
    run = pipeline.train(
        empty,
        jobs.new_id("decision_tree"),
        pipeline.make_config("decision_tree", {"max_depth": 2}, None, "none"),
        _mute,
    )
    (run.path / "evaluation.npz").write_bytes(b"something else")
    page = check(open_page("pages/2_Metrics.py", run=run.id))
    assert "it was changed or damaged" in page.error[0].value


def test_draw_answers_as_classify_does(trained):
    run = runs.list_runs(trained)[0]
    page = open_page("pages/3_Draw.py")
    assert "Draw a digit from 0 to 9" in _html(page)
    drawing = np.zeros((280, 280, 4), np.uint8)
    drawing[..., 3] = 255
    drawing[40:240, 130:150, :3] = 255  # a one
    page.session_state["canvas"] = {"drawing": {"raw": {"objects": [{}]}, "data": _data_url(drawing)}}
    page.run()
    check(page)
    expected = inference.classify(inference.load_session(run), preprocessing.from_rgba(drawing))
    assert f"<b>{expected.label}</b>" in _html(page)


def test_draw_says_when_only_paper_arrives(trained):
    page = open_page("pages/3_Draw.py")
    paper = np.zeros((280, 280, 4), np.uint8)
    paper[..., 3] = 255
    page.session_state["canvas"] = {"drawing": {"raw": {"objects": [{}]}, "data": _data_url(paper)}}
    page.run()
    assert "There is no ink in this picture" in _html(check(page))


def _mute(stage, **fields):
    pass


def _html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def _data_url(pixels: np.ndarray) -> str:
    body = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(body, "PNG")
    return "data:image/png;base64," + base64.b64encode(body.getvalue()).decode()


def test_promote_and_roll_back(empty, trained_home):
    (run,) = runs.list_runs(environment.Settings(home=trained_home))
    for run_id in ("20260101-000000-decision_tree-abcd", "20260102-000000-decision_tree-abcd"):
        shutil.copytree(run.path, runs.folder(empty) / run_id)
        files.write_json(runs.folder(empty) / run_id / "card.json", run.card | {"id": run_id})
    page = check(open_page("pages/4_Runs.py"))
    assert any("the newest run, as none is promoted" in m.value for m in page.markdown)
    page.button(key="promote").click().run()
    assert any("promoted to production" in m.value for m in check(page).markdown)
    assert page.button(key="promote").disabled
    assert page.button(key="roll-back").disabled
    serving.promote(empty, "20260101-000000-decision_tree-abcd")
    page.run()
    assert not page.button(key="roll-back").disabled
    page.button(key="roll-back").click().run()
    assert serving.choose(empty).run.id == "20260102-000000-decision_tree-abcd"
    assert check(open_page("pages/3_Draw.py")).selectbox[0].value == "20260102-000000-decision_tree-abcd"


def test_runs_tells_the_connection_and_never_the_key(trained, started, monkeypatch):
    page = check(open_page("pages/4_Runs.py"))
    assert "Not connected: set WANDB_API_KEY" in texts(page)
    assert page.button(key="wandb-test").disabled
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    page = check(open_page("pages/4_Runs.py"))
    assert "A key is configured; it was not tried yet." in texts(page)
    assert "k" * 40 not in str(page.main) + str(page.sidebar)
    page.button(key="wandb-test").click().run()
    page.button(key="promote").click().run()
    begun = [jobs.load_job(trained, job_id).config for job_id in started]
    assert begun == [{"exchange": True}, {"test": True}]  # it looked when the page came; promoting joins that look
    assert "A key is configured" in texts(check(open_page("pages/1_Train.py")))


def test_a_version_that_is_only_on_wandb_is_offered(trained, started, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    metadata = {"run_id": "20260101-000000-decision_tree-abcd", "metrics": {"accuracy": 0.9}}
    entry = {"version": "v7", "digest": "d", "aliases": ["production"], "metadata": metadata, "url": ""}
    files.write_json(trained.home / "wandb" / "versions.json", [entry])
    page = check(open_page("pages/4_Runs.py"))
    page.button(key="fetch").click().run()
    check(page)
    assert {"restore": "v7"} in [jobs.load_job(trained, job_id).config for job_id in started]


def test_draw_shows_how_to_ask_from_a_program(trained):
    page = check(open_page("pages/3_Draw.py"))
    assert [tab.label for tab in page.tabs] == ["curl", "Python", "JavaScript"]
    shown = [code.value for code in page.code]
    assert shown == list(api.snippets("http://localhost:8501").values())


def test_another_family_has_its_own_parameters_and_curve(empty):
    page = check(open_page("pages/1_Train.py", model="Neural network", mlp_epochs="3"))
    assert page.number_input(key="mlp_epochs").value == 3
    page.number_input(key="mlp_hidden").set_value(16).run()
    check(page)
    page.button(key="train").click().run()
    (job,) = jobs.list_jobs(empty, "train")
    assert (job.config["family"], job.config["params"]["hidden"], job.config["params"]["epochs"]) == ("mlp", 16, 3)
    until(lambda: not jobs.load_job(empty, job.id).live, what="the training")
    page = check(open_page("pages/2_Metrics.py", run=job.id, view="Inside"))
    assert "How it learned" in [heading.value for heading in page.subheader]


def test_metrics_cuts_the_tree_at_the_depth_that_is_chosen(trained, started):
    run = runs.list_runs(trained)[0]
    study = depth.of_run(run, dataset.load(trained))
    page = check(open_page("pages/2_Metrics.py", run=run.id, view="Depth", depth="3"))
    assert page.slider(key="depth").value == 3
    assert page.metric[-4].value == f"{metrics.accuracy(study.test[2]):.4f}"
    page.slider(key="depth").set_value(10).run()
    assert check(page).metric[-4].value == page.metric[0].value  # the whole tree is the run
    assert depth.describe(study) in texts(page)
    page.button(key="study-depth").click().run()
    check(page)
    (job_id,) = started
    assert jobs.load_job(trained, job_id).config["run"] == run.id
    assert "study-depth" not in [b.key for b in page.button]
    assert page.button(key=f"cancel-{job_id}")


def test_the_study_reaches_beyond_the_run_and_marks_the_depth(trained, started):
    run = runs.list_runs(trained)[0]
    grown = pipeline.train(
        trained,
        jobs.new_id("decision_tree"),
        pipeline.make_config("decision_tree", {"max_depth": None}, None, "none"),
        _mute,
    )
    digits = dataset.load(trained)
    learned, held = depth.hold_out(np.arange(4000), digits.y_train, depth.HELD, 42)
    study = depth.measure(depth.load_tree(grown), run.config["params"], digits, learned, held, grown=True)
    depth.save(run, study)
    page = check(open_page("pages/2_Metrics.py", run=run.id, view="Depth"))
    assert (page.slider(key="depth").value, page.slider(key="depth").max) == (depth.best_depth(study), study.depth)
    assert depth.describe(study) in texts(page)
    assert "study-depth" not in [b.key for b in page.button]
    assert f"Depth {depth.best_depth(study)} is enough" not in texts(check(open_page("pages/1_Train.py")))


def test_train_shows_the_newest_tree_at_every_depth(trained):
    page = check(open_page("pages/1_Train.py"))
    assert "With all its 10 questions" in texts(page)
    assert page.button(key="depths").label == "Try every depth"


def test_a_visitor_sees_every_depth_but_may_not_start_the_study(trained, monkeypatch):
    monkeypatch.setenv("DIGITLAB_PASSWORD", "a long enough password")
    page = check(open_page("pages/2_Metrics.py", view="Depth"))
    assert page.slider(key="depth").value == 10
    assert "study-depth" not in [b.key for b in page.button]
    assert "Unlock it in the side bar" in texts(page)


def test_other_data_than_the_run_learned_from_is_said(trained, slow_npz, monkeypatch):
    monkeypatch.setenv("DIGITLAB_MNIST", str(slow_npz))
    page = check(open_page("pages/2_Metrics.py", view="Depth"))
    assert "but the server has" in texts(page)
    assert not page.slider
