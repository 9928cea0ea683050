"""Fitted scikit-learn estimators -> ONNX, by hand: skl2onnx takes minutes and most of a gigabyte for a forest.

Every model has one input, `images` uint8 (n, 28, 28), or what a step of `core.features` makes of them, float32 (n, m),
called after that step; and two outputs, `label` int64 (n,) and `proba` float32 (n, 10).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from core.digits import CLASSES, IMAGE_SHAPE, N_PIXELS
from core.errors import ModelError

if TYPE_CHECKING:
    import onnx

OPSET, ML_OPSET, IR_VERSION = 18, 3, 10
LEAF = -1


class Graph:
    """Nodes and constants as they come, one output leading to the next input."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, op: str, *inputs: str | np.ndarray, domain: str = "", skip: int = 0, **attributes: Any) -> str:
        """Append one node; an array among the inputs becomes a constant. Returns its output after `skip` others."""
        from onnx import helper, numpy_helper

        names = []
        for value in inputs:
            if isinstance(value, np.ndarray):
                names.append(f"c{len(self.constants)}")
                self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), names[-1]))
            else:
                names.append(value)
        outs = [f"n{len(self.nodes)}_{i}" for i in range(skip + 1)]
        self.nodes.append(helper.make_node(op, names, outs, domain=domain, **attributes))
        return outs[skip]

    def model(self, proba: str, feature: str = "") -> "onnx.ModelProto":
        """Close the graph: the likeliest class as `label`, the probabilities as `proba`."""
        from onnx import TensorProto, helper

        label = self.add("ArgMax", proba, axis=1, keepdims=0)
        ends = [
            helper.make_node("Identity", [label], ["label"]),
            helper.make_node("Cast", [proba], ["proba"], to=TensorProto.FLOAT),
        ]
        shape = [None, None] if feature else [None, *IMAGE_SHAPE]
        kind = TensorProto.FLOAT if feature else TensorProto.UINT8
        graph = helper.make_graph(
            [*self.nodes, *ends],
            "digits",
            [helper.make_tensor_value_info(feature or "images", kind, shape)],
            [
                helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
                helper.make_tensor_value_info("proba", TensorProto.FLOAT, [None, len(CLASSES)]),
            ],
            self.constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="Digit Lab")


def convert(estimator: Any, feature: str = "") -> "onnx.ModelProto":
    """Convert a fitted estimator, a Pipeline or a single one.

    Parameters
    ----------
    feature : str
        The step of `core.features` whose numbers it takes; empty = images, which its first step flattens.

    Raises
    ------
    ModelError
        For a step without a conversion.
    """
    from onnx import TensorProto

    graph = Graph()
    at = graph.add("Cast", feature or "images", to=TensorProto.FLOAT)
    if not feature:
        at = graph.add("Reshape", at, np.array([-1, N_PIXELS], np.int64))
    return graph.model(_step(graph, at, estimator), feature)


def _step(graph: Graph, at: str, estimator: Any) -> str:
    name = type(estimator).__name__
    if name not in _STEPS:
        raise ModelError(f"A {name} cannot be exported to ONNX; there are {', '.join(_STEPS)}.")
    return _STEPS[name](graph, at, estimator)


def _pipeline(graph: Graph, at: str, pipeline: Any) -> str:
    for name, step in pipeline.steps:
        if name != "flatten":  # done by the head
            at = _step(graph, at, step)
    return at


def _scaler(graph: Graph, at: str, scaler: Any) -> str:
    scaled = graph.add("Mul", at, scaler.scale_.astype(np.float32))
    return graph.add("Add", scaled, scaler.min_.astype(np.float32))


def _double(graph: Graph, at: str, step: Any) -> str:
    from onnx import TensorProto

    return graph.add("Cast", at, to=TensorProto.DOUBLE)


def _pca(graph: Graph, at: str, pca: Any) -> str:
    return graph.add("MatMul", graph.add("Sub", at, pca.mean_), pca.components_.T)


def _logistic(graph: Graph, at: str, model: Any) -> str:
    weights, start = model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)
    return graph.add("Softmax", graph.add("Gemm", at, weights, start), axis=1)


def _mlp(graph: Graph, at: str, model: Any) -> str:
    layers = list(zip(model.coefs_, model.intercepts_, strict=True))
    for weights, start in layers[:-1]:
        at = graph.add("Relu", graph.add("Gemm", at, weights.astype(np.float32), start.astype(np.float32)))
    weights, start = layers[-1]
    return graph.add("Softmax", graph.add("Gemm", at, weights.astype(np.float32), start.astype(np.float32)), axis=1)


