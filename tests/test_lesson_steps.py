"""The guided lesson: each step knows when it was done, the strip leads across pages, in both languages."""

import pytest
from streamlit.testing.v1 import AppTest

from core import depth, lesson
from tests.conftest import ROOT

DONE = {
    "look": {"shuffles": 2},
    "flatten": {"rows": 3},
    "grow": {"deepest": 10},
    "overfit": {"said_depth": 9, "best_depth": 11},
    "confuse": {"said_pair": (4, 9), "worst_pair": (4, 9)},
    "draw": {"drawings": 3},
    "why": {"reasons": 1},
    "mend": {"augmented": 1, "families": 2, "compared": 2},
}
NOT_YET = {
    "look": {"shuffles": 1},
    "flatten": {"rows": 2},
    "grow": {"deepest": 9},
    "overfit": {"said_depth": 8, "best_depth": 11},
    "confuse": {"said_pair": (9, 4), "worst_pair": (4, 9)},
    "draw": {"drawings": 2},
    "why": {"reasons": 0},
    "mend": {"augmented": 1, "families": 2, "compared": 1},
}


@pytest.mark.parametrize("step", lesson.STEPS, ids=lambda step: step.name)
def test_a_step_knows_when_it_was_done(step):
    assert not step.done(lesson.Facts())
    assert not step.done(lesson.Facts(**NOT_YET[step.name]))
    assert step.done(lesson.Facts(**DONE[step.name]))


def open_step(number: int, script: str, **query: str) -> AppTest:
    page = AppTest.from_file(str(ROOT / script), default_timeout=60)
    page.query_params.update({"lesson": str(number), **query})
    page.run()
    assert not page.exception, page.exception
    return page


def test_looking_at_the_data_is_noticed_and_leads_on(trained):
    page = open_step(1, "Home.py")
    assert page.button(key="lesson-next").disabled
    page.button(key="shuffle").click().run()
    page.button(key="shuffle").click().run()
    assert not page.button(key="lesson-next").disabled
    page.button(key="lesson-next").click().run()
    assert page.query_params["lesson"] in ("2", ["2"])
    assert page.slider(key="lesson-row")


def test_a_tree_is_grown_level_by_level(trained):
    page = open_step(3, "pages/1_Train.py", lang="pt")
    assert any("Fazer crescer" in m.value for m in page.markdown)
    slider = page.slider(key="lesson-depth")
    slider.set_value(slider.max).run()
    assert not page.button(key="lesson-next").disabled


def test_the_worst_pair_is_asked_for(trained):
    page = open_step(5, "pages/2_Metrics.py")
    page.selectbox(key="lesson-true").set_value(0)
    page.selectbox(key="lesson-said").set_value(0).run()
    assert page.button(key="lesson-next").disabled
    assert any("another mistake is more frequent" in c.value for c in page.caption)


def test_elsewhere_the_strip_says_where_to_go_and_can_be_left(trained):
    page = open_step(6, "Home.py")
    assert "Draw" in page.button(key="lesson-page").label
    page.button(key="lesson-leave").click().run()
    assert "lesson-next" not in [b.key for b in page.button]
    page.button(key="lesson-start").click().run()
    assert page.query_params["lesson"] in ("6", ["6"])


def test_leaves_of_a_cut_tree_are_averages_of_what_ends_there(trained, sample):
    from core import runs

    tree = depth.load_tree(runs.list_runs(trained)[0])
    images = sample.x_train[:300]
    shown = depth.leaves(tree, 1, depth.ends(tree, images), images, 12)
    low = images.reshape(-1, 784)[:, tree.feature[0]] <= tree.threshold[0]
    assert sorted(shown.counts.tolist()) == sorted([int(low.sum()), int((~low).sum())])
    larger = images[low] if low.sum() >= (~low).sum() else images[~low]
    assert (shown.pictures[0] == larger.mean(axis=0, dtype="float32").astype("uint8")).all()
