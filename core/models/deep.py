"""Convolutional networks by Keras. TensorFlow is imported where one is built, which is in a child and nowhere else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core import augmentation
from core.digits import CLASSES, IMAGE_SHAPE
from core.models.family import RANDOM_STATE, Material, ModelSpec, Parameter, Params, Report, Step
from core.models.trees import CLASS_WEIGHT

if TYPE_CHECKING:
    import keras

BATCH = 125  # an eighth of a chunk of the stream
ORIGINALS = 0.5  # share of each epoch that is MNIST's own; the rest is written by other hands
SMOOTHING = 0.05
AVERAGE = 0.95  # how much of the averaged weights stays with each chunk
WARM_UP = 0.1  # share of all steps
_ANSWERED = 1000


@dataclass(frozen=True, slots=True)
class _Net:
    """Blocks of convolutions, (filters, kernel, stride); "pool" halves the picture, "drop" forgets some of it."""

    blocks: tuple[tuple[int, int, int] | Literal["pool", "drop"], ...]
    patience: int


_SMALL = _Net(((16, 5, 2), (32, 3, 1), "pool", (64, 3, 1), "pool"), 4)
_ACCURATE = _Net(
    ((32, 5, 1), (64, 3, 2), (64, 3, 1), "drop", (128, 3, 2), (128, 3, 1), "drop", (128, 3, 2)),
    10,
)


class Network:
    """A fitted Keras network in scikit-learn's manner.

    Parameters
    ----------
    network : keras.Model
        From uint8 images (n, 28, 28) to ten probabilities; scaling is its first layer.
    """

    def __init__(self, network: "keras.Model") -> None:
        self.network = network

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        """Answer images, (n, 28, 28) uint8; returns (n, 10) float32."""
        return _answers(self.network, images)


def load(path: Any) -> Network:
    """Read a `model.keras` back."""
    import keras

    return Network(keras.models.load_model(path))


def _parameters(epochs: int, rate: float) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "epochs",
            "Epochs",
            "int",
            epochs,
            "How often it sees all training images, with new variants each time. It takes smaller and smaller steps "
            "towards the end, so fewer epochs are also hastier ones.",
            low=1,
            high=60,
        ),
        Parameter(
            "learning_rate",
            "Learning rate",
            "float",
            rate,
            "How large a step it takes after each handful of images, at its largest.",
            low=0.0001,
            high=0.02,
            step=0.0005,
        ),
        Parameter(
            "weight_decay",
            "Weight decay",
            "float",
            0.005,
            "Pulls the weights towards zero, which keeps it from learning single images by heart.",
            low=0.0,
            high=0.1,
            step=0.001,
        ),
        Parameter(
            "dropout",
            "Dropout",
            "float",
            0.3,
            "Which share of what it has seen is forgotten at each step, so that it does not rely on a single detail.",
            low=0.0,
            high=0.8,
            step=0.05,
        ),
        CLASS_WEIGHT,
        RANDOM_STATE,
    )


def _build(net: _Net, params: Params) -> "keras.Model":
    import keras

    layers = keras.layers
    images = keras.Input(IMAGE_SHAPE, dtype="uint8", name="images")
    x = layers.Reshape((*IMAGE_SHAPE, 1))(layers.Rescaling(1 / 255)(images))
    for block in net.blocks:
        if block == "pool":
            x = layers.MaxPooling2D()(x)
        elif block == "drop":
            x = layers.Dropout(float(params["dropout"] or 0) / 2)(x)
        else:
            filters, kernel, stride = block
            x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False)(x)
            # Keras's own momentum of 0.99 has hardly looked at the data after a short epoch.
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(float(params["dropout"] or 0))(layers.Flatten()(x))
    return keras.Model(images, layers.Softmax()(layers.Dense(len(CLASSES))(x)))


def _estimator(net: _Net, params: Params) -> Any:
    return Network(_build(net, params))


def _compile(network: "keras.Model", params: Params, steps: int) -> None:
    import keras

    rate, warm = float(params["learning_rate"] or 0), int(steps * WARM_UP)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate / 10, max(steps - warm, 1), alpha=0.001, warmup_target=rate, warmup_steps=warm
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=float(params["weight_decay"] or 0))
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    network.compile(optimizer=optimizer, loss=keras.losses.CategoricalCrossentropy(label_smoothing=SMOOTHING))


def _learn(net: _Net, params: Params, material: Material, report: Report) -> Network:
    """Learn epoch by epoch; keep the best one by the held-out images, and stop when it gets no better for long.

    What is judged and kept is a running average of the weights, which is steadier than the weights of any one step
    (Polyak & Juditsky 1992, https://doi.org/10.1137/0330046).
    """
    import keras
    import tensorflow

    keras.utils.set_random_seed(int(params["random_state"] or 0))
    tensorflow.config.experimental.enable_op_determinism()
    learning, judged = _build(net, params), _build(net, params)
    total = int(params["epochs"] or 1)
    _compile(learning, params, -(-len(material.labels) // BATCH) * total)
    share = 1.0 if material.level == "none" else ORIGINALS
    seed = int(params["random_state"] or 0)
    stream = augmentation.stream(material.images, material.labels, material.level, seed, originals=share)
    weights = _class_weights(material.labels, params["class_weight"])
    average, best, best_accuracy, waited, chunks = None, learning.get_weights(), -1.0, 0, 0
    for k in range(total):
        for images, labels in _ahead(stream.epoch(k)):
            _step(learning, images, labels, weights)
            average = _averaged(average, learning.get_weights(), chunks)
            chunks += 1
        judged.set_weights(average)
        step = _judged(judged, material, k + 1, total)
        waited = 0 if step.held_accuracy is None or step.held_accuracy >= best_accuracy else waited + 1
        if not waited:
            best, best_accuracy = judged.get_weights(), step.held_accuracy or -1.0
        if not report(step) or waited > net.patience:
            break
    judged.set_weights(best)
    return Network(judged)


def _step(network: "keras.Model", images: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
    wanted = np.eye(len(CLASSES), dtype=np.float32)[labels]
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        network.train_on_batch(images[part], wanted[part], sample_weight=weights[labels[part]])


def _averaged(average: list[np.ndarray] | None, now: list[np.ndarray], chunks: int) -> list[np.ndarray]:
    if average is None:
        return now
    kept = min(AVERAGE, (1 + chunks) / (10 + chunks))  # what it was at the very beginning is soon forgotten
    return [kept * old + (1 - kept) * new for old, new in zip(average, now, strict=True)]


def _judged(network: "keras.Model", material: Material, done: int, total: int) -> Step:
    if not len(material.held_labels):
        return Step(done, total, "epochs")
    proba = _answers(network, material.held_images)
    right = proba[np.arange(len(proba)), material.held_labels]
    accuracy = float((proba.argmax(axis=1) == material.held_labels).mean())
    return Step(done, total, "epochs", accuracy, float(-np.log(np.maximum(right, 1e-9)).mean()))


def _answers(network: "keras.Model", images: np.ndarray) -> np.ndarray:
    starts = range(0, len(images), _ANSWERED)
    return np.concatenate([network.predict_on_batch(np.array(images[i : i + _ANSWERED])) for i in starts])


def _class_weights(labels: np.ndarray, how: Any) -> np.ndarray:
    counts = np.bincount(labels, minlength=len(CLASSES))
    balanced = len(labels) / (len(CLASSES) * np.maximum(counts, 1))  # as scikit-learn balances
    return (balanced if how == "balanced" else np.ones(len(CLASSES))).astype(np.float32)


def _ahead(chunks: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    # The next chunk is written by one core while TensorFlow learns from this one.
    with ThreadPoolExecutor(1) as writer:
        coming = writer.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = writer.submit(next, chunks, None)
            yield chunk


def _family(
    name: str, label: str, summary: str, net: _Net, epochs: int, rate: float, seconds: float, memory: float
) -> ModelSpec:
    return ModelSpec(
        name,
        label,
        summary,
        _parameters(epochs, rate),
        partial(_estimator, net),
        lambda params, n: seconds * float(params["epochs"] or 1) * n / 60_000,
        # All that is resident, unlike elsewhere: TensorFlow's own pages are in use at every step. The images stand in
        # a file and are read chunk by chunk, so that their number does not matter.
        lambda params, n, small: memory,
        learn=partial(_learn, net),
        validation=5000,
        augmentation="hands",
        streams=True,
        needs="tensorflow",
    )


CNN_SMALL = _family(
    "cnn_small",
    "Small CNN",
    "Slides little stroke detectors over the picture, and detectors of their patterns over those; a few minutes.",
    _SMALL,
    8,
    0.004,
    26.0,
    920.0,
)
CNN_ACCURATE = _family(
    "cnn_accurate",
    "Accurate CNN",
    "The same with more and deeper layers, and patience: the best reader here, after half an hour.",
    _ACCURATE,
    30,
    0.003,
    100.0,
    1400.0,
)
