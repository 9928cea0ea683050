"""The pages of a server with a password: what a visitor sees, what a click does, what unlocks it."""

import socket
from pathlib import Path

import pytest
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from core import access, files, jobs, launch, pipeline, runs, serving
from core import settings as environment
from tests.test_pages import PAGES, check, open_page, texts

PASSWORD = "open sesame"


@pytest.fixture(autouse=True)
def closed(monkeypatch):
    monkeypatch.setattr(access, "_limiter", MovingWindowRateLimiter(MemoryStorage()))
    monkeypatch.setattr(access, "_holder", "")
    monkeypatch.setenv("DIGITLAB_PASSWORD", PASSWORD)


def unlock(page, password=PASSWORD):
    page.text_input(key="password").set_value(password)
    return page.button(key="unlock").click().run()


def force(page, key):
    """Click a button that is closed: a browser would not, a forged message does."""
    button = page.button(key=key)
    assert button.disabled
    button.proto.disabled = False
    return button.click().run()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_to_a_visitor(name, trained):
    page = check(open_page(name))
    assert not page.error
    assert PASSWORD not in str(page)


def test_a_visitor_cannot_train_even_by_a_forged_click(empty, started):
    page = check(open_page("pages/1_Train.py"))
    assert "Training is closed to visitors. Unlock it in the side bar" in texts(page)
    force(page, "train")
    assert not started
    force(open_page("pages/2_Metrics.py"), "train-default")
    assert not started


def test_a_visitor_can_neither_promote_nor_change_data_nor_see_settings(trained, started):
    page = check(open_page("pages/4_Runs.py"))
    force(page, "promote")
    assert "Promoting is closed to visitors" in texts(page)
    assert serving.current(trained) is None
    assert not page.table
    assert "Project" not in texts(page)
    home = check(open_page("Home.py"))
    assert not home.file_uploader or home.file_uploader[0].disabled


def test_the_password_opens_one_tab(trained, started):
    page = unlock(open_page("pages/4_Runs.py"))
    check(page)
    assert not page.button(key="promote").disabled
    page.button(key="promote").click().run()
    assert serving.current(trained)["run"] == runs.list_runs(trained)[0].id
    page.button(key="lock").click().run()
    assert page.button(key="roll-back").disabled
    assert access._holder == ""


def test_what_was_drawn_for_the_host_is_closed_once_another_tab_is_unlocked(trained, started, monkeypatch):
    page = unlock(open_page("pages/4_Runs.py"))
    button = page.button(key="promote")
    monkeypatch.setattr(access, "_holder", "another tab")
    button.click().run()
    assert page.error[0].value.startswith("Promoting is closed to visitors.")
    assert serving.current(trained) is None


def test_a_wrong_password_is_told_and_counted(empty):
    page = open_page("pages/1_Train.py")
    for _ in range(5):
        page = unlock(page, "open barley")
        assert "That is not the password" in page.error[0].value
    page = unlock(page)
    assert page.error[0].value == "Too many wrong passwords. Try again in a quarter of an hour."
    assert page.button(key="train").disabled


@pytest.fixture
def in_class(monkeypatch):
    monkeypatch.setenv("DIGITLAB_ACCESS", "class")


def test_a_class_trains_within_limits_and_under_a_name(empty, started, in_class):
    page = check(open_page("pages/1_Train.py"))
    page.button(key="train").click().run()
    assert page.error[0].value.startswith("Give your name first")
    assert not started
    page.text_input(key="author").set_value("  Ana\n María ").run()
    for _ in range(2):
        page.button(key="train").click().run()
        check(page)
        assert not page.error
    page.button(key="train").click().run()
    assert page.error[0].value == "2 trainings of yours run or wait already. Try again when one has ended."
    mine = jobs.list_jobs(empty, "train")
    assert [job.config["author"] for job in mine] == ["Ana María"] * 2
    page.button(key=f"cancel-{mine[0].id}").click().run()
    assert (jobs.folder(empty, mine[0].id) / "cancel").exists()


def test_a_class_cannot_stop_what_others_started(empty, started, in_class):
    other = launch.start(empty, pipeline.make_config("decision_tree", {}, None, "none"), "Bruno")
    page = check(open_page("pages/1_Train.py"))
    assert "Bruno" in texts(page)
    assert f"cancel-{other}" not in {button.key for button in page.button}


def test_a_class_changes_nothing_else(trained, started, in_class):
    page = check(open_page("pages/4_Runs.py"))
    assert page.button(key="promote").disabled
    assert not page.table


@pytest.mark.parametrize(
    ("rows", "mine", "author", "sentence"),
    [
        (20_001, 0, "Ana", "at most 20,000 images, not 20,001"),
        (20_000, 2, "Ana", "2 trainings of yours run or wait"),
        (20_000, 0, " \t", "Give your name first"),
    ],
)
def test_limits_of_a_class(rows, mine, author, sentence):
    config = pipeline.make_config("decision_tree", {}, None, "none")
    running = [jobs.Job("a", "train", "queued", {}, [], 0.0, "")] * mine
    with pytest.raises(Exception, match=sentence):
        launch.check_class(config, rows, running, author)
    launch.check_class(config, 20_000, running[:1], "Ana")


def test_no_page_names_a_folder_or_the_machine(trained, started, monkeypatch):
    run_id = launch.submit(environment.load(), pipeline.make_config("decision_tree", {}, None, "none"))
    folder = jobs.folder(trained, run_id)
    (folder / "events.jsonl").write_text('{"t": 1, "stage": "fit"}\n')
    words = f"OSError: {trained.home}/runs on {socket.gethostname()}\n{environment.ROOT}/core/x.py line 1\n"
    (folder / "log.txt").write_text(words)
    files.write_json(folder / "process.json", {"pid": 999999999, "created": 0})
    visitor = open_page("pages/1_Train.py")
    assert "without a word" in texts(visitor)
    assert "OSError" not in texts(visitor)
    host = unlock(open_page("pages/1_Train.py"))
    assert "OSError: DIGITLAB_HOME/runs on this machine" in texts(host)
    assert "the app's folder/core/x.py" in texts(host)
    monkeypatch.setenv("DIGITLAB_MNIST", str(trained.home / "nowhere" / "mnist.npz"))
    shown = "".join(texts(open_page(name)) for name in PAGES)
    assert "there is no such file" in shown
    for text in (shown, texts(visitor), texts(host)):
        for secret in (str(trained.home), str(environment.ROOT), str(Path.home())):
            assert secret not in text