def _svm(graph: Graph, at: str, model: Any) -> str:
    """An RBF machine of all pairs of classes, in doubles, and scikit-learn's way from their votes to ten numbers.

    The votes jump where a pair is undecided, so these sums must be scikit-learn's own to the last digits.
    Source: sklearn.utils.multiclass._ovr_decision_function.
    """
    pairs = [(i, j) for i in CLASSES for j in CLASSES if i < j]
    vectors = model.support_vectors_
    dual = np.zeros((len(vectors), len(pairs)))
    ends = np.concatenate([[0], np.cumsum(model.n_support_)])
    for column, (i, j) in enumerate(pairs):
        of_i, of_j = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
        dual[of_i, column], dual[of_j, column] = model.dual_coef_[j - 1, of_i], model.dual_coef_[i, of_j]
    first, second = (np.array([[float(pair[k] == c) for c in CLASSES] for pair in pairs]) for k in (0, 1))
    gamma, one, three = np.array(-model._gamma), np.array(1.0), np.array(3.0)

    own = graph.add("ReduceSum", graph.add("Mul", at, at), np.array([1], np.int64), keepdims=1)
    crossed = graph.add("MatMul", at, -2 * vectors.T)
    distance = graph.add("Add", graph.add("Add", crossed, (vectors**2).sum(axis=1)), own)
    kernel = graph.add("Exp", graph.add("Mul", distance, gamma))
    decision = graph.add("Add", graph.add("MatMul", kernel, dual), model.intercept_)
    won = _double(graph, graph.add("GreaterOrEqual", decision, np.array(0.0)), None)
    votes = graph.add("Add", graph.add("MatMul", won, first - second), second.sum(axis=0))
    trust = graph.add("MatMul", decision, first - second)
    bound = graph.add("Mul", graph.add("Add", graph.add("Abs", trust), one), three)
    return graph.add("Add", votes, graph.add("Div", trust, bound))


def _calibrated(graph: Graph, at: str, model: Any) -> str:
    (calibrated,) = model.calibrated_classifiers_
    (temperature,) = calibrated.calibrators
    scores = _step(graph, at, calibrated.estimator.estimator)
    return graph.add("Softmax", graph.add("Mul", scores, np.array(float(temperature.beta_))), axis=1)


def _tree(graph: Graph, at: str, model: Any) -> str:
    return _ensemble(graph, at, [model.tree_])


def _forest(graph: Graph, at: str, model: Any) -> str:
    return _ensemble(graph, at, [tree.tree_ for tree in model.estimators_])


def _ensemble(graph: Graph, at: str, trees: list[Any]) -> str:
    sizes = [tree.node_count for tree in trees]
    leaves = [np.flatnonzero(tree.children_left == LEAF) for tree in trees]
    shares = [tree.value[leaf, 0, :] / len(trees) for tree, leaf in zip(trees, leaves, strict=True)]
    there = [np.nonzero(share) for share in shares]
    weights = np.concatenate([share[where] for share, where in zip(shares, there, strict=True)])
    return graph.add(
        "TreeEnsembleClassifier",
        at,
        domain="ai.onnx.ml",
        skip=1,
        **_nodes(
            sizes,
            np.concatenate([tree.children_left for tree in trees]),
            np.concatenate([tree.children_right for tree in trees]),
            np.concatenate([tree.feature for tree in trees]),
            np.concatenate([tree.threshold for tree in trees]),
        ),
        class_treeids=np.repeat(range(len(trees)), [len(where[0]) for where in there]).tolist(),
        class_nodeids=np.concatenate([leaf[where[0]] for leaf, where in zip(leaves, there, strict=True)]).tolist(),
        class_ids=np.concatenate([where[1] for where in there]).tolist(),
        class_weights=weights.astype(np.float32).tolist(),
        classlabels_int64s=list(CLASSES),
        post_transform="NONE",
    )


def _nodes(
    sizes: list[int], left: np.ndarray, right: np.ndarray, feature: np.ndarray, threshold: np.ndarray
) -> dict[str, Any]:
    is_leaf = left == LEAF
    return {
        "nodes_treeids": np.repeat(range(len(sizes)), sizes).tolist(),
        "nodes_nodeids": np.concatenate([np.arange(size) for size in sizes]).tolist(),
        "nodes_featureids": np.where(is_leaf, 0, feature).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": np.where(is_leaf, 0, _at_most(threshold)).tolist(),
        "nodes_truenodeids": np.where(is_leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, right).tolist(),
    }


def _at_most(threshold: np.ndarray) -> np.ndarray:
    # A float32 x is at most a double t exactly where it is at most the greatest float32 that does not exceed t.
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


_STEPS: dict[str, Callable[[Graph, str, Any], str]] = {
    "Pipeline": _pipeline,
    "MinMaxScaler": _scaler,
    "FunctionTransformer": _double,
    "PCA": _pca,
    "DecisionTreeClassifier": _tree,
    "RandomForestClassifier": _forest,
    "ExtraTreesClassifier": _forest,
    "LogisticRegression": _logistic,
    "MLPClassifier": _mlp,
    "SVC": _svm,
    "CalibratedClassifierCV": _calibrated,
}
