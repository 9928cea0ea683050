"""The real client of wandb against a stand-in: what is called synced is on the server, and every fault is told."""

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from core import files, inference, jobs, launch, mydigits, pipeline, refusal, runs, serving, tracking
from core.errors import RunError
from core.refusal import calibration
from core.settings import Settings
from core.ui import verdict
from tests import wandb_server
from tests.conftest import ROOT, free_port, until


@pytest.fixture(scope="module")
def logged_home(tmp_path_factory, trained_home, tiny_npz):
    """A home with one run, logged offline."""
    home = tmp_path_factory.mktemp("logged") / "home"
    shutil.copytree(trained_home, home)
    settings = Settings(home=home, mnist=tiny_npz)
    (run,) = runs.list_runs(settings)
    done = core(settings, "track", "--offline", run.id)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def server():
    """One stand-in for all the tests of this file; each begins with an empty one."""
    with wandb_server.running() as running:
        yield running


@pytest.fixture
def lab(logged_home, tmp_path, tiny_npz, server) -> Settings:
    """A copy of the logged home, connected to the empty stand-in."""
    shutil.copytree(logged_home, tmp_path / "home", dirs_exist_ok=True)
    server.forget()
    home = tmp_path / "home"
    return Settings(home=home, mnist=tiny_npz, wandb_api_key=wandb_server.KEY, wandb_base_url=server.url)


def core(settings: Settings, *words: str) -> subprocess.CompletedProcess:
    env = settings.child_environment(["WANDB_API_KEY"])
    return subprocess.run(
        [sys.executable, "-m", "core", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def only(settings) -> runs.Run:
    (run,) = runs.list_runs(settings)
    return run


def sync(settings) -> dict:
    core(settings, "track", "--sync")
    return tracking.load_state(only(settings))


def on_server(server, digest: str) -> bool:
    return any(version["digest"] == digest for version in server.versions())


def test_a_run_is_synced_and_proven(lab, server):
    state = sync(lab)
    assert state["state"] == "synced", state
    (version,) = server.versions()
    assert version["digest"] == state["artifact"]["digest"]
    assert (state["version"], state["entity"]) == ("v0", "team")
    assert set(version["files"]) == {*only(lab).card["files"], "card.json"}
    for name, path in version["files"].items():
        assert server.blobs[path] == (only(lab).path / name).read_bytes()
    assert version["names"] == ["latest"]
    assert state["url"].startswith(server.url)
    train = next(run for run in server.runs.values() if run["jobType"] == "train")
    summary = json.loads(train["summaryMetrics"])
    assert summary["Acc"] == pytest.approx(only(lab).metrics["accuracy"])
    assert train["group"] == only(lab).id
    assert sync(lab)["state"] == "synced"  # and nothing is sent twice
    assert len(server.versions()) == 1


def test_two_runs_keep_their_order(lab, server):
    older = only(lab)
    config = pipeline.make_config("decision_tree", {"max_depth": 3}, None, "none")
    newer = pipeline.train(lab, jobs.new_id("decision_tree"), config, lambda stage, **fields: None)
    assert core(lab, "track", "--offline", newer.id).returncode == 0
    done = core(lab, "track", "--sync")
    assert (done.returncode, done.stdout) == (0, "")
    assert [json.loads(v["metadata"])["run_id"] for v in server.versions()] == [older.id, newer.id]
    assert server.versions()[-1]["names"] == ["latest"]


def test_the_tracking_job_logs_syncs_and_proves(lab, server):
    config = pipeline.make_config("decision_tree", {"max_depth": 2}, None, "none")
    run_id = launch.start(lab, config)

    def synced():
        found = {run.id: run for run in runs.list_runs(lab)}
        return run_id in found and tracking.load_state(found[run_id])["state"] == "synced"

    until(synced, what="the job's sync")
    assert len(server.versions()) == 2  # the one that waited went first
    assert json.loads(server.versions()[-1]["metadata"])["run_id"] == run_id


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (lambda path, operation: 401 if path == "/graphql" else None, "refused the key (401)"),
        (lambda path, operation: 403 if path == "/graphql" else None, "refused the key (403)"),
        (lambda path, operation: 500 if path == "/graphql" else None, "is out of order (HTTP 500)"),
        (lambda path, operation: "hang", "no answer in time"),
        (lambda path, operation: 403 if path.startswith("/blob/files") else None, "does not have the model"),
        (lambda path, operation: 404 if path.startswith("/blob/manifest") else None, "does not have the model"),
    ],
    ids=["401", "403", "500", "black hole", "file refused", "manifest refused"],
)
def test_faults_leave_the_run_whole_and_the_state_true(lab, server, fault, sentence):
    server.fault = fault
    state = sync(lab)
    assert state["state"] == "failed"
    assert sentence in state["message"]
    assert not on_server(server, state["artifact"]["digest"])
    assert state["next_try"] > time.time() + 30
    for name in only(lab).card["files"]:
        runs.verified(only(lab), name)
    assert wandb_server.KEY not in json.dumps(state)

    server.forget()  # all is well again
    core(lab, "track", "--due")
    assert tracking.load_state(only(lab))["state"] == "failed"  # not before its time
    assert sync(lab)["state"] == "synced"


