"""What every control and every number means, once: the pages say it beside them, and the glossary lists it."""

from collections.abc import Mapping
from dataclasses import dataclass

from core import metrics, models, runs
from core.texts import later, t


@dataclass(frozen=True, slots=True)
class Term:
    """One word and what it means, in the visitor's language.

    Parameters
    ----------
    name : str
        As in configs, cards and links.
    label : str
    means : str
        One sentence or two; Markdown.
    here : str
        An example with a run's own number; empty where there is none.
    """

    name: str
    label: str
    means: str
    here: str = ""

    @property
    def help(self) -> str:
        """What stands beside a control or a number."""
        return f"{self.means} {self.here}".strip()


CONTROLS = {
    "model": (later("Model"), later("What kind of model learns. Each has its own parameters, below.")),
    "augmentation": (
        later("Augmentation"),
        later(
            "`augmentation`: what it learns from beside MNIST's own images. Light: turned, slanted and bent a little, "
            "with a thinner or thicker pen. Hands: more of it, and the habits of other schools, such as the crossed 7 "
            "and the flagged 1. It reads real drawings better and takes longer. The test images stay as they are."
        ),
    ),
    "train_size": (
        later("Training images"),
        later("`train_size`: on how many images to learn. Fewer is faster and worse; every digit keeps its share."),
    ),
}
COSTS = {
    "fit": (later("Time to learn"), later("As the clock has it.")),
    "fit_cpu": (later("Processor time"), later("Of all cores together, while it learned.")),
    "predict": (
        later("Time to answer"),
        later("An image, of all test images in one go by the library that trained it."),
    ),
    "memory": (later("Memory"), later("The most that the whole process held.")),
    "size": (later("Size of the model"), later("The file's size on the disk.")),
}
CURVES = {
    "roc": (
        later("ROC curve"),
        later("Receiver operating characteristic: each digit against the rest, at every threshold."),
    ),
    "precision_recall": (
        later("Precision-recall curve"),
        later("How many of its alarms are right, against how much it finds."),
    ),
    "reliability": (
        later("Calibration"),
        later("A reliability diagram: how sure it is against how often it is right. On the dotted line it is honest."),
    ),
}


def control(name: str) -> Term:
    """Return a control of Train that belongs to no family."""
    label, means = CONTROLS[name]
    return Term(name, t(label), t(means))


def parameter(p: models.Parameter) -> Term:
    """Return a parameter of a family, with the name that scikit-learn and Keras have for it."""
    return Term(p.name, t(p.label), f"`{p.name}`: {t(p.help)}")


def controls(spec: models.ModelSpec) -> list[Term]:
    """Return every control of a family's side bar, in its order."""
    return [*map(control, ("model", "augmentation")), *map(parameter, spec.parameters), control("train_size")]


def measure(name: str, value: float | None = None, evaluation: metrics.Evaluation | None = None) -> Term:
    """Return a number of `metrics.MEANING`, with a run's own as the example where there is one."""
    meaning = metrics.MEANING[name]
    here = "" if value is None else metrics.example(name, value, evaluation)
    return Term(name, t(meaning.label), t(meaning.means), here)


def cost(name: str, value: str = "") -> Term:
    """Return what a run costs; `value` is the run's own, with its unit."""
    label, means = COSTS[name]
    return Term(name, t(label), t(means), t("Here: {value}.", value=value) if value else "")


def curve(name: str, here: str = "") -> Term:
    """Return a curve of Metrics."""
    label, means = CURVES[name]
    return Term(name, t(label), t(means), here)


def costs(run: runs.Run) -> Mapping[str, str]:
    """Return a run's own costs, name -> value with its unit; `size` is of what serves."""
    card, timings = run.card, run.card["timings"]
    found = {"fit": seconds(timings["fit"]), "fit_cpu": seconds(timings["fit_cpu"])}
    if "predict" in timings:
        found["predict"] = short(timings["predict"] / card["data"]["n_test"])
    return found | {"memory": f"{card['peak_memory_mb']:,.0f} MB", "size": size(runs.size_of(run))}


def short(value: float) -> str:
    """Return less than a second in words."""
    return f"{1e6 * value:,.0f} µs" if value < 1e-3 else f"{1e3 * value:,.1f} ms"


def seconds(value: float) -> str:
    """Return seconds with the digits that mean something."""
    return f"{value:,.0f} s" if value >= 10 else f"{value:.2g} s"


def size(count: int) -> str:
    """Return bytes in words."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.0f} kB"
