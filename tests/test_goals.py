"""A teacher's goal and lock on literals: what is read, what is refused in one sentence, who stands where."""

from pathlib import Path

import pytest

from core import goals, locks, runs
from core.errors import GoalError
from core.goals import Condition, Entry, Goal

NINETY = Goal((Condition("accuracy", ">=", 0.9), Condition("leaves", "<=", 200.0)))
BEAT = Goal((Condition("my_digits", ">", None, "depth10"),))
RUN = "20260101-000000-decision_tree-abcd"


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("accuracy>=0.90,leaves<=200", NINETY),
        (" accuracy >= 90% , leaves<=200,", NINETY),
        ("my_digits>depth10", BEAT),
        (f"my_digits>{RUN}", Goal((Condition("my_digits", ">", None, RUN),))),
        ("seconds<1.5", Goal((Condition("seconds", "<", 1.5),))),
    ],
)
def test_goals_are_read(text, goal):
    assert goals.parse(text) == goal
    assert goals.parse(goals.write(goal)) == goal


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 0 conditions; write 1 to 5"),
        (",".join(["f1>0"] * 6), "has 6 conditions"),
        ("accuracy", "'accuracy', which is no condition"),
        ("accuracy=0.9", "no condition"),
        ("speed>3", "asks for 'speed'; what can be asked for is accuracy, f1, my_digits, leaves"),
        ("accuracy>=90", "has '90' for accuracy; write a share such as 0.90 or 90%"),
        ("accuracy>=nan", "has 'nan' for accuracy"),
        ("leaves<=50%", "has '50%' for leaves; write a number"),
        ("leaves<=-1", "has '-1' for leaves"),
        ("my_digits>depth0", "has 'depth0' for my_digits"),
        ("accuracy>=<b>", "has '<b>' for accuracy"),
    ],
)
def test_what_is_no_goal_is_refused_in_one_sentence(text, said):
    with pytest.raises(GoalError, match=r"^The link's goal .*[^.]\.$") as caught:
        goals.parse(text)
    assert said in str(caught.value)


def test_a_goal_is_reached_or_so_far_away():
    reached = goals.judge(NINETY, {"accuracy": 0.9, "leaves": 200}, {})
    assert (reached.reached, reached.short) == (True, 0.0)
    half = goals.judge(NINETY, {"accuracy": 0.882, "leaves": 150}, {})
    assert [part.reached for part in half.parts] == [False, True]
    assert half.short == pytest.approx(0.02)
    assert goals.describe_part(half.parts[0]) == "accuracy at least 90 %: **88.2 %**, 1.8 points to go"
    many = goals.judge(NINETY, {"accuracy": 0.95, "leaves": 1200}, {})
    assert goals.describe_part(many.parts[1]) == "leaves at most 200: **1,200**, 1,000 to go"
    forest = goals.judge(NINETY, {"accuracy": 0.97}, {})
    assert not forest.reached
    assert goals.describe_part(forest.parts[1]) == "leaves at most 200: this model has none to count"


def test_a_rival_must_be_beaten():
    others = {"depth10": {"my_digits": 0.6}}
    assert goals.judge(BEAT, {"my_digits": 0.61}, others).reached
    level = goals.judge(BEAT, {"my_digits": 0.6}, others)
    assert not level.reached
    assert level.short > 0
    words = "right on my digits more than a tree of depth 10 (60 %): **61 %**"
    assert goals.describe_part(goals.judge(BEAT, {"my_digits": 0.61}, others).parts[0]) == words
    alone = goals.judge(BEAT, {"my_digits": 0.61}, {})
    assert "not on this server yet" in goals.describe_part(alone.parts[0])
    assert "no drawing of yours" in goals.describe_part(goals.judge(BEAT, {}, others).parts[0])


def test_goals_in_words():
    assert goals.describe(NINETY) == "accuracy at least 90 %; leaves at most 200"
    assert goals.describe(BEAT) == "right on my digits more than a tree of depth 10"


def run(run_id: str, family: str, **params) -> runs.Run:
    card = {
        "metrics": {"accuracy": 0.8, "f1": 0.79},
        "shape": {"leaves": 50, "depth": 6} if family == "decision_tree" else {},
        "data": {"n_fit": 4000},
        "timings": {"fit": 1.5},
        "files": {"model.onnx": {"bytes": 2_000_000}},
    }
    return runs.Run(run_id, Path(), {"family": family, "params": params}, card)


def test_facts_of_a_run():
    expected = {"accuracy": 0.8, "f1": 0.79, "images": 4000, "seconds": 1.5, "megabytes": 2.0}
    assert goals.facts(run(RUN, "random_forest"), 0.5) == expected | {"my_digits": 0.5}
    assert goals.facts(run(RUN, "decision_tree")) == expected | {"leaves": 50, "depth": 6}


def test_who_may_be_the_rival():
    found = [run("a", "decision_tree", max_depth=10), run("b", "decision_tree", max_depth=3), run("c", "random_forest")]
    assert [one.id for one in goals.candidates("depth10", found)] == ["a"]
    assert [one.id for one in goals.candidates("b", found)] == ["b"]
    assert goals.candidates(RUN, found) == []


def test_the_board_has_one_line_an_author():
    entries = [
        Entry("Ana", "1", {"accuracy": 0.95, "leaves": 900}, {}),
        Entry("Ana", "2", {"accuracy": 0.89, "leaves": 150}, {}),
        Entry("Rui", "3", {"accuracy": 0.91, "leaves": 199}, {}),
        Entry("", "4", {"accuracy": 0.97}, {}),
        Entry("Eva", "5", {"accuracy": 0.92, "leaves": 180}, {}),
    ]
    lines = goals.board(NINETY, entries)
    assert [(entry.author, entry.run) for entry, _ in lines] == [("Eva", "5"), ("Rui", "3"), ("Ana", "2"), ("", "4")]
    assert [standing.reached for _, standing in lines] == [True, True, False, False]


def test_locks():
    known = locks.names()
    assert locks.parse("", known) == frozenset()
    assert locks.parse("max_depth, criterion", known) == {"max_depth", "criterion"}
    assert locks.parse("model", known) == {"model"}
    assert locks.parse("all", known) == set(known) >= {"model", "augmentation", "max_depth", "n_estimators"}
    with pytest.raises(GoalError, match=r"names '<b>x', which is no control of Train"):
        locks.parse("max_depth,<b>x", known)
