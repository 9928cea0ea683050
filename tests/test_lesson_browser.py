"""The whole lesson in a real Chromium, in both languages: each step is done as a visitor would, and leads on."""

import re
import shutil

import pytest

from core import dataset, depth, lesson, metrics, runs, texts
from core.settings import Settings
from tests.conftest import IDLE
from tests.drawing import FIVE, reading_home, replay

__all__ = ["reading_home"]
pytestmark = pytest.mark.browser


@pytest.fixture
def place(reading_home, tiny_npz, tmp_path) -> Settings:
    """A home with a tree and a support vector machine that learned from other hands."""
    shutil.copytree(reading_home, tmp_path / "home")
    return Settings(home=tmp_path / "home", mnist=tiny_npz, keras_home=tmp_path, memory_mb=4096)


class Pupil:
    """Somebody in the lesson: reads the strip, does what it says, goes on."""

    def __init__(self, page, language: str) -> None:
        self.page, self.words = page, texts.table() if language == "pt" else {}

    def t(self, english: str, **values: object) -> str:
        return self.words.get(english, english).format(**values)

    def at(self, number: int) -> None:
        """See that this step is open and not yet done."""
        strip = self.page.locator(".st-key-lesson-strip")
        head = self.t("Lesson, step {n} of {total}", n=number, total=len(lesson.STEPS))
        strip.get_by_text(f"{head} · {self.t(lesson.STEPS[number - 1].title)}").wait_for()
        self.page.wait_for_selector(IDLE)

    def elsewhere(self) -> None:
        """Follow the strip's button to the page where the step is done."""
        self.page.locator(".st-key-lesson-page button").click()
        self.page.locator(".st-key-lesson-page").wait_for(state="detached")
        self.page.wait_for_selector(IDLE)

    def next(self) -> None:
        """Go on, which the strip allows only when the step is done."""
        self.page.locator(".st-key-lesson-next button:enabled").click()

    def slide(self, english: str, key: str, times: int = 1) -> None:
        slider = self.page.get_by_role("slider", name=self.t(english))
        for _ in range(times):
            slider.press(key)
            self.page.wait_for_selector(IDLE)

    def choose(self, key: str, value: int) -> None:
        box = self.page.locator(f".st-key-{key} input")
        box.click()
        self.page.get_by_role("option", name=str(value), exact=True).click()
        self.page.wait_for_selector(IDLE)


def deep_enough(settings: Settings) -> int:
    """Return the depth that the fourth step asks for."""
    run = next(run for run in runs.list_runs(settings) if run.family == "decision_tree")
    study = depth.of_run(run, dataset.load(settings))
    seen = depth.good_enough(depth.table(study)["test"].to_numpy(), int(study.test[0].sum()))
    return depth.best_depth(study) or int(seen.argmax()) + 1


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_lesson_is_done_from_the_first_step_to_the_last(serve, visit, place, language):
    url = serve(place)
    page = visit(f"{url}/?lang={language}")
    pupil = Pupil(page, language)
    page.locator(".st-key-lesson-start button").click()

    pupil.at(1)
    for _ in range(2):
        page.locator(".st-key-shuffle button").click()
        page.wait_for_selector(IDLE)
    pupil.next()

    pupil.at(2)
    pupil.slide("Row of the picture", "ArrowRight", 3)
    pupil.next()

    pupil.elsewhere()
    pupil.at(3)
    pupil.slide("Questions that the tree may ask", "End")
    pupil.next()

    pupil.at(4)
    page.locator(".st-key-lesson-enough input").fill(str(deep_enough(place)))
    page.locator(".st-key-lesson-enough input").press("Enter")
    pupil.next()

    pupil.elsewhere()
    pupil.at(5)
    run = runs.list_runs(place)[0]
    worst = metrics.worst_pair(runs.load_evaluation(run).confusion_matrix)
    pupil.choose("lesson-true", worst.true)
    pupil.choose("lesson-said", worst.predicted)
    pupil.next()

    pupil.elsewhere()
    pupil.at(6)
    for _ in range(lesson.steps.DRAWINGS):
        replay(page, FIVE)
        page.wait_for_selector(".dl-answer:not(.dl-none)")
        page.wait_for_selector(IDLE)
        page.keyboard.press("c")
        page.wait_for_selector(".dl-none")
        page.wait_for_selector(IDLE)
    pupil.next()

    pupil.at(7)
    replay(page, FIVE)
    page.wait_for_selector(".dl-answer:not(.dl-none)")
    page.get_by_role("radio", name=pupil.t("Why"), exact=True).click()
    pupil.next()

    pupil.at(8)
    found = [one.id for one in runs.list_runs(place)]
    page.goto(f"{url}/Runs?lang={language}&lesson=8&compare={','.join(found)}")
    pupil.at(8)
    pupil.next()
    page.locator(".st-key-lesson-strip").wait_for(state="detached")
    assert not re.search("lesson=", page.url)
