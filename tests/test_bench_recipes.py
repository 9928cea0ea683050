"""bench/recipes.py, accuracy.py and the table of pens.py, on runs whose cards are written here."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from bench import accuracy, pens, recipes
from core import files, models, runs
from core.settings import Settings
from tests.conftest import ROOT
from tests.test_bench_pens import one


@pytest.mark.parametrize("recipe", recipes.known(), ids=lambda recipe: recipe.family)
def test_every_recipe_is_a_config_and_a_command(recipe):
    config = recipes.config(recipe)
    assert (config["family"], config["train_size"]) == (recipe.family, None)
    words = recipes.command(recipe)
    given = {name[2:].replace("-", "_"): value for name, value in zip(words[4::2], words[5::2], strict=True)}
    assert given.pop("model") == recipe.family
    assert given.pop("augmentation") == config["augmentation"]
    assert given == {name: str(config["params"][name]) for name in recipe.params}


def test_each_family_has_one_recipe_and_each_bar_its_family():
    named = [recipe.family for recipe in recipes.RECIPES]
    assert len(set(named)) == len(named)
    assert set(models.CATALOGUE) <= set(named)
    assert sum(recipe.bar is not None for recipe in recipes.RECIPES) == 5


@pytest.fixture
def home(trained_home, tmp_path):
    """A home with one run, said to be the tree's recipe on all of MNIST."""
    shutil.copytree(trained_home / "runs", tmp_path / "home" / "runs")
    settings = Settings(home=tmp_path / "home")
    (run,) = runs.list_runs(settings)
    tree = next(recipe for recipe in recipes.RECIPES if recipe.family == "decision_tree")
    files.write_json(run.path / "config.json", run.config | recipes.config(tree))
    card = json.loads((run.path / "card.json").read_text())
    card["data"]["is_sample"] = False
    card["metrics"]["accuracy"] = 0.9
    card["timings"]["fit_cpu"] = 12.0
    files.write_json(run.path / "card.json", card)
    return settings


def test_a_recipe_finds_its_own_run_only(home):
    (run,) = runs.list_runs(home)
    assert recipes.finished(home) == {"decision_tree": run}
    for other in ({"augmentation": "none"}, {"copies": 1}, {"params": run.config["params"] | {"max_depth": 5}}):
        files.write_json(run.path / "config.json", run.config | other)
        assert recipes.finished(home) == {}


def test_accuracy_holds_each_bar_against_its_run(home):
    (run,) = runs.list_runs(home)
    bar = recipes.Bar(0.9, 0.5, cpu_seconds=12)
    recipe = recipes.Recipe("decision_tree", bar=bar)
    assert accuracy.reached(recipe, run)
    assert not accuracy.reached(recipe, None)
    for missed in ({"accuracy": 0.901}, {"cpu_seconds": 11.9}):
        assert not accuracy.reached(dataclasses.replace(recipe, bar=dataclasses.replace(bar, **missed)), run)
    assert "0.9000         12" in accuracy.line(recipe, run)


def bench(name: str, settings: Settings, *words: str) -> subprocess.CompletedProcess:
    env = settings.child_environment()
    words = [sys.executable, f"bench/{name}.py", *words]
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_tables_name_what_is_missing_and_do_not_pass(home, tmp_path):
    done = bench("accuracy", home)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1] == "accuracy: 1 of 5 reached (bar 5)"
    assert "hog_svm             no run yet: python bench/recipes.py hog_svm" in done.stdout

    file = tmp_path / "mine.npz"
    np.savez(file, images=np.stack([one(60), one(200)]), labels=np.array([1, 1], np.uint8))
    done = bench("pens", home, "--pens", str(file))
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stderr
    assert lines[0] == "2 drawings of mine.npz"
    assert lines[2].split() == ["decision_tree", "1.000", "0.000", "1.000", "1.000", "1.000", "1.000", "0.78:", "yes"]
    assert lines[-1] == "pens: 1 of 5 reached (bar 5)"


def test_the_sample_alone_is_no_bench(settings):
    (settings.home / "data").mkdir(parents=True)
    assert bench("recipes", settings).returncode == 2
    done = bench("recipes", settings, "no_such_family")
    assert "there is no recipe for no_such_family" in done.stderr
    done = bench("accuracy", settings)
    assert done.returncode == 2, done.stdout + done.stderr
    assert runs.list_runs(settings) == []


def test_variants_are_prepared_once_for_all_runs():
    images = pens.prepared(np.stack([one(60), one(200)]))
    assert set(images) == set(pens.VARIANTS)
    assert all(naive.shape == ours.shape == (2, 28, 28) for naive, ours in images.values())