def test_server_that_dies_midway(lab, server):
    """It takes the key and the run, then never answers again while the files are on their way."""
    server.fault = lambda path, operation: "hang" if path.startswith("/blob") else None
    hasty = (
        "from core import settings\n"
        "from core.tracking import sync\n"
        "sync.FOLDER_SECONDS = 5.0\n"
        "sync.sync_all(settings.load(), force=True)\n"
    )
    env = lab.child_environment(["WANDB_API_KEY"])
    subprocess.run([sys.executable, "-c", hasty], cwd=ROOT, env=env, check=True)
    state = tracking.load_state(only(lab))
    assert (state["state"], state["message"]) == ("failed", "W&B did not take the run within 5 s.")
    left = [p for p in psutil.process_iter(["cmdline"]) if str(lab.home) in " ".join(p.info["cmdline"] or ())]
    assert left == []  # no wandb-core goes on by itself
    server.forget()
    assert sync(lab)["state"] == "synced"


def test_refused_and_unknown(lab):
    refused = sync(replace(lab, wandb_base_url=f"http://127.0.0.1:{free_port()}"))
    assert "connection refused" in refused["message"]
    unknown = sync(replace(lab, wandb_base_url="http://no.such.host.invalid"))
    assert "its name is not known here" in unknown["message"]


def test_wrong_entity(lab):
    state = sync(replace(lab, wandb_entity="strangers"))
    assert state["state"] == "failed"
    assert state["message"] == "WANDB_ENTITY is 'strangers', but this key belongs to team. Set one of these."


def test_logged_folder_is_gone(lab):
    shutil.rmtree(lab.home / "wandb")
    state = sync(lab)
    assert (state["state"], "What was logged is gone" in state["message"]) == ("failed", True)


def test_waiting_grows(lab):
    run, waits = only(lab), []
    for _ in range(8):
        state = tracking.fail(lab, run, tracking.load_state(run), "It rains.")
        waits.append(round(state["next_try"] - state["when"]))
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_due_sync_keeps_to_the_waiting_time(lab, server):
    run = only(lab)
    tracking.fail(lab, run, tracking.load_state(run), "It rained.")
    job_id = launch.start_tracking(lab, {"due": True})
    until(lambda: not jobs.load_job(lab, job_id).live, what="the sync of what is due")
    assert tracking.load_state(run)["message"] == "It rained."
    assert server.versions() == []
    job_id = launch.start_tracking(lab, {"sync": True})
    until(lambda: not jobs.load_job(lab, job_id).live, what="the sync of all")
    assert tracking.load_state(run)["state"] == "synced"


