"""Families that draw boundaries: straight ones, and a support vector machine's curved ones."""

from functools import partial
from typing import Any

from core.models.family import (
    RANDOM_STATE,
    Material,
    ModelSpec,
    Parameter,
    Params,
    Report,
    Step,
    on_features,
    on_pixels,
)
from core.models.trees import CLASS_WEIGHT


def _c(default: float) -> Parameter:
    return Parameter(
        "C",
        "C (freedom)",
        "float",
        default,
        "How closely the boundaries may follow the training images. Small: simple and cautious.",
        low=0.001,
        high=100.0,
        step=0.1,
    )


_MAX_ITER = Parameter(
    "max_iter",
    "Most steps",
    "int",
    100,
    "How many steps the search for the best boundaries may take.",
    low=10,
    high=1000,
)


def _build_logistic(wrap: Any, params: Params) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import MinMaxScaler

    return wrap(MinMaxScaler(), LogisticRegression(**params))


def _build_svm(params: Params) -> Any:
    import numpy as np
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.svm import SVC

    # In doubles from the start: the exported model repeats the sums to the last digits, or the votes would differ.
    double = FunctionTransformer(np.asarray, kw_args={"dtype": np.float64})
    pca = PCA(int(params["n_components"] or 80), svd_solver="covariance_eigh")
    machine = SVC(C=params["C"], class_weight=params["class_weight"], gamma="scale", cache_size=200)
    return on_features(double, pca, machine)


def _learn_svm(params: Params, material: Material, report: Report) -> Any:
    """Fit the machine, then turn its scores into probabilities on images that it has not seen.

    One temperature for all of them (Guo et al. 2017, https://arxiv.org/abs/1706.04599).
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    machine = _build_svm(params).fit(material.images, material.labels)
    calibrated = CalibratedClassifierCV(FrozenEstimator(machine), method="temperature", ensemble=False)
    seen = (
        (material.held_images, material.held_labels)
        if len(material.held_labels)
        else (material.images, material.labels)
    )
    report(Step(1, 1, "fit"))
    return on_features(calibrated.fit(*seen))


LOGISTIC = ModelSpec(
    "logistic_regression",
    "Logistic regression",
    "Weighs every pixel for and against each digit, and adds up.",
    (_c(0.1), _MAX_ITER, CLASS_WEIGHT, RANDOM_STATE),
    partial(_build_logistic, on_pixels),
    lambda params, n: 0.6 * float(params["max_iter"] or 1) * n / 60_000,
    lambda params, n, small: 155 + 0.0065 * n,
    class_rows=20_000,
    augmentation="hands",
    copies=1,
)
HOG_LOGISTIC = ModelSpec(
    "hog_logistic",
    "Logistic regression on strokes",
    "Stands the digit upright, looks at the directions of its strokes (HOG), and weighs them.",
    (_c(3.0), _MAX_ITER, CLASS_WEIGHT, RANDOM_STATE),
    partial(_build_logistic, on_features),
    lambda params, n: 11 + 0.4 * float(params["max_iter"] or 1) * n / 60_000,
    lambda params, n, small: 180 + 0.0024 * n,
    features="deskew_hog",
    class_rows=20_000,
    augmentation="hands",
    copies=1,
)
HOG_SVM = ModelSpec(
    "hog_svm",
    "Support vector machine on strokes",
    "Compares the strokes' directions (HOG) with those of the training images nearest to the boundaries, on one core.",
    (
        _c(5.0),
        Parameter(
            "n_components",
            "Components",
            "int",
            80,
            "To how many numbers the strokes are boiled down first, by PCA.",
            low=10,
            high=200,
        ),
        CLASS_WEIGHT,
        RANDOM_STATE,
    ),
    _build_svm,
    lambda params, n: 11 + 40 * (n / 60_000) ** 1.5,
    lambda params, n, small: 240 + 0.0034 * n,
    learn=_learn_svm,
    features="deskew_hog",
    validation=5000,
    augmentation="hands",
    copies=1,
)
