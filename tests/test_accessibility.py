"""Every page in both themes: axe-core finds nothing serious; nothing overflows at 360 px or with text doubled."""

import pytest

from tests.conftest import IDLE, overflow, until

pytestmark = pytest.mark.browser
PAGES = (
    "",
    "Train",
    "Metrics",
    "Draw",
    "Runs",
    "?glossary=true",
    "Train?class=true&goal=accuracy>=0.9",
    "Train?lock=all",
)
# Streamlit's own headings jump from h1 to h3 where a page uses a subheader; axe calls that moderate.
SERIOUS = ("serious", "critical")


def show(page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("h1")
    page.wait_for_selector(IDLE)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(serve, visit, trained, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    url = serve(trained)
    page = visit(url, theme=theme)
    found = []
    for name in PAGES:
        show(page, f"{url}/{name}")
        for rule in axe.run(page).response["violations"]:
            if rule["impact"] in SERIOUS:
                found += [f"{name or 'Home'}: {rule['help']}: {node['html'][:120]}" for node in rule["nodes"]]
    assert not found


def test_nothing_overflows_on_a_phone_or_with_large_text(serve, visit, trained):
    url = serve(trained)
    page = visit(url, width=360, touch=True)
    for name in PAGES:
        page.set_viewport_size({"width": 360, "height": 900})
        show(page, f"{url}/{name}")
        assert overflow(page) <= 0, f"{name or 'Home'} at 360 px"
        page.set_viewport_size({"width": 1280, "height": 900})
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        page.wait_for_selector(IDLE)
        # A table takes the new size in a moment after.
        until(lambda: overflow(page) <= 0, seconds=10, what=f"{name or 'Home'} with text at 200 % to fit")
