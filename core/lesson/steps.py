"""Eight steps, as data: where each is done, what is to be done, and how it is known that it was."""

from collections.abc import Callable
from dataclasses import dataclass

DEEP = 10  # a tree of so many questions has been seen growing
NEAR = 2  # depths beside the best one that are as good an answer
DRAWINGS = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What somebody did so far; each is counted where it happens.

    Parameters
    ----------
    shuffles : int
        How often other training images were asked for.
    rows : int
        Rows of a picture that were followed into the line of 784 numbers.
    deepest : int
        The greatest depth to which the tree was grown.
    said_depth, best_depth : int or None
        Where somebody sees the tree begin to learn by heart, and the depth that is enough.
    said_pair, worst_pair : (true, predicted) or None
        The most frequent mistake as somebody reads it, and as it is.
    drawings, reasons : int
        Drawings that were answered; reasons that were opened.
    augmented, families, compared : int
        Runs that learned from other hands; families that have a run; runs that stood side by side.
    """

    shuffles: int = 0
    rows: int = 0
    deepest: int = 0
    said_depth: int | None = None
    best_depth: int | None = None
    said_pair: tuple[int, int] | None = None
    worst_pair: tuple[int, int] | None = None
    drawings: int = 0
    reasons: int = 0
    augmented: int = 0
    families: int = 0
    compared: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Parameters
    ----------
    page : str
        The script that it is done on.
    title, task, more : str
        English texts: what it is called, what to do, and what the curious read, with a source.
    done : facts -> bool
    """

    name: str
    page: str
    title: str
    task: str
    more: str
    done: Callable[[Facts], bool]


def _found_depth(facts: Facts) -> bool:
    if facts.said_depth is None or facts.best_depth is None:
        return False
    return abs(facts.said_depth - facts.best_depth) <= NEAR


STEPS = (
    Step(
        "look",
        "Home.py",
        "Look at the data",
        "Press “Show others” twice. Find a digit that you could not read yourself: no machine will read all of them.",
        "MNIST: 60,000 training and 10,000 test images, written by employees of the US Census Bureau and by pupils "
        "(LeCun et al. 1998, http://yann.lecun.com/exdb/mnist/). The test images are by other people than the training "
        "images.",
        lambda facts: facts.shuffles >= 2,
    ),
    Step(
        "flatten",
        "Home.py",
        "Flatten a picture",
        "Move the slider: each row of the picture becomes a piece of one long line of 784 numbers. The machine gets "
        "the line, not the picture.",
        "x = (p₁, p₂, …, p₇₈₄), pᵢ from 0 to 255, row by row. Which pixels are neighbours is lost, and a tree does not "
        "miss it: it asks one pixel at a time. A convolutional network keeps the picture (LeCun et al. 1989).",
        lambda facts: facts.rows >= 3,
    ),
    Step(
        "grow",
        "pages/1_Train.py",
        "Grow a tree",
        "Move the slider from 1 to 10 and beyond. Each picture is the average of the training images that end in one "
        "leaf: the more questions, the sharper the pictures.",
        "At each node the tree takes the question that leaves the least Gini impurity, 1 - Σ pₖ², on both sides "
        "together (Breiman et al. 1984, Classification and Regression Trees).",
        lambda facts: facts.deepest >= DEEP,
    ),
    Step(
        "overfit",
        "pages/1_Train.py",
        "See it learn by heart",
        "The grey line is what it learned from, the blue one is what it never saw. From which depth on does the blue "
        "line stop rising, while the grey one goes on? Set the number.",
        "The gap between the two is the generalisation gap. We call a depth enough when it is within one standard "
        "error of the best, √(p(1-p)/n), on images held out of the training (Breiman et al. 1984, section 3.4.3).",
        _found_depth,
    ),
    Step(
        "confuse",
        "pages/2_Metrics.py",
        "Read a confusion matrix",
        "Each row is a digit as it was written, each column what the model said. Off the diagonal are the mistakes. "
        "Find the most frequent one and name it.",
        "Row i, column j: how many images of digit i were answered with j. Recall is the diagonal over its row, "
        "precision the diagonal over its column.",
        lambda facts: facts.said_pair is not None and facts.said_pair == facts.worst_pair,
    ),
    Step(
        "draw",
        "pages/3_Draw.py",
        "Draw, and be misread",
        "Draw three digits, each as you write on paper. Does it read your hand? Try a 7 with a bar, a 1 with a foot, "
        "a 4 that is open at the top.",
        "A model knows only hands like those that it learned from: a shift of distribution (Quiñonero-Candela et al. "
        "2009, Dataset Shift in Machine Learning).",
        lambda facts: facts.drawings >= DRAWINGS,
    ),
    Step(
        "why",
        "pages/3_Draw.py",
        "See why",
        "Open one of the reasons below the answer. Which pixels did it look at? How few would have to change for "
        "another answer?",
        "A tree's reason is exact: the path of its questions. For other models we cover a patch at a time and look how "
        "far the answer falls (Zeiler & Fergus 2014, https://arxiv.org/abs/1311.2901).",
        lambda facts: facts.reasons >= 1,
    ),
    Step(
        "mend",
        "pages/1_Train.py",
        "Mend it",
        "Train again with the augmentation “hands”: it learns from digits as other people and other pens write them. "
        "Train a forest or a CNN too, then compare them on Runs and draw for the better one.",
        "Augmentation adds what we know: a digit stays the same digit when it is turned, slanted, bent or drawn with "
        "another pen (Simard et al. 2003, https://doi.org/10.1109/ICDAR.2003.1227801).",
        lambda facts: facts.augmented >= 1 and facts.families >= 2 and facts.compared >= 2,
    ),
)