def test_what_a_killed_sync_left_is_told_and_tried_again(lab, server):
    run = only(lab)
    files.write_json(run.path / "tracking.json", tracking.load_state(run) | {"state": "syncing"})
    tracking.interrupted(lab, "W&B did not finish.")
    assert tracking.load_state(run)["state"] == "failed"
    assert sync(lab)["state"] == "synced"


def test_key_from_netrc(lab, server, tmp_path):
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login user password {wandb_server.KEY}\n")
    settings = replace(lab, wandb_api_key="", netrc=tmp_path / "netrc")
    assert tracking.find_key(settings) == wandb_server.KEY
    assert sync(settings)["state"] == "synced"


def test_connection(lab, server):
    assert tracking.load_connection(replace(lab, wandb_api_key=""))["message"].startswith(
        "Not connected: set WANDB_API_KEY"
    )
    assert tracking.load_connection(lab)["ok"] is None
    done = core(lab, "track", "--test")
    assert (done.returncode, done.stdout) == (0, "Connected as team.\n")
    assert tracking.load_connection(lab)["ok"] is True


def test_connection_is_told_in_time_whatever_the_network_does(lab):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = replace(lab, wandb_base_url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        done = core(settings, "track", "--test")
    assert done.returncode == 1
    assert "no answer in time" in done.stdout
    assert tracking.load_connection(settings)["ok"] is False


def test_key_is_in_no_file(lab, server):
    sync(lab)
    core(lab, "track", "--test")
    for path in lab.home.rglob("*"):
        assert path.is_dir() or wandb_server.KEY.encode() not in path.read_bytes(), path


def test_key_is_in_no_command_line(lab, server):
    env = lab.child_environment(["WANDB_API_KEY"])
    child = subprocess.Popen([sys.executable, "-m", "core", "track", "--sync"], cwd=ROOT, env=env)
    lines = set()
    while child.poll() is None:
        for process in psutil.process_iter(["cmdline"]):
            lines.add(" ".join(process.info["cmdline"] or ()))
    assert any("wandb sync" in line for line in lines)  # it was watched while it worked
    assert not any(wandb_server.KEY in line for line in lines)


ALONE = """
import subprocess, sys
from dataclasses import replace
from core import runs, settings, tracking
from tests import wandb_server
with wandb_server.running() as server:
    found = replace(settings.load(), wandb_api_key=wandb_server.KEY, wandb_base_url=server.url)
    env = found.child_environment(["WANDB_API_KEY"])
    subprocess.run([sys.executable, "-m", "core", "track", "--sync"], env=env)
    print(tracking.load_state(runs.list_runs(found)[0])["state"])
"""


def test_nothing_but_loopback_is_needed(lab):
    """In a network namespace of its own there is nowhere else to send anything, and nothing is missed."""
    up = 'ip link set lo up 2>/dev/null || ifconfig lo up; exec "$0" "$@"'
    alone = ["unshare", "-n", "sh", "-c", up, sys.executable, "-c"]
    probe = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname(), 2)"
    try:
        possible = subprocess.run([*alone, probe], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        possible = False
    if not possible:
        pytest.skip("this user may not make a network namespace with a loopback")
    env = lab.child_environment()
    done = subprocess.run([*alone, ALONE], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["synced"], done.stderr


def test_default_address_is_that_of_the_installed_wandb():
    code = "import wandb; print(wandb.Settings().base_url)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == tracking.DEFAULT_URL


@pytest.fixture
def empty(lab, server, tmp_path) -> Settings:
    """A second machine: nothing on its disk, the first one's run on the server."""
    assert sync(lab)["state"] == "synced"
    return replace(lab, home=tmp_path / "second")


def test_a_fresh_server_restores_the_same_bytes(lab, empty, server):
    done = core(empty, "track", "--restore")
    assert done.returncode == 0, done.stdout + done.stderr
    ours, theirs = only(lab), only(empty)
    assert theirs.id == ours.id
    for name in [*ours.card["files"], "card.json"]:
        assert (theirs.path / name).read_bytes() == (ours.path / name).read_bytes()
    assert serving.choose(empty).run.id == ours.id
    state = tracking.load_state(theirs)
    assert (state["state"], state["version"]) == ("synced", "v0")
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:15] = 255
    assert inference.classify(inference.load_session(theirs), image).proba.sum() == pytest.approx(1, abs=1e-5)


def calibrate(run: runs.Run) -> refusal.Calibration:
    """Keep a calibration beside a run: its own sets, and a judge of chance."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in ((588, 4), (4,), (4, 15), (15,))]
    judge = refusal.Judge(*weights, threshold=-1.0, n=500, refused=np.zeros(2), caught=np.zeros(5))
    calibration.save(run, calibration.of_run(run, judge))
    found = refusal.load(run)
    assert found is not None
    return found


def test_a_calibration_follows_its_run_and_comes_back_with_it(lab, server, tmp_path):
    run, name = only(lab), f"calibration-{only(lab).id}"
    assert sync(lab)["state"] == "synced"
    assert tracking.unlogged(lab) == []
    made = calibrate(run)
    assert tracking.unlogged(lab) == [run]
    server.fault = lambda path, operation: 403 if path.endswith("calibration.npz") else None
    state = sync(lab)
    assert (state["state"], "does not have the calibration" in state["message"]) == ("failed", True)
    server.fault = lambda path, operation: None
    assert sync(lab)["state"] == "synced"
    assert (len(server.versions()), len(server.versions(name))) == (1, 1)  # the run itself went only once
    assert tracking.unlogged(lab) == []

    small = replace(lab, home=tmp_path / "small", memory_mb=512)
    assert core(small, "track", "--restore").returncode == 0
    there = only(small)
    assert (there.path / runs.CALIBRATION).read_bytes() == (run.path / runs.CALIBRATION).read_bytes()
    found = refusal.load(there)
    assert refusal.fits(small, there)
    assert (found.judge.first == made.judge.first).all()
    assert not refusal.verdict(found, np.zeros((28, 28), np.uint8), np.eye(10)[3]).is_digit
    assert tracking.unlogged(small) == []  # what came from there is not sent there again

    server.fault = lambda path, operation: "corrupt" if path.endswith("calibration.npz") else None
    other = replace(small, home=tmp_path / "other")
    assert core(other, "track", "--restore").returncode == 0
    assert refusal.load(only(other)) is None  # damaged on its way: the run is here without it, and says so
    assert not refusal.fits(other, only(other))
    assert "came without a calibration" in verdict.missing(other, only(other))


def test_who_serves_is_logged_once_a_version(empty, server):
    for _ in range(2):
        assert core(empty, "track", "--restore").returncode == 0
    assert [server.runs[run]["jobType"] for run, _ in server.used] == ["api"]
    assert server.used[0][1] == server.versions()[0]["id"]


def test_the_job_restores(empty):
    job_id = launch.start_tracking(empty, {"restore": ""})
    until(lambda: not jobs.load_job(empty, job_id).live, what="the restore")
    assert jobs.load_job(empty, job_id).state == "done", jobs.load_job(empty, job_id).message
    assert only(empty)


@pytest.mark.parametrize("name", ["model.onnx", "model.joblib", "card.json"])
def test_corrupted_artifact_is_refused_and_leaves_nothing(empty, server, name):
    server.fault = lambda path, operation: "corrupt" if path.endswith(name) else None
    done = core(empty, "track", "--restore")
    assert done.returncode == 1
    assert "came damaged" in done.stderr
    assert runs.list_runs(empty) == []
    assert [p.name for p in (empty.home / "wandb").glob("fetch-*")] == []


def republish(server, **card) -> None:
    """Publish the same run once more with another card, as a foreign or newer client might."""
    (version,) = server.versions()
    path = version["files"]["card.json"]
    body = json.dumps(json.loads(server.blobs[path]) | card).encode()
    server.blobs[path] = body
    manifest = f"/blob/manifest/{server.artifacts.index(version)}"
    contents = json.loads(server.blobs[manifest])
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    contents["contents"]["card.json"] |= {"digest": digest, "size": len(body)}
    server.blobs[manifest] = json.dumps(contents).encode()


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ({"format": 99}, "has format 99"),
        ({"id": "../../etc"}, "This is not a run of Digit Lab"),
        ({"files": {"model.onnx": {"sha256": "0", "bytes": 1}}}, "is not whole"),
    ],
    ids=["newer format", "foreign", "other files"],
)
def test_foreign_artifacts_are_refused_and_the_last_good_one_goes_on(empty, server, trained_home, card, sentence):
    republish(server, **card)
    done = core(empty, "track", "--restore")
    assert done.returncode == 1, done.stdout
    # The digest of the whole artifact no longer fits either; whichever proof comes first, it is refused.
    assert sentence in done.stderr or "came damaged" in done.stderr
    assert runs.list_runs(empty) == []


@pytest.mark.parametrize(("card", "sentence"), [({"format": 99}, "has format 99"), ({"id": "../x"}, "not a run")])
def test_adopt_refuses_by_itself(lab, tmp_path, card, sentence):
    copy = tmp_path / "copy"
    shutil.copytree(only(lab).path, copy, ignore=shutil.ignore_patterns("tracking.json"))
    files.write_json(copy / "card.json", only(lab).card | card)
    with pytest.raises(RunError, match=sentence):
        runs.adopt(replace(lab, home=tmp_path / "elsewhere"), copy)


@pytest.mark.parametrize("name", ["model.onnx", "extra.txt"])
def test_adopt_wants_exactly_what_the_card_names(lab, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(only(lab).path, copy, ignore=shutil.ignore_patterns("tracking.json"))
    (copy / name).write_bytes(b"other")
    with pytest.raises(RunError, match=r"is not whole|was changed or damaged"):
        runs.adopt(replace(lab, home=tmp_path / "elsewhere"), copy)
    assert not (tmp_path / "elsewhere").exists()


def test_missing_version(empty):
    done = core(empty, "track", "--restore", "v9")
    assert (done.returncode, done.stderr.strip()) == (1, "W&B has no model_export:v9 in team/proj_mnist.")


def test_a_run_of_a_link_is_fetched_by_its_id(lab, empty):
    wanted = only(lab).id
    job_id = launch.start_tracking(empty, {"restore": wanted})
    until(lambda: not jobs.load_job(empty, job_id).live, what="the restore")
    assert jobs.load_job(empty, job_id).state == "done", jobs.load_job(empty, job_id).message
    assert only(empty).id == wanted
    other = wanted[:-4] + "ffff"
    done = core(empty, "track", "--restore", other)
    assert (done.returncode, done.stderr.strip()) == (1, f"W&B has no run {other} in team/proj_mnist.")


def promote(settings, run, at=None):
    serving.promote(settings, run.id, at)
    done = core(settings, "track", "--exchange")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_promotions_travel_and_the_later_one_wins(lab, empty, server):
    first = only(lab)
    config = pipeline.make_config("decision_tree", {"max_depth": 3}, None, "none")
    second = pipeline.train(lab, jobs.new_id("decision_tree"), config, lambda stage, **fields: None)
    core(lab, "track", "--offline", second.id)
    core(lab, "track", second.id, "--sync")
    assert (tracking.load_state(first)["state"], tracking.load_state(second)["state"]) == ("synced", "synced")

    assert promote(lab, first, 1000.0) == "v0 is promoted on W&B too."
    assert [v["names"] for v in server.versions()] == [["production"], ["latest"]]
    assert tracking.list_elsewhere(lab) == []
    assert core(empty, "track", "--exchange").stdout.strip() == "v0 was promoted elsewhere, and serves here now."
    assert [v.version for v in tracking.list_elsewhere(empty)] == ["v1"]
    assert serving.choose(empty).run.id == first.id

    assert core(empty, "track", "--restore", "v1").returncode == 0  # an older or newer version, on demand
    assert promote(empty, second, 2000.0) == "v1 is promoted on W&B too."
    assert [v["names"] for v in server.versions()] == [[], ["latest", "production"]]

    # Promoted here without a network, but earlier than there: theirs wins.
    serving.promote(lab, first.id, 1500.0)
    assert core(lab, "track", "--exchange").stdout.strip() == "v1 was promoted elsewhere, and serves here now."
    assert serving.choose(lab).run.id == second.id
    assert core(lab, "track", "--exchange").stdout.strip() == "The same run is promoted here and on W&B."


def test_predictions_arrive_as_a_table_with_pictures(lab, server):
    assert sync(lab)["state"] == "synced"
    (table,) = [a for a in server.artifacts if a["collection"].endswith("predictions")]
    path = next(path for name, path in table["files"].items() if name.endswith("predictions.table.json"))
    body = json.loads(server.blobs[path])
    assert body["columns"] == ["image", "true", "predicted", "confidence"]
    assert len(body["data"]) == 200
    evaluation = runs.load_evaluation(only(lab))
    assert [row[1] for row in body["data"]] == evaluation.y_true[:200].tolist()
    assert [row[2] for row in body["data"]] == evaluation.y_pred[:200].tolist()
    assert sum(name.endswith(".png") for name in table["files"]) == 200


def test_readme_lines_fetch_the_model(lab, server, tmp_path):
    """The exercise's `.file()` wants an artifact of one file; these lines of the README work with ours."""
    assert sync(lab)["state"] == "synced"
    block = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    env = lab.child_environment(["WANDB_API_KEY"]) | {"WANDB_ENTITY": "team", "WANDB_SILENT": "true"}
    code = block + "\nimport numpy as np\nprint(model.predict_proba(np.zeros((1, 28, 28), np.uint8)).shape)\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["(1, 10)"], done.stderr


def test_a_training_can_be_watched_while_it_goes_on(lab, server):
    online = replace(lab, wandb_mode="online")
    run_id = launch.start(online, pipeline.make_config("decision_tree", {"max_depth": 4}, None, "none"))

    def watched():
        live = [run for run in server.runs.values() if run.get("displayName") == f"{run_id} (live)"]
        return live and live[0].get("exitcode") == 0 and live[0]

    live = until(watched, what="the live run")
    stages = [row["stage"] for row in live["history"]]
    assert stages == ["queued", *pipeline.STAGES, "done"]
    assert (live["jobType"], live["group"]) == ("train", run_id)
    until(lambda: not any(job.live for job in jobs.list_jobs(lab)), what="the sync")
    assert tracking.load_state(runs.load_run(lab, run_id))["state"] == "synced"


def test_my_digits_are_sent_when_asked_and_proven(lab, server):
    for label in range(3):
        mydigits.save(lab, np.random.default_rng(label).integers(0, 256, (28, 28), np.uint8), label, author="Ana")
    chosen = mydigits.make_set(lab)
    assert not server.versions("my_digits")
    done = core(lab, "track", "--my-digits", chosen["sha256"])
    assert done.returncode == 0, done.stdout + done.stderr
    (version,) = server.versions("my_digits")
    state = tracking.load_drawings_state(lab)
    assert (state["state"], state["digest"]) == ("synced", version["digest"])
    assert list(version["files"]) == ["my_digits.npz"]
    assert b"Ana" not in mydigits.set_file(lab, chosen["sha256"]).read_bytes()
