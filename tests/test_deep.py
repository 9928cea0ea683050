"""The two networks: one tiny fit of Keras shared by all, what is written, what is refused."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import export, inference, launch, models, onnx_network, pipeline, runs, training, trials
from core.errors import ModelError
from core.settings import Settings
from tests.conftest import ROOT, shared

SMALL = models.spec("cnn_small")


@pytest.fixture(scope="session")
def deep_home(tmp_path_factory, tiny_npz):
    """A home with one run of the small network, three epochs, made from the command line; read only."""

    def make(home):
        settings = Settings(home=home, mnist=tiny_npz, memory_mb=8192)
        words = [sys.executable, "-m", "core", "train", "--family", "cnn_small", "--epochs", "3"]
        env = settings.child_environment() | {"WANDB_MODE": "disabled"}
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return shared(tmp_path_factory, "deep-home", make)


@pytest.fixture
def deep_run(deep_home, tiny_npz):
    (run,) = runs.list_runs(Settings(home=deep_home, mnist=tiny_npz))
    return run


def test_a_network_is_a_run_like_any_other(deep_run, sample):
    assert deep_run.servable, deep_run.card["parity"]
    assert deep_run.model_file == "model.keras"
    assert {"model.keras", "model.onnx", "evaluation.npz", "config.json"} == set(deep_run.card["files"])
    assert deep_run.config["augmentation"] == "hands"
    assert deep_run.config["copies"] == 0
    assert {"keras", "tensorflow"} <= set(deep_run.config["versions"])
    assert [step["done"] for step in deep_run.card["learning"]] == [1, 2, 3]
    assert all(0 < step["held_accuracy"] <= 1 and step["held_loss"] > 0 for step in deep_run.card["learning"])
    proba = inference.predict_proba(inference.load_session(deep_run), np.array(sample.x_test))
    assert (proba.shape, proba.dtype) == ((1000, 10), np.float32)
    np.testing.assert_allclose(proba, runs.load_evaluation(deep_run).proba, atol=1e-5)
    assert deep_run.metrics["accuracy"] > 0.5


def test_a_sweep_of_networks(tiny):
    settings = replace(tiny, memory_mb=8192)
    words = [sys.executable, "-m", "core", "sweep", "--family", "cnn_small", "--augmentation", "none"]
    words += ["--set", "epochs=1", "--grid", "learning_rate=0.001,0.01", "--train-size", "600"]
    env = settings.child_environment() | {"WANDB_MODE": "disabled"}
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = runs.list_runs(settings)
    found = trials.load(settings, run.id)
    assert [one.state for one in found.trials] == ["done", "done"]
    assert run.config["params"] == found.best.params
    assert "sweep" in runs.load_labels(run)["tags"]
    assert run.servable


def test_the_file_loads_with_plain_keras(deep_run, sample, tmp_path):
    np.save(tmp_path / "images.npy", sample.x_test[:50])
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "np.save('proba.npy', model.predict_on_batch(np.load('images.npy')))\n"
        "assert not [m for m in sys.modules if m == 'core' or m.startswith('core.')]\n"
    )
    words = [sys.executable, "-I", "-c", code, str(deep_run.path / "model.keras")]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "proba.npy"), runs.load_evaluation(deep_run).proba[:50], atol=1e-5)


def test_predict_asks_the_file_that_there_is(deep_home, deep_run, tiny_npz, sample, tmp_path):
    from PIL import Image

    Image.fromarray(np.kron(np.asarray(sample.x_test[0]), np.ones((10, 10), np.uint8))).save(tmp_path / "digit.png")
    env = Settings(home=deep_home, mnist=tiny_npz).child_environment()
    said = {}
    for engine in ("onnx", "keras", "joblib"):
        words = [sys.executable, "-m", "core", "predict", "--engine", engine, str(tmp_path / "digit.png")]
        said[engine] = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    found = [[float(line.split()[1]) for line in said[e].stdout.splitlines()] for e in ("onnx", "keras")]
    assert len(found[0]) == 10, said["onnx"].stderr
    np.testing.assert_allclose(*found, atol=1e-5)
    assert said["joblib"].returncode == 1
    assert said["joblib"].stderr.strip().endswith(f"The run {deep_run.id} has model.keras: use --engine keras.")


def test_same_seed_same_bytes_and_the_best_is_kept(sample):
    """Two fits of one epoch each; told to stop after the first of many, it keeps what it has."""
    params = SMALL.check({"epochs": 3})
    material = training.prepare(SMALL, sample.x_train[:500], sample.y_train[:500], 100, 7, "hands")
    one, two = (training.fit(SMALL, params, material, lambda step: False) for _ in range(2))
    assert (len(one.steps), one.stopped) == (1, True)
    proba = [training.predict_proba(model, sample.x_test[:200]) for model in (one, two)]
    assert proba[0].tobytes() == proba[1].tobytes()


def test_export_of_both_networks_agrees(sample, tmp_path):
    """Weights as they begin, but with a batch normalisation that has something to do."""
    import keras

    rng = np.random.default_rng(0)
    for name in ("cnn_small", "cnn_accurate"):
        spec = models.spec(name)
        keras.utils.set_random_seed(0)
        estimator = spec.build(spec.check({}))
        network = estimator.network
        network.set_weights([w * rng.uniform(0.5, 1.5, w.shape) + 0.01 for w in network.get_weights()])
        (tmp_path / name).write_bytes(onnx_network.convert(network).SerializeToString())
        served = export.onnx_proba(tmp_path / name, sample.x_test[:300])
        assert export.parity(estimator.predict_proba(sample.x_test[:300]), served)["servable"]


def test_an_unknown_layer_is_refused():
    import keras

    network = keras.Sequential([keras.Input((28, 28)), keras.layers.LSTM(4)])
    with pytest.raises(ModelError, match=r"A layer LSTM cannot be exported to ONNX\."):
        onnx_network.convert(network)


def test_refused_before_the_start_where_it_cannot_be(settings, monkeypatch):
    config = pipeline.make_config("cnn_small", {})
    need = SMALL.memory_mb(config["params"], 60_000, True)
    with pytest.raises(
        ModelError, match=f"Small CNN on 60,000 images needs {need:.0f} MB beside the server's 200, as "
    ):
        launch.check_memory(replace(settings, memory_mb=512), config, 60_000)
    launch.check_memory(replace(settings, memory_mb=8192), config, 60_000)
    monkeypatch.setattr(launch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="Small CNN cannot be trained here, as tensorflow is not installed: train it"):
        launch.check_memory(replace(settings, memory_mb=8192), config, 60_000)


def test_a_run_of_a_network_is_told_in_its_config(deep_run):
    body = json.loads((deep_run.path / "config.json").read_text())
    assert (body["family"], body["validation"], body["params"]["epochs"]) == ("cnn_small", 5000, 3)


def test_metrics_shows_how_it_learned_and_offers_its_file(deep_home, deep_run, tiny_npz, monkeypatch):
    monkeypatch.setenv("DIGITLAB_HOME", str(deep_home))
    monkeypatch.setenv("DIGITLAB_MNIST", str(tiny_npz))
    shown = {}
    for view in ("Inside", "Export"):
        page = shown[view] = AppTest.from_file(str(ROOT / "pages/2_Metrics.py"), default_timeout=60)
        page.query_params.update({"run": deep_run.id, "view": view})
        page.run()
        assert not page.exception, [e.value for e in page.exception]
    assert "How it learned" in [heading.value for heading in shown["Inside"].subheader]
    offered = [button.proto.label for button in shown["Export"].get("download_button")]
    assert "model.keras" in offered
    assert "model.joblib" not in offered
