"""One fit, every depth: literal trees by hand, scikit-learn as the judge, the study as a job from start to end."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from core import dataset, depth, jobs, launch, metrics, pipeline, plots, runs
from core.depth import pruning, tree
from core.errors import DataError, JobError, ModelError, RunError
from tests.conftest import ROOT, until


def literal() -> tree.Tree:
    """Return a tree of three leaves by hand.

    Is pixel 5 dark? No: a 1. Yes, and pixel 7 too? No: a 2; yes: a 3. Of eight images four are 1, three 2, one 3.
    """
    shares = np.zeros((5, 10), np.float32)
    shares[0, [1, 2, 3]] = 4 / 8, 3 / 8, 1 / 8
    shares[1, 1] = 1
    shares[2, [2, 3]] = 3 / 4, 1 / 4
    shares[3, 2], shares[4, 3] = 1, 1
    return tree.Tree(
        left=np.array([1, -1, 3, -1, -1], np.int32),
        right=np.array([2, -1, 4, -1, -1], np.int32),
        feature=np.array([5, -2, 7, -2, -2], np.int16),
        threshold=np.array([127.5, -2, 99.5, -2, -2], np.float32),
        samples=np.array([8, 4, 4, 3, 1], np.int32),
        value=shares,
    )


def images(*dark: tuple[int, ...]) -> np.ndarray:
    """Return images of paper with some dark pixels each."""
    found = np.zeros((len(dark), 28, 28), np.uint8)
    for image, pixels in zip(found, dark, strict=True):
        image.reshape(-1)[list(pixels)] = 200
    return found


def fitted(digits, rows=4000, **params):
    from sklearn.tree import DecisionTreeClassifier

    flat = digits.x_train[:rows].reshape(-1, 784)
    return DecisionTreeClassifier(**{"random_state": 0, **params}).fit(flat, digits.y_train[:rows])


def test_a_literal_tree_answers_at_each_depth():
    found = literal()
    ends = tree.ends(found, images((), (5,), (5, 7), (7,)))
    assert ends.tolist() == [1, 3, 4, 1]
    assert found.depth == 2
    assert tree.answers(found, ends).tolist() == [[1, 2, 2, 1], [1, 2, 3, 1]]


def test_a_literal_tree_is_counted_at_each_depth():
    found = literal()
    counts = tree.passed(found, np.array([1, 3, 4, 4]), np.array([1, 2, 3, 2], np.uint8))
    assert counts[0, :4].tolist() == [0, 1, 2, 1]
    assert counts[2, :4].tolist() == [0, 0, 2, 1]
    first, second = tree.by_depth(found, counts)
    assert (first[1, 1], first[2, 2], first[3, 2], first.sum()) == (1, 2, 1, 4)
    assert (second[1, 1], second[2, 2], second[3, 3], second[2, 3], second.sum()) == (1, 1, 1, 1, 4)


def test_a_literal_tree_is_pruned_by_hand():
    found = literal()
    risk = pruning.risks(found, "gini")
    # Gini of 4, 3, 1 of 8 is 1 - 26/64; of 3, 1 of 4 it is 3/8, and half of the images are there.
    assert risk.tolist() == pytest.approx([38 / 64, 0, 3 / 16, 0, 0])
    path = pruning.path(found, risk)
    assert path.alphas.tolist() == pytest.approx([0, 3 / 16, 38 / 64 - 3 / 16])
    assert path.leaves.tolist() == [3, 2, 1]
    counts = tree.passed(found, np.array([1, 3, 4, 4]), np.array([1, 2, 3, 2], np.uint8))
    assert pruning.hits(found, path, counts).tolist() == [3, 3, 1]


def test_a_tree_that_asks_nothing_has_one_depth():
    shares = np.zeros((1, 10), np.float32)
    shares[0, [0, 4]] = 0.6, 0.4
    end = np.array([-1], np.int32)
    found = tree.Tree(end, end, np.array([-2], np.int16), np.array([-2], np.float32), np.array([5], np.int32), shares)
    ends = tree.ends(found, images((), (3,)))
    assert tree.answers(found, ends).tolist() == [[0, 0]]
    assert tree.by_depth(found, tree.passed(found, ends, np.array([0, 4], np.uint8)))[0, [0, 4], 0].tolist() == [1, 1]
    assert pruning.path(found, pruning.risks(found, "entropy")).leaves.tolist() == [1]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"criterion": "entropy", "min_samples_leaf": 3},
        {"criterion": "log_loss", "class_weight": "balanced"},
        {"max_leaf_nodes": 40},
    ],
    ids=str,
)
def test_pruning_is_that_of_scikit_learn(sample, params):
    classifier = fitted(sample, **params)
    found = tree.from_estimator(classifier)
    balanced = params.get("class_weight") == "balanced"
    weights = 1 / np.bincount(sample.y_train) if balanced else None
    risk = pruning.risks(found, params.get("criterion", "gini"), weights)
    path = pruning.path(found, risk)
    flat = sample.x_train.reshape(-1, 784)
    theirs = classifier.cost_complexity_pruning_path(flat, sample.y_train)
    steps = range(len(path.alphas))
    ours = [risk[(path.start <= k) & (k < path.stop)].sum() for k in steps]
    between = np.append((path.alphas[1:] + path.alphas[:-1]) / 2, np.inf)
    at = np.searchsorted(theirs["ccp_alphas"], between, side="right") - 1
    np.testing.assert_allclose(ours, theirs["impurities"][at], atol=1e-9)
    np.testing.assert_allclose(path.alphas[1:], theirs["ccp_alphas"][at][1:], atol=1e-9)
    middle = len(between) // 2
    pruned = fitted(sample, ccp_alpha=between[middle], **params)
    assert pruned.get_n_leaves() == path.leaves[middle]


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
def test_a_cut_is_as_good_as_a_refit(sample, criterion):
    whole = tree.from_estimator(fitted(sample, criterion=criterion))
    answers = tree.answers(whole, tree.ends(whole, sample.x_test))
    flat = sample.x_test.reshape(-1, 784)
    for level, bound in {1: 0, 3: 0, 5: 0, 6: 0.005, 9: 0.005, 12: 0.025, 15: 0.025}.items():
        refit = fitted(sample, criterion=criterion, max_depth=level)
        difference = (answers[level - 1] == sample.y_test).mean() - refit.score(flat, sample.y_test)
        # Of 4,000 images far more questions are equally good than of 60,000, where 0.3 points are the most to depth 15
        # (bench/depth.py); and where a tenth of 1,000 answers differ, chance alone makes 2.5 points at 2.5 sigma.
        assert abs(difference) <= bound, level


def test_the_whole_tree_answers_as_scikit_learn_does(sample):
    classifier = fitted(sample, max_features="sqrt")
    found = tree.from_estimator(classifier)
    flat = sample.x_test.reshape(-1, 784)
    ends = tree.ends(found, sample.x_test)
    assert (ends == classifier.apply(flat)).all()
    assert (tree.answers(found, ends)[-1] == classifier.predict(flat)).all()


def test_the_simplest_within_one_standard_error():
    # The best is 0.90 of 900: its standard error is 0.01.
    assert depth.good_enough(np.array([0.70, 0.889, 0.8901, 0.90, 0.88]), 900).tolist() == [
        False,
        False,
        True,
        True,
        False,
    ]


def test_held_out_is_stratified_seeded_and_never_learned_from(sample):
    chosen = np.arange(0, 4000, 2)
    learned, held = depth.hold_out(chosen, sample.y_train, 100, 7)
    assert (len(learned), len(held)) == (1900, 100)
    assert set(learned) | set(held) == set(chosen)
    assert np.bincount(sample.y_train[held], minlength=10).min() >= 5
    assert (depth.hold_out(chosen, sample.y_train, 100, 7)[1] == held).all()
    assert len(depth.hold_out(chosen, sample.y_train, 5000, 7)[1]) == 200  # of few images, a tenth
    assert len(depth.hold_out(chosen, sample.y_train, 0, 7)[1]) == 0


def newest(settings) -> runs.Run:
    return runs.list_runs(settings)[0]


def test_the_run_itself_at_its_full_depth(trained):
    run = newest(trained)
    study = depth.of_run(run, dataset.load(trained))
    assert (study.answers[-1] == runs.load_evaluation(run).y_pred).all()
    table = depth.table(study)
    assert table.index.tolist() == list(range(1, 11))
    assert table["test"][10] == pytest.approx(run.metrics["accuracy"])
    assert table["train"][10] > table["test"][10]
    assert table["held"].isna().all()
    assert depth.best_depth(study) is None
    assert depth.pruning_table(study)["leaves"][0] == run.card["shape"]["leaves"]
    assert "a gap of" in depth.describe(study)
    worst = metrics.worst_pair(study.test[2])
    said = depth.describe_cut(study, 3)
    assert f"{table['test'][3]:.1%} of the test images" in said
    assert f"takes a {worst.true} for a {worst.predicted}: {worst.count} times" in said


def test_a_run_that_held_images_out_needs_no_second_tree(trained):
    config = pipeline.make_config("decision_tree", {"max_depth": None}, 2000, "none") | {"validation": 150}
    run = pipeline.train(trained, jobs.new_id("decision_tree"), config, _mute)
    assert depth.is_free(run)
    assert not depth.is_free(runs.list_runs(trained)[1])
    assert depth.expect(run)["fit"] == 0
    study = depth.of_run(run, dataset.load(trained))
    assert (study.train[0].sum(), study.held[0].sum()) == (1850, 150)
    # It knows all that it learned from by heart, and only that: these are the very images.
    assert depth.table(study)["train"].iloc[-1] == 1
    assert depth.table(study)["held"].iloc[-1] < 0.95
    assert f"Depth {depth.best_depth(study)} is enough" in depth.describe(study)


def test_other_data_is_refused(trained):
    run = newest(trained)
    other = replace(run, config=run.config | {"data_sha256": "f" * 64})
    with pytest.raises(DataError, match="learned from the data ffffffffffff"):
        depth.of_run(other, dataset.load(trained))


def test_study_from_the_command_line(trained):
    run = newest(trained)
    sealed = {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()}
    command = [sys.executable, "-m", "core", "depth"]
    done = subprocess.run(
        command, cwd=ROOT, env=trained.child_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    study = depth.load(run)
    assert study.grown
    assert study.held[0].sum() == 400  # a tenth of 4,000
    assert study.train[0].sum() == 3600
    assert study.test[0].sum() == study.answers.shape[1] == 1000
    table = depth.table(study)
    assert table["train"].iloc[-1] == 1  # without a limit it knows every image by heart
    best = depth.best_depth(study)
    assert 5 <= best < study.depth
    assert f"Depth {best} is enough" in depth.describe(study)
    assert f"Depth {best} is enough" in done.stdout
    row = depth.best_pruning(study)
    assert depth.pruning_table(study)["held"][row] >= study.held_hits.max() / 400 - 0.025
    assert "it keeps" in depth.describe_pruning(study)
    assert {p.name: p.read_bytes() for p in run.path.iterdir() if p.is_file()} == sealed
    assert [p.name for p in (run.path / "extra").iterdir()] == ["depth.npz"]
    (job,) = jobs.list_jobs(trained, "depth")
    assert [event["stage"] for event in job.events] == ["queued", "data", "fit", "evaluate", "seal", "done"]
    assert all(0 <= launch.progress(job.events[:k], job.config["plan"], job.events[-1]["t"])[0] < 1 for k in range(5))


def test_sparse_columns_grow_the_same_tree(trained):
    run, digits = newest(trained), dataset.load(trained)
    rows = np.arange(0, 4000, 4)
    folder = trained.home
    dense = depth.grow(trained, run, digits, rows, folder)
    sparse = depth.grow(replace(trained, memory_mb=512), run, digits, rows, folder)
    assert (dense.feature == sparse.feature).all()
    assert (dense.threshold == sparse.threshold).all()
    assert not [p for p in folder.iterdir() if p.is_file()]


def test_cancel_leaves_nothing(trained, slow_npz, monkeypatch):
    settings = replace(trained, mnist=slow_npz)
    run_id = jobs.new_id("decision_tree")
    run = pipeline.train(
        settings, run_id, pipeline.make_config("decision_tree", {"max_depth": 1}, 10_000, "none"), _mute
    )
    job_id = depth.start(settings, run)
    assert depth.start(settings, run) == job_id  # the same thing is not started twice
    until(lambda: jobs.load_job(settings, job_id).stage == "fit", what="the fit")
    jobs.cancel(settings, job_id)
    assert jobs.load_job(settings, job_id).state == "cancelled"
    assert not (run.path / "extra").exists()
    assert depth.load(run) is None


def test_refused_before_it_starts(trained, started):
    run = newest(trained)
    with pytest.raises(ModelError, match="needs"):
        depth.start(replace(trained, memory_mb=300), run)
    forest = replace(run, card=run.card | {"files": {}})
    with pytest.raises(RunError, match="no single tree"):
        depth.start(trained, forest)
    for _ in range(launch.QUEUE):
        launch.submit(trained, pipeline.make_config("decision_tree", {}, None, "none"))
    with pytest.raises(JobError, match="run or wait already"):
        depth.start(trained, run)
    assert not jobs.list_jobs(trained, "depth")


@pytest.mark.parametrize("body", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_study_is_one_sentence(trained, body):
    run = newest(trained)
    (run.path / "extra").mkdir()
    (run.path / depth.FILE).write_bytes(body)
    with pytest.raises(RunError, match=r"extra/depth\.npz .* cannot be read"):
        depth.load(run)


def test_the_curve_as_data(trained):
    study = depth.of_run(newest(trained), dataset.load(trained))
    figure = plots.depth_curve(depth.table(study), None, 4)
    assert [line.name for line in figure.data[:2]] == ["learned from", "test"]  # nothing was held out
    assert figure.data[1].fill == "tonexty"
    assert list(figure.data[2].x) == [4, 4]
    marked = plots.depth_curve(depth.table(study).assign(held=0.5), 7, 4)
    assert marked.layout.shapes[0].x0 == 7
    assert "7" in marked.layout.annotations[0].text
    pruned = plots.pruning_curve(depth.pruning_table(study), None)
    assert list(pruned.data[0].x)[-1] == 1


def _mute(stage, **fields):
    pass
