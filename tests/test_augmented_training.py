"""Variants in a training: chosen, made after holding out, by the seed, told, reckoned with, shown."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import augmentation, jobs, launch, models, pipeline, runs, training
from core.errors import ModelError
from core.settings import SERVER_MB
from tests.conftest import ROOT

TREE = models.spec("decision_tree")


def numbered(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images that can be told apart: a stroke, and their number in the last two pixels."""
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 6:22, 12:16] = 255
    images[:, 27, 26], images[:, 27, 27] = np.divmod(np.arange(n), 256)
    return images, (np.arange(n) % 10).astype(np.uint8)


def numbers(images: np.ndarray) -> list[int]:
    return (images[:, 27, 26].astype(int) * 256 + images[:, 27, 27]).tolist()


@pytest.mark.parametrize("name", ["decision_tree", "mlp", "cnn_small"])
def test_what_is_held_out_is_neither_learned_from_nor_changed(name, monkeypatch):
    seen = []

    def multiplied(images, labels, level, seed, copies):
        seen.extend(numbers(images))
        return np.concatenate([images, *[255 - images] * copies]), np.tile(labels, copies + 1)

    monkeypatch.setattr(augmentation, "multiplied", multiplied)
    images, labels = numbered(500)
    spec = models.spec(name)
    material = training.prepare(spec, images, labels, 50, 3, "hands")
    held = numbers(material.held_images)
    assert len(held) == 50
    assert (material.held_images == images[held]).all()
    assert (material.held_labels == labels[held]).all()
    kept = sorted(set(range(500)) - set(held))
    assert numbers(material.images[:450]) == kept
    assert len(material.images) == len(material.labels) == 450 * (1 + spec.copies)
    assert (material.labels == np.tile(labels[kept], 1 + spec.copies)).all()
    assert sorted(seen) == ([] if spec.streams else kept)  # variants were made of these, and of nothing else
    assert (material.level, material.seed) == (("hands", 3) if spec.streams else ("none", 0))


def test_the_seed_decides_and_no_part_is_bent_like_another(sample, monkeypatch):
    monkeypatch.setattr(training, "_AT_ONCE", 40)
    images = np.repeat(np.array(sample.x_train[:1]), 80, axis=0)
    labels = np.repeat(sample.y_train[:1], 80)
    told = []
    one, two, other = (
        training.multiply(images, labels, "light", seed, 1, lambda *so_far: told.append(so_far))[0]
        for seed in (1, 1, 2)
    )
    assert (one == two).all()
    assert (one[:80] == images).all()
    assert (one[80:] != other[80:]).any()
    assert (one[80:120] != one[120:]).any()
    assert told[:2] == [(40, 80), (80, 80)]
    given = np.zeros((160, 28, 28), np.uint8)
    assert training.multiply(images, labels, "light", 1, 1, out=given)[0] is given
    assert (given == one).all()


def test_config_names_level_and_copies():
    assert TREE.augmentation == "hands"
    assert TREE.copies > 0
    for given, level, copies in ((None, "hands", TREE.copies), ("light", "light", TREE.copies), ("none", "none", 0)):
        config = pipeline.make_config("decision_tree", {}, None, given)
        assert (config["augmentation"], config["copies"]) == (level, copies)
    assert pipeline.make_config("cnn_small", {})["copies"] == 0
    with pytest.raises(ModelError, match=r"augmentation is 'wild'; choose one of none, light, hands\."):
        pipeline.make_config("decision_tree", {}, None, "wild")


def test_every_family_can_be_told_its_seed():
    assert all("random_state" in {p.name for p in spec.parameters} for spec in models.CATALOGUE.values())


