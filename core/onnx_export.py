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
_INT32 = 6  # TensorProto.INT32


class Graph:
    """A model under construction: nodes and constants as they come, one output leading to the next input."""

    def __init__(self) -> None:
        from onnx import ModelProto

        self._model = ModelProto(ir_version=IR_VERSION, producer_name="Digit Lab")
        self._model.graph.name = "digits"
        for domain, version in (("", OPSET), ("ai.onnx.ml", ML_OPSET)):
            self._model.opset_import.add(domain=domain, version=version)

    def add(
        self, op: str, *inputs: str | np.ndarray, domain: str = "", skip: int = 0, name: str = "", **attributes: Any
    ) -> str:
        """Append one node; an array among the inputs becomes a constant.

        Parameters
        ----------
        skip : int
            How many of its outputs come before the one that is returned.
        name : str
            Of the output; empty = the next free one.
        """
        from onnx import helper

        graph = self._model.graph
        names = [self.constant(value) if isinstance(value, np.ndarray) else value for value in inputs]
        outs = [name or f"n{len(graph.node)}_{i}" for i in range(skip + 1)]
        graph.node.append(helper.make_node(op, names, outs, domain=domain, **attributes))
        return outs[skip]

    def constant(self, value: np.ndarray) -> str:
        """Add a constant; returns its name."""
        from onnx import numpy_helper

        constants = self._model.graph.initializer
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), f"c{len(constants)}"))
        return constants[-1].name

    def model(self, proba: str, feature: str = "") -> "onnx.ModelProto":
        """Close the graph: the likeliest class as `label`, the probabilities as `proba`."""
        from onnx import TensorProto, helper

        label = self.add("ArgMax", proba, axis=1, keepdims=0)
        self.add("Identity", label, name="label")
        self.add("Cast", proba, name="proba", to=TensorProto.FLOAT)
        shape = [None, None] if feature else [None, *IMAGE_SHAPE]
        kind = TensorProto.FLOAT if feature else TensorProto.UINT8
        graph = self._model.graph
        graph.input.append(helper.make_tensor_value_info(feature or "images", kind, shape))
        graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, [None]))
        graph.output.append(helper.make_tensor_value_info("proba", TensorProto.FLOAT, [None, len(CLASSES)]))
        return self._model


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
    tree = model.tree_
    is_leaf = tree.children_left == LEAF
    leaves, shares = np.flatnonzero(is_leaf), tree.value[is_leaf, 0, :]
    leaf, label = np.nonzero(shares)
    return graph.add(
        "TreeEnsembleClassifier",
        at,
        domain="ai.onnx.ml",
        skip=1,
        nodes_treeids=[0] * tree.node_count,
        nodes_nodeids=list(range(tree.node_count)),
        nodes_featureids=np.where(is_leaf, 0, tree.feature).tolist(),
        nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_values=np.where(is_leaf, 0, _at_most(tree.threshold)).tolist(),
        nodes_truenodeids=np.where(is_leaf, 0, tree.children_left).tolist(),
        nodes_falsenodeids=np.where(is_leaf, 0, tree.children_right).tolist(),
        class_treeids=[0] * len(leaf),
        class_nodeids=leaves[leaf].tolist(),
        class_ids=label.tolist(),
        class_weights=shares[leaf, label].astype(np.float32).tolist(),
        classlabels_int64s=list(CLASSES),
        post_transform="NONE",
    )


def _forest(graph: Graph, at: str, model: Any) -> str:
    """Go down all trees at once, a level a step, through tables of their nodes.

    ONNX's own operator for trees keeps 450 bytes a node in ONNX Runtime 1.32, more than a small server has for a
    forest; the tables take about 60, and a batch is answered about as soon.

    Raises
    ------
    ModelError
        If a left child is not numbered next after its parent.
    """
    trees = [tree.tree_ for tree in model.estimators_]
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.cumsum(sizes) - sizes
    left, right, feature, threshold = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("children_left", "children_right", "feature", "threshold")
    )
    is_leaf, first, itself = left == LEAF, np.repeat(roots, sizes), np.arange(sizes.sum())
    if not (is_leaf | (left == itself - first + 1)).all():
        raise ModelError("A forest that was grown best leaf first, with max_leaf_nodes, cannot be exported to ONNX.")
    # A leaf, which nothing is small enough for, leads to itself on the right: a short path waits for the longest.
    features = graph.constant(np.where(is_leaf, 0, feature).astype(np.int16))
    thresholds = graph.constant(np.where(is_leaf, -np.inf, _at_most(threshold)).astype(np.float32))
    rights = graph.constant(np.where(is_leaf, itself, first + right).astype(np.int32))
    shares = np.concatenate([tree.value[tree.children_left == LEAF, 0, :] for tree in trees]).astype(np.float32)
    one = graph.constant(np.array(1, np.int32))
    node = graph.add("Expand", roots[np.newaxis].astype(np.int32), _one_row_each(graph, at))
    for _ in range(max(tree.max_depth for tree in trees)):
        asked = graph.add("Cast", graph.add("Gather", features, node), to=_INT32)
        goes_left = graph.add(
            "LessOrEqual", graph.add("GatherElements", at, asked, axis=1), graph.add("Gather", thresholds, node)
        )
        node = graph.add("Where", goes_left, graph.add("Add", node, one), graph.add("Gather", rights, node))
    leaf = graph.add("Gather", (np.cumsum(is_leaf) - 1).astype(np.int32), node)
    return graph.add("ReduceMean", graph.add("Gather", shares, leaf), np.array([1], np.int64), keepdims=0)


def _one_row_each(graph: Graph, at: str) -> str:
    """Return the shape (n, 1)."""
    return graph.add("Concat", graph.add("Shape", at, end=1), np.array([1], np.int64), axis=0)


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
