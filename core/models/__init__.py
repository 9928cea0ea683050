"""The catalogue: one `ModelSpec` per family. Its parameters are its sidebar, its command line and its checks."""

from core.errors import ModelError
from core.models import deep, forests, linear, neural, trees
from core.models.family import DEFAULT, RANDOM_STATE, Material, ModelSpec, Parameter, Params, Report, Step, Value
from core.texts import t

__all__ = [
    "CATALOGUE",
    "DEFAULT",
    "RANDOM_STATE",
    "Material",
    "ModelSpec",
    "Parameter",
    "Params",
    "Report",
    "Step",
    "Value",
    "spec",
]

CATALOGUE: dict[str, ModelSpec] = {
    family.name: family
    for family in (
        trees.DECISION_TREE,
        forests.RANDOM_FOREST,
        forests.EXTRA_TREES,
        linear.LOGISTIC,
        neural.MLP,
        linear.HOG_LOGISTIC,
        linear.HOG_SVM,
        forests.HOG_EXTRA_TREES,
        deep.CNN_SMALL,
        deep.CNN_ACCURATE,
    )
}


def spec(name: str) -> ModelSpec:
    """Return one family.

    Raises
    ------
    ModelError
        If the catalogue has no such family.
    """
    if name not in CATALOGUE:
        raise ModelError(
            t("There is no model family {name!r}; there are {known}.", name=name, known=", ".join(CATALOGUE))
        )
    return CATALOGUE[name]
