"""Sweeps: what is tried, on which images, how it survives kills, and what becomes of the winner."""

import itertools
import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from sklearn import metrics as oracle
from sklearn.tree import DecisionTreeClassifier

from core import dataset, files, jobs, launch, models, pipeline, runs, sweep, tracking, training, trials
from core.cli import jobwork
from core.cli import sweep as command
from core.errors import AccessError, DataError, JobError, ModelError
from core.settings import Settings
from core.sweep import cluster, onefit, space, trial
from tests import wandb_server
from tests.conftest import ROOT, until
from tests.test_pages import check, open_page, texts

TREE = models.spec("decision_tree")
KNOWN = {p.name: p for p in TREE.parameters}


def make(texts, how="grid", count=50, metric="accuracy", size=None, family="decision_tree", level="none", **fixed):
    return sweep.make_config(pipeline.make_config(family, fixed, None, level), texts, how, count, metric, size)


def core(settings: Settings, *words: str) -> subprocess.CompletedProcess:
    env = settings.child_environment(["WANDB_API_KEY"])
    return subprocess.run(
        [sys.executable, "-m", "core", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def tried(config) -> list[dict]:
    return [{name: params[name] for name in config["space"]} for params in config["plan"]]


# What is tried.


@pytest.mark.parametrize("family", list(models.CATALOGUE))
def test_what_is_suggested_can_be_tried(family):
    spec = models.spec(family)
    for p in spec.parameters:
        values = sweep.suggest(p)
        assert len(values) > 1
        assert p.default in values
        assert sweep.parse(p, sweep.write(p, values)) == values
        assert len(make({p.name: sweep.write(p, values)}, family=family)["plan"]) == len(values)


def test_a_grid_is_every_combination():
    config = make({"max_depth": "5, no limit", "criterion": "gini,entropy"}, min_samples_leaf=3)
    expected = [{"max_depth": d, "criterion": c} for d, c in itertools.product([5, None], ["gini", "entropy"])]
    assert tried(config) == expected
    assert {params["min_samples_leaf"] for params in config["plan"]} == {3}
    assert tried(make({"max_depth": "3..6"})) == [{"max_depth": d} for d in (3, 4, 5, 6)]


def test_a_grid_that_is_too_large_is_drawn_from():
    texts = {"max_depth": "1..50", "min_samples_leaf": "1..100"}
    config = make(texts, count=30)
    assert len({tuple(one.values()) for one in tried(config)}) == 30
    assert config["plan"] == make(texts, count=30)["plan"]
    assert config["plan"] != make(texts, count=30, random_state=1)["plan"]


def test_by_chance_draws_from_ranges_without_repeating():
    config = make({"max_depth": "2..4", "criterion": "gini,entropy"}, "random")
    assert len(config["plan"]) == 6  # there are no more
    assert len({tuple(one.values()) for one in tried(config)}) == 6
    drawn = [p["C"] for p in make({"C": "0.001..100"}, "random", 200, family="logistic_regression")["plan"]]
    assert 0.001 <= min(drawn) < 0.01 < 10 < max(drawn) <= 100
    assert np.median(drawn) < 3  # by orders of magnitude: evenly, half of them would be above 50
    alphas = [p["ccp_alpha"] for p in make({"ccp_alpha": "0..0.1"}, "random", 50)["plan"]]
    assert min(alphas) < 0.001


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({}, "choose at least one"),
        ({"depth": "3"}, "has no parameter 'depth'; it has max_depth"),
        ({"max_depth": "three"}, "max_depth is 'three'; give a whole number from 1 to 50"),
        ({"max_depth": "2.5"}, "max_depth is 2.5"),
        ({"max_depth": ""}, "max_depth has no value to try"),
        ({"max_depth": "9..3"}, "a range goes from a smaller number"),
        ({"max_depth": "1..none"}, "a range goes from a smaller number"),
        ({"max_depth": "0..3"}, "max_depth is 0.0; give"),
        ({"criterion": "gini..entropy"}, "choose one of gini"),
        ({"ccp_alpha": "0..0.1"}, "a grid needs values"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(texts, words):
    with pytest.raises(ModelError, match=words):
        make(texts)


def test_limits_and_metrics_are_named():
    with pytest.raises(ModelError, match="201 trials are asked for; a sweep has from 1 to 200"):
        make({"max_depth": "1..20"}, count=201)
    with pytest.raises(ModelError, match="choose one of accuracy, f1, log_loss"):
        make({"max_depth": "1..20"}, metric="beauty")
    with pytest.raises(AccessError, match="at most 12 trials, not 13"):
        sweep.check_class(make({"max_depth": "1..13"}))


@pytest.mark.parametrize(
    ("memory", "trials_", "expected"),
    [(0, 9, 8), (100_000, 9, 8), (100_000, 3, 3), (1024, 9, 2), (420, 9, 1), (1, 9, 1)],
)
def test_as_many_at_a_time_as_fit(settings, monkeypatch, memory, trials_, expected):
    monkeypatch.setattr(cluster.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert cluster.threads(replace(settings, memory_mb=memory), TREE, 60_000, [{}] * trials_) == expected


# How it is judged.


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 9, 300).astype(np.uint8)  # nine never occurs
    proba = rng.dirichlet(np.full(10, 0.3), 300).astype(np.float32)
    proba[:, 7] = 0  # and seven is never the answer, nor likely
    proba[np.arange(0, 300, 3), y[::3]] += 1
    proba /= proba.sum(axis=1, keepdims=True)
    found = trial.scores(y, proba)
    same = proba.astype(np.float64)
    same /= same.sum(axis=1, keepdims=True)
    labels = list(range(10))
    answers = proba.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(y, answers), abs=1e-12)
    assert found["log_loss"] == pytest.approx(oracle.log_loss(y, same, labels=labels), abs=1e-12)
    expected = oracle.f1_score(y, answers, labels=labels, average="macro", zero_division=1)
    assert found["f1"] == pytest.approx(expected, abs=1e-12)


class Untouchable:
    """A test set that fails whoever looks at it."""

    def __getattr__(self, name):
        raise AssertionError(f"the test set was looked at: {name}")

    __getitem__ = __len__ = __array__ = __iter__ = __getattr__


@pytest.fixture
def only_training(sample, monkeypatch):
    """The data without its test set: what does not exist cannot be looked at."""
    found = replace(sample, x_test=Untouchable(), y_test=Untouchable(), sha256="untouchable")
    monkeypatch.setattr(dataset, "load", lambda settings: found)
    with pytest.raises(AssertionError, match="looked at"):
        found.y_test.sum()
    return found


def test_the_test_set_is_never_looked_at(settings, only_training):
    texts = {"max_depth": "3,5", "criterion": "gini,entropy"}
    for wanted in (
        make(texts, size=600),
        make({"max_depth": "1..5"}, size=600),
        make({"ccp_alpha": "0,0.01"}, size=600),
    ):
        sweep_id = sweep.submit(settings, wanted)
        best = sweep.find(settings, sweep_id, lambda stage, **fields: None)
        found = trials.load(settings, sweep_id)
        assert len(found.done) == len(found.trials)
        assert found.score(best) == max(found.score(one) for one in found.trials)
    for family in ("mlp", "hog_logistic", "extra_trees"):  # those that stop early, or look at something else
        spec = models.spec(family)
        params = spec.check(
            {p.name: p.low for p in spec.parameters if p.name in ("epochs", "max_iter", "n_estimators")}
        )
        card = trial.run(trial.Task(family, 300, 0, "untouchable"), 1, params, settings)
        assert card["state"] == "done", card


@pytest.mark.parametrize(("size", "held"), [(None, 400), (1000, 100)])
def test_what_is_scored_on_was_not_learned_from(settings, sample, monkeypatch, size, held):
    rng = np.random.default_rng(0)  # no two images alike
    images = rng.integers(0, 256, sample.x_train.shape, np.uint8)
    monkeypatch.setattr(dataset, "load", lambda settings: replace(sample, x_train=images))
    parts = trial.load_parts(settings, trial.Task("mlp", size, 7, sample.sha256))
    groups = [parts.material.images, parts.material.held_images, parts.held]
    seen = [{one.tobytes() for one in group} for group in groups]
    assert sum(map(len, seen)) == len(set.union(*seen)) == (size or 4000)
    assert len(parts.held) == held
    assert len(seen[1])  # it stops early by images of its own
    shares = np.bincount(parts.labels, minlength=10) / held
    whole = np.bincount(sample.y_train, minlength=10) / 4000
    assert np.abs(shares - whole).max() <= 1 / held + 0.005


def test_trials_learn_from_variants_where_the_run_does(settings, sample, monkeypatch):
    monkeypatch.setattr(dataset, "load", lambda settings: sample)
    asked = []
    real = trial.run
    monkeypatch.setattr(trial, "run", lambda task, *rest: asked.append(task) or real(task, *rest))
    wanted = make({"max_depth": "2,3", "criterion": "gini"}, size=200, level="light")
    sweep.find(settings, sweep.submit(settings, wanted), lambda stage, **fields: None)
    copies = wanted["run"]["copies"]
    assert copies
    assert {(task.level, task.copies) for task in asked} == {("light", copies)}
    plain = trial.load_parts(settings, replace(asked[0], level="none", copies=0))
    varied = trial.load_parts(settings, asked[0])
    assert len(varied.material.labels) == (1 + copies) * len(plain.material.labels)
    assert (varied.held == plain.held).all()  # what is scored on is as it was


def test_other_data_is_refused(settings, sample, monkeypatch):
    monkeypatch.setattr(dataset, "load", lambda settings: sample)
    with pytest.raises(DataError, match="but the sweep is about abc"):
        trial.load_parts(settings, trial.Task("decision_tree", None, 0, "abc"))


# One fit for all.


@pytest.fixture
def parts(settings, sample, monkeypatch):
    monkeypatch.setattr(dataset, "load", lambda settings: sample)
    task = trial.Task("decision_tree", 1500, 0, sample.sha256)
    found = trial.load_parts(settings, task)
    return SimpleNamespace(task=task, found=found, settings=settings)


def direct(parts, params) -> dict[str, float]:
    x, held = (part.reshape(len(part), -1) for part in (parts.found.material.images, parts.found.held))
    proba = DecisionTreeClassifier(**params).fit(x, parts.found.material.labels).predict_proba(held)
    return trial.scores(parts.found.labels, proba.astype(np.float32))


def test_every_depth_from_one_fit(parts, monkeypatch):
    config = make({"max_depth": "1..12, none".replace("..12", ",2,3,4,30")})
    assert config["one_fit"] == onefit.DEPTH
    fits = []
    real = training.fit
    monkeypatch.setattr(training, "fit", lambda *args, **more: fits.append(args[1]) or real(*args, **more))
    cards = onefit.run(parts.task, onefit.DEPTH, config["plan"], parts.settings)
    assert [one["max_depth"] for one in fits] == [None]
    for card, params in zip(cards, config["plan"], strict=True):
        expected = direct(parts, params)
        near = 1e-6 if (params["max_depth"] or 9) <= 2 else 0.04  # ties are broken by chance, in another order
        assert card["scores"]["accuracy"] == pytest.approx(expected["accuracy"], abs=near)
        assert card["scores"]["f1"] == pytest.approx(expected["f1"], abs=near)
    whole = direct(parts, config["plan"][-1])
    assert cards[-1]["scores"] == pytest.approx(whole, abs=1e-6)  # the uncut tree is the very same
    assert cards[-2]["scores"] == cards[-1]["scores"]


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("weight", ["none", "balanced"])
def test_every_pruning_from_one_fit_changes_no_result(parts, criterion, weight):
    fixed = {"criterion": criterion, "class_weight": None if weight == "none" else weight, "max_depth": 8}
    config = make({"ccp_alpha": "0, 0.001, 0.004, 0.02, 0.1"}, **fixed)
    assert config["one_fit"] == onefit.PRUNING
    cards = onefit.run(parts.task, onefit.PRUNING, config["plan"], parts.settings)
    for card, params in zip(cards, config["plan"], strict=True):
        assert card["scores"] == pytest.approx(direct(parts, params), abs=1e-6), params["ccp_alpha"]


def test_one_fit_only_where_one_tree_holds_the_others():
    base = TREE.check({})
    assert onefit.applies("decision_tree", ["max_depth"], base) == "max_depth"
    assert not onefit.applies("decision_tree", ["max_depth", "criterion"], base)
    assert not onefit.applies("decision_tree", ["max_depth"], base | {"max_leaf_nodes": 50})
    assert not onefit.applies("decision_tree", ["max_depth"], base | {"ccp_alpha": 0.001})
    assert not onefit.applies("random_forest", ["max_depth"], models.spec("random_forest").check({}))


# The folder.


def test_the_last_word_on_a_trial_counts_and_half_a_line_does_not(settings):
    path = trials.create(settings, "s", make({"max_depth": "3,4,5"}))
    trials.append(path, 1, "running")
    trials.append(path, 1, "done", scores={"accuracy": 0.5, "f1": 0.4, "log_loss": 2.0}, seconds=1.0)
    trials.append(path, 2, "running")
    with (path / trials.FILE).open("a") as file:
        file.write('{"number": 2, "state": "do')
    found = trials.load(settings, "s")
    assert [one.state for one in found.trials] == ["done", "running", "waiting"]
    assert (found.best.number, found.score(found.best), found.ended) == (1, 0.5, 1)
    assert trials.table(found)["best"].tolist() == [True, False, False]


def test_less_log_loss_is_better(settings):
    path = trials.create(settings, "s", make({"max_depth": "3,4,5"}, metric="log_loss"))
    for number, loss in enumerate((1.5, 0.9, 0.9), 1):
        trials.append(path, number, "done", scores={"accuracy": 0.1, "f1": 0.1, "log_loss": loss}, seconds=1.0)
    assert trials.load(settings, "s").best.number == 2  # of two equal ones the first


# The job.


@pytest.fixture(scope="module")
def swept(tmp_path_factory, tiny_npz):
    """A home with one sweep, done in this process; read only."""
    settings = Settings(home=tmp_path_factory.mktemp("swept"), mnist=tiny_npz, memory_mb=4096)
    sweep_id = sweep.submit(settings, make({"max_depth": "2,6", "criterion": "gini,entropy"}, size=1000), "Ada")
    with pytest.MonkeyPatch.context() as patch:  # no handlers and no exit in the process of the tests
        patch.setattr("core.worker._cancel_on_sigterm", lambda emit: None)
        assert jobwork.run(settings, sweep_id, command.work) == 0
    return SimpleNamespace(settings=settings, id=sweep_id)


def test_the_winner_becomes_a_run(swept):
    found = trials.load(swept.settings, swept.id)
    assert [one.state for one in found.trials] == ["done"] * 4
    assert len({tuple(one.scores.values()) for one in found.trials}) == 4
    run = runs.load_run(swept.settings, swept.id)
    assert run.config["params"] == found.best.params
    assert run.config["train_size"] is None  # all of them, though the search had 1,000
    assert run.card["data"]["n_fit"] == 4000
    note = f"sweep: {swept.id}, the best of 4 trials"
    assert runs.load_labels(run) == {"author": "Ada", "note": note, "tags": ["sweep"]}
    for name in run.card["files"]:
        runs.verified(run, name)
    job = jobs.load_job(swept.settings, swept.id)
    assert job.state == "done"
    assert [e["done"] for e in job.events if e["stage"] == "search" and e.get("done")] == [1, 2, 3, 4]


def test_progress_goes_up_and_ends(swept):
    found, job = trials.load(swept.settings, swept.id), jobs.load_job(swept.settings, swept.id)
    shares = []
    for end in range(1, len(job.events)):
        events = job.events[:end]
        done = sum(1 for e in events if e.get("done"))
        at = replace(
            found, trials=tuple(replace(t, state="done" if i < done else "waiting") for i, t in enumerate(found.trials))
        )
        share, left = sweep.progress(at, replace(job, events=events), events[-1]["t"])
        shares.append(share)
        assert left >= 0
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.5 < shares[-1] < 1


def test_a_trial_that_fails_ends_no_other(settings, sample, monkeypatch):
    monkeypatch.setattr(dataset, "load", lambda settings: sample)
    real = training.fit

    def fit(spec, params, *args, **more):
        if params["max_depth"] == 2:
            raise ValueError("too shallow")
        return real(spec, params, *args, **more)

    monkeypatch.setattr(training, "fit", fit)
    texts = {"max_depth": "2,3", "criterion": "gini,entropy"}
    sweep_id = sweep.submit(settings, make(texts, size=500))
    sweep.find(settings, sweep_id, lambda stage, **fields: None)
    found = trials.load(settings, sweep_id)
    assert [one.state for one in found.trials] == ["failed", "failed", "done", "done"]
    assert found.trials[0].message == "ValueError: too shallow"
    sweep_id = sweep.submit(settings, make(texts | {"max_depth": "2"}, size=500))
    with pytest.raises(JobError, match=r"No trial came to a result. The first one said: ValueError: too shallow"):
        sweep.find(settings, sweep_id, lambda stage, **fields: None)


def test_a_sweep_that_does_not_fit_is_refused_before_it_starts(tiny):
    with pytest.raises(ModelError, match=r"needs .* MB beside the server's"):
        sweep.submit(replace(tiny, memory_mb=250), make({"max_depth": "2,3", "criterion": "gini"}))
    assert not trials.list_ids(tiny)


def test_many_networks_are_refused_where_what_stays_of_each_does_not_fit(tiny):
    config = pipeline.make_config("cnn_small", {}, None, "none")
    for trials_, fits in ((2, True), (100, False)):
        rates = ",".join(f"{0.001 + 0.0001 * n:.4f}" for n in range(trials_))
        wanted = sweep.make_config(config, {"learning_rate": rates}, "grid", trials_, "accuracy", None)
        if fits:
            sweep.check(replace(tiny, memory_mb=3000), wanted)
        else:
            with pytest.raises(ModelError, match=r"100 trials of Small CNN need .* Try fewer"):
                sweep.check(replace(tiny, memory_mb=3000), wanted)


def test_sweeps_count_like_trainings(tiny, monkeypatch):
    monkeypatch.setattr(jobs, "start", lambda settings, job_id, secrets=(): None)
    monkeypatch.setattr(launch, "QUEUE", 2)
    wanted = make({"max_depth": "2,3"})
    sweep.start(tiny, wanted)
    launch.start(tiny, wanted["run"])
    for start in (lambda: sweep.start(tiny, wanted), lambda: launch.start(tiny, wanted["run"])):
        with pytest.raises(JobError, match="2 trainings run or wait already"):
            start()


@pytest.mark.parametrize("end", ["kill", "cancel"])
def test_what_was_finished_survives(tiny, slow_npz, end):
    """A process that is killed, or asked to stop, in the middle of a fit that never ends."""
    settings = replace(tiny, mnist=slow_npz)
    sweep_id = sweep.submit(settings, make({"max_depth": "1,2,none", "criterion": "gini"}))
    jobs.start(settings, sweep_id)

    def two_done():
        found = trials.load(settings, sweep_id)
        return len(found.done) == 2 and found.trials[2].state == "running"

    try:
        until(two_done, what="two trials and a third one at work")
        before = trials.load(settings, sweep_id)
        if end == "kill":
            psutil.Process(files.read_json(jobs.folder(settings, sweep_id) / "process.json")["pid"]).kill()
    finally:
        if end == "cancel" or jobs.load_job(settings, sweep_id).events == []:
            jobs.cancel(settings, sweep_id)
    until(lambda: not jobs.load_job(settings, sweep_id).live)
    assert jobs.load_job(settings, sweep_id).state == ("failed" if end == "kill" else "cancelled")
    found = trials.load(settings, sweep_id)
    assert found.done == before.done
    assert found.best is not None
    assert sweep.winner(settings, sweep_id)["params"] == found.best.params
    assert not runs.list_runs(settings)


def test_from_a_terminal_on_a_small_machine(tiny):
    """Below a gigabyte search, fit and export are processes of their own; what comes out is the same."""
    words = [
        "--grid",
        "max_depth=2,5",
        "--grid",
        "criterion=gini",
        "--set",
        "min_samples_leaf=5",
        "--train-size",
        "800",
    ]
    done = core(
        replace(tiny, memory_mb=1000, wandb_mode="disabled"),
        "sweep",
        *words,
        "--metric",
        "f1",
        "--augmentation",
        "none",
    )
    assert done.returncode == 0, done.stderr
    (found,) = trials.list_sweeps(tiny)
    run = runs.load_run(tiny, found.id)
    assert f"best     {found.searched(found.best)}: Macro F1" in done.stdout
    assert (run.config["params"]["max_depth"], run.config["params"]["min_samples_leaf"]) == (5, 5)
    assert str(run.path) in done.stdout
    refused = core(tiny, "sweep", "--grid", "max_depth")
    assert (refused.returncode, refused.stderr) == (1, "'max_depth' has no value; write it as NAME=VALUES.\n")


# W&B.


def test_trials_are_logged_synced_and_proven(swept, tmp_path, tiny_npz):
    import shutil

    home = tmp_path / "lab"
    shutil.copytree(swept.settings.home, home)
    with wandb_server.running() as server:
        lab = Settings(home=home, mnist=tiny_npz, wandb_api_key=wandb_server.KEY, wandb_base_url=server.url)
        job_id = launch.start_tracking(lab, {"sweep": swept.id})  # as the server does when a sweep starts
        until(lambda: not jobs.load_job(lab, job_id).live, 120)
        found = trials.load(lab, swept.id)
        state = tracking.load_state(found)
        assert state["state"] == "synced", (state, jobs.load_job(lab, job_id).message)
        assert tracking.load_state(runs.load_run(lab, swept.id))["state"] == "synced"
        there = {run["displayName"]: run for run in server.runs.values() if run["jobType"] == "trial"}
        assert set(there) == {f"trial-{number}" for number in range(1, 5)}
        for one in found.trials:
            logged = there[f"trial-{one.number}"]
            assert logged["group"] == swept.id
            summary = json.loads(logged["summaryMetrics"])
            assert {name: summary[f"held_{name}"] for name in trials.METRICS} == pytest.approx(one.scores)
            assert json.loads(logged["config"])["params"]["value"] == one.params
        assert {run["group"] for run in server.runs.values()} == {swept.id}  # the winner's runs too
        # What the server does not have is not called synced, whatever `wandb sync` says.
        files.write_json(found.path / "tracking.json", state | {"state": "local only"})
        gone = next(name for name, run in server.runs.items() if run["displayName"] == "trial-2")
        del server.runs[gone]
        server.fault = lambda path, operation: 403 if "file_stream" in path or operation == "UpsertBucket" else None
        core(lab, "track", "--sync")
        state = tracking.load_state(found)
        assert state["state"] == "failed"
        assert state["attempts"] == 1


# The cluster: what is told where it cannot be used. The cluster itself: test_sweep_dask.


def test_without_dask_it_says_what_to_install(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(JobError, match=r"dask is not installed here. Run: pip install -r requirements-dask.txt"):
        cluster.connect(replace(settings, dask_scheduler="tcp://127.0.0.1:1"))


def test_what_a_cluster_loses_comes_as_failed(monkeypatch):
    monkeypatch.setattr(cluster, "LOST_SECONDS", 0.1)
    client = SimpleNamespace(status="running", futures={})
    cards = [{"number": 2, "state": "done"}]

    def never_ends():
        yield from cards
        until(lambda: False, 1e6)

    found = list(cluster.watched(cluster.Place("", client), never_ends(), 3))
    assert [(card["number"], card["state"]) for card in found] == [(2, "done"), (1, "failed"), (3, "failed")]
    assert "lost this trial" in found[1]["message"]
    client.status = "closed"
    with pytest.raises(JobError, match="The Dask scheduler is gone"):
        list(cluster.watched(cluster.Place("", client), never_ends(), 3))


# The page.


def test_page_starts_what_it_says(empty, started):
    page = open_page("pages/1_Train.py", search="true", min_samples_leaf="3")
    page.text_input(key="search_decision_tree_max_depth").set_value("4, 8").run()
    page.multiselect(key="search_decision_tree_criterion").set_value(["gini", "entropy"]).run()
    page.number_input(key="search_images").set_value(500).run()
    assert "**4 trials**, each learns from 450 images and is scored on 50 others" in texts(check(page))
    page.button(key="search-start").click().run()
    check(page)
    search, track = started
    assert jobs.load_job(empty, track).config == {"sweep": search}
    found = trials.load(empty, search)
    assert len(found.trials) == 4
    assert {one.params["min_samples_leaf"] for one in found.trials} == {3}
    assert found.body["train_size"] == 500
    assert page.query_params["sweep"] in (search, [search])
    assert "0 of 4 trials" in texts(page)
    page.text_input(key="search_decision_tree_max_depth").set_value("four").run()
    assert "max_depth is 'four'; give a whole number" in texts(check(page))


def test_page_says_that_one_fit_serves_for_all(empty):
    page = open_page("pages/1_Train.py", search="true")
    page.multiselect(key="try_decision_tree").set_value(["max_depth"]).run()
    assert "One fit serves for all" in texts(check(page))


def test_page_shows_the_winner_and_partial_results(swept, monkeypatch):
    monkeypatch.setenv("DIGITLAB_HOME", str(swept.settings.home))
    monkeypatch.setenv("DIGITLAB_MNIST", str(swept.settings.mnist))
    page = check(open_page("pages/1_Train.py"))
    best = trials.load(swept.settings, swept.id).best
    assert f"**Best: `max_depth` = {best.params['max_depth']}" in texts(page)
    assert page.button(key=f"measure-{swept.id}")
    table = page.dataframe[0].value
    assert table["mark"].tolist().index("★") == best.number - 1
    assert len(page.get("plotly_chart")) >= 2


def test_page_takes_the_best_of_a_stopped_search_over(empty, started):
    sweep_id = sweep.submit(empty, make({"max_depth": "4,none", "criterion": "gini,entropy"}))
    path = trials.folder(empty, sweep_id)
    trials.append(path, 4, "done", scores={"accuracy": 0.5, "f1": 0.5, "log_loss": 1.0}, seconds=1.0)
    jobs.cancel(empty, sweep_id)
    page = open_page("pages/1_Train.py")
    page.button(key="take-over").click().run()
    check(page)
    assert page.select_slider(key="max_depth").value == "no limit"
    assert page.selectbox(key="criterion").value == "entropy"


def test_a_visitor_cannot_search_even_by_a_forged_click(empty, started, monkeypatch):
    monkeypatch.setenv("DIGITLAB_PASSWORD", "open sesame")
    page = check(open_page("pages/1_Train.py", search="true"))
    button = page.button(key="search-start")
    assert button.disabled
    button.proto.disabled = False
    button.click().run()
    assert not started
    assert not trials.list_ids(empty)


def test_a_class_searches_within_limits(empty, started, monkeypatch):
    monkeypatch.setenv("DIGITLAB_PASSWORD", "open sesame")
    monkeypatch.setenv("DIGITLAB_ACCESS", "class")
    page = open_page("pages/1_Train.py", search="true")
    assert page.number_input(key="search_trials").max == sweep.CLASS_TRIALS
    page.button(key="search-start").click().run()
    assert "Give your name first" in texts(page)
    page.text_input(key="author").set_value("Ada").run()
    for _ in range(launch.CLASS_JOBS + 1):
        page.button(key="search-start").click().run()
    assert len(trials.list_ids(empty)) == launch.CLASS_JOBS
    assert f"{launch.CLASS_JOBS} trainings of yours run or wait already" in texts(page)


def test_a_range_is_written_as_it_is_read():
    assert sweep.write(KNOWN["max_depth"], space.Range(1, 20)) == "1..20"
    assert sweep.parse(KNOWN["max_depth"], "1..20") == space.Range(1, 20)
