"""A Portuguese browser: every page in its language and within its window, and a choice that outlives a switch."""

import re

import pytest
from playwright.sync_api import expect

from tests.conftest import IDLE, overflow

pytestmark = pytest.mark.browser
PAGES = {"": "Digit Lab", "Train": "Treinar", "Metrics": "Métricas", "Draw": "Desenhar", "Runs": "Modelos"}


def test_a_portuguese_browser_reads_portuguese(serve, visit, trained):
    url = serve(trained)
    page = visit(url, width=360, touch=True, locale="pt-PT")
    for name, title in PAGES.items():
        page.goto(f"{url}/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.wait_for_selector(IDLE)
        expect(page.locator("html")).to_have_attribute("lang", "pt-PT")
        page.wait_for_load_state("networkidle")
        assert overflow(page) <= 0, f"{title} at 360 px"

    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{url}/Train")
    names = ["Início", *list(PAGES.values())[1:]]
    for name in names:
        expect(page.get_by_role("navigation").get_by_role("link", name=name, exact=True)).to_be_visible()
    page.wait_for_selector(IDLE)
    weights = page.get_by_role("combobox", name="Pesos das classes")
    weights.scroll_into_view_if_needed()  # a list that is open closes when the side bar scrolls
    weights.click()
    page.get_by_role("option", name="equilibrado", exact=True).click()
    expect(page).to_have_url(re.compile(r"class_weight=balanced.*lang=pt|lang=pt.*class_weight=balanced"))
    page.get_by_role("radio", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Train")
    # The choice is the same in other words, and the link says English to a browser that would have said Portuguese.
    expect(page.get_by_role("combobox", name="Class weights")).to_have_value("balanced")
    expect(page).to_have_url(re.compile("class_weight=balanced"))
    expect(page).to_have_url(re.compile("lang=en"))
    expect(page.locator("html")).to_have_attribute("lang", "en-GB")
    page.get_by_role("navigation").get_by_role("link", name="Metrics").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Metrics")