def test_variants_are_told_and_timed(tiny):
    told = []
    config = pipeline.make_config("decision_tree", {"max_depth": 3}, 500)
    run_id = jobs.new_id("decision_tree")
    run = pipeline.train(tiny, run_id, config, lambda stage, **fields: told.append((stage, fields)))
    made = [fields for stage, fields in told if stage == "data" and fields.get("total")]
    assert made[-1]["done"] == made[-1]["total"] == 500 * TREE.copies
    assert run.card["data"]["n_fit"] == 500
    assert run.config["copies"] == TREE.copies
    with np.load(run.path / "tree.npz") as tree:
        assert tree["samples"][0] == 500 * (1 + TREE.copies)
    assert run.card["timings"]["prepare_cpu"] > 0


def test_memory_and_time_reckon_with_the_variants(settings):
    plain, more = (pipeline.make_config("random_forest", {}, None, level) for level in ("none", "hands"))
    rows = 60_000
    copies = more["copies"]
    need = launch.memory_mb(settings, more, rows)
    learned = rows * (1 + copies)

    def own(n: int) -> float:
        return models.spec("random_forest").memory_mb(plain["params"], n, False)

    assert need == pytest.approx(own(learned) + learned * 784 / 2**20)
    assert launch.memory_mb(settings, plain, rows) == own(rows)
    between = replace(settings, memory_mb=int(need) + SERVER_MB - 50)
    launch.check_memory(between, plain, rows)
    with pytest.raises(
        ModelError, match=f"60,000 images and {rows * copies:,} variants needs {need:.0f} MB .*or no aug"
    ):
        launch.check_memory(between, more, rows)
    seconds = [launch.estimate(config, [], rows) for config in (plain, more)]
    assert seconds[1]["fit"] == pytest.approx((1 + copies) * seconds[0]["fit"])
    assert seconds[1]["data"] > seconds[0]["data"]


@pytest.mark.parametrize(("words", "level"), [([], "none"), (["--family", "decision_tree"], "hands")])
def test_without_a_family_it_is_the_plain_tree(tiny, words, level):
    command = [sys.executable, "-m", "core", "train", *words, "--max-depth", "2", "--train-size", "500"]
    env = tiny.child_environment() | {"WANDB_MODE": "disabled"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = runs.list_runs(tiny)
    assert run.config["augmentation"] == level


def open_train(**query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / "pages/1_Train.py"), default_timeout=60)
    page.query_params.update(query)
    page.run()
    assert not page.exception, [e.value for e in page.exception]
    return page


def pictures(page: AppTest) -> list[str]:
    return [image.proto.imgs[0].url for image in page.get("image")]


def test_train_shows_what_it_learns_from(empty, started):
    page = open_train()
    assert page.selectbox(key="augmentation").value == "hands"
    assert f"on 4,000 images and {4000 * TREE.copies:,} variants of them, everything" in page.markdown[0].value
    first = pictures(page)
    assert len(first) == 2  # the original, and eight variants in one picture
    page.button(key="another").click().run()
    assert pictures(page) != first
    page.selectbox(key="augmentation").set_value("none").run()
    assert not pictures(page)
    page.button(key="train").click().run()
    assert jobs.load_job(empty, started[0]).config["augmentation"] == "none"


def test_the_link_carries_the_level(empty):
    assert open_train(augmentation="light").selectbox(key="augmentation").value == "light"
    page = open_train(model="Random forest", random_forest_augmentation="none")
    assert page.selectbox(key="random_forest_augmentation").value == "none"


def test_where_the_variants_do_not_fit_it_begins_with_none(empty, monkeypatch):
    need = int(launch.memory_mb(empty, pipeline.make_config("random_forest", {}), 4000)) + SERVER_MB
    for memory, level in ((need - 5, "none"), (need + 5, "hands")):
        monkeypatch.setenv("DIGITLAB_MEMORY_MB", str(memory))
        assert open_train(model="Random forest").selectbox(key="random_forest_augmentation").value == level


def test_a_run_of_before_learned_from_the_images_alone(trained):
    (run,) = runs.list_runs(trained)
    del run.config["augmentation"], run.config["copies"]
    from core import ui
    from core.tracking import log

    assert "hands" not in ui.run_label(run)
    assert log.model_name(run) == "Baseline_model"
    assert launch.learned_rows(run.config, 100) == 100
