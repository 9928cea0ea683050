"""A Keras network of one layer after another -> ONNX, by hand: tf2onnx is one package more, and slower to answer.

Input and outputs are those of every exported model (see `core.onnx_export`). Batch normalisation is folded into the
layer before it, dropout left out.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from core.digits import IMAGE_SHAPE
from core.errors import ModelError
from core.onnx_export import Graph

if TYPE_CHECKING:
    import keras
    import onnx

_NOTHING = ("InputLayer", "Reshape", "Dropout", "BatchNormalization")


def convert(network: "keras.Model") -> "onnx.ModelProto":
    """Convert a fitted network from uint8 images (n, 28, 28) to ten probabilities.

    Raises
    ------
    ModelError
        For a layer without a conversion.
    """
    from onnx import TensorProto

    graph = Graph()
    at = graph.add("Cast", "images", to=TensorProto.FLOAT)
    at = graph.add("Reshape", at, np.array([-1, 1, *IMAGE_SHAPE], np.int64))
    layers = network.layers
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        at = _layer(graph, at, layer, following)
    return graph.model(at)


def _layer(graph: Graph, at: str, layer: Any, following: Any) -> str:
    name = type(layer).__name__
    if name == "Rescaling":
        return graph.add("Mul", at, np.array(layer.scale, np.float32))
    if name == "Conv2D":
        kernel, start = _folded(layer, following)
        strides = list(layer.strides)
        return graph.add("Conv", at, kernel.transpose(3, 2, 0, 1), start, auto_pad="SAME_UPPER", strides=strides)
    if name == "ReLU":
        return graph.add("Relu", at)
    if name == "MaxPooling2D":
        return graph.add("MaxPool", at, kernel_shape=list(layer.pool_size), strides=list(layer.strides))
    if name == "Flatten":  # Keras has the channels last
        return graph.add("Flatten", graph.add("Transpose", at, perm=[0, 2, 3, 1]))
    if name == "Dense":
        return graph.add("Gemm", at, *_folded(layer, following))
    if name == "Softmax":
        return graph.add("Softmax", at, axis=1)
    if name in _NOTHING:
        return at
    raise ModelError(f"A layer {name} cannot be exported to ONNX.")


def _folded(layer: Any, following: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias of a layer, float32, with the batch normalisation that follows it, if one does."""
    kernel = np.asarray(layer.kernel, np.float64)
    start = np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(kernel.shape[-1])
    if type(following).__name__ == "BatchNormalization":
        mean, variance = np.asarray(following.moving_mean, np.float64), np.asarray(following.moving_variance)
        factor = np.asarray(following.gamma, np.float64) / np.sqrt(variance + following.epsilon)
        kernel, start = kernel * factor, (start - mean) * factor + np.asarray(following.beta)
    return kernel.astype(np.float32), start.astype(np.float32)
