"""A visitor of a server with a password, in a browser: pictures come in, one at a time, and nothing else does."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from core import runs
from core.settings import Settings
from tests import pages_of_paper
from tests.conftest import IDLE

pytestmark = pytest.mark.browser


def jpeg(image: Image.Image) -> bytes:
    body = io.BytesIO()
    image.save(body, "JPEG", quality=90)
    return body.getvalue()


def test_a_visitor_uploads_pictures(serve, visit, settings, trained_home, tiny_npz, sample):
    shutil.copytree(trained_home, settings.home)
    home = Settings(home=settings.home, keras_home=settings.keras_home, mnist=tiny_npz, memory_mb=4096)
    url = serve(replace(home, password="open sesame"))
    rng = np.random.default_rng(5)
    photo = jpeg(pages_of_paper.photographed(pages_of_paper.number(sample.x_test[:4], gap=12), rng, 2.0, lines=True))
    page = visit(f"{url}/Draw", width=390)
    page.get_by_text("Other ways in").click()
    given = page.locator(".st-key-picture input[type=file]")
    given.set_input_files({"name": "evil.png", "mimeType": "image/png", "buffer": b"<svg><script/></svg>"})
    page.get_by_text("These 20 bytes are not a picture that can be read.").wait_for()
    page.get_by_text("A whole number").click()
    page.wait_for_selector(IDLE)
    given.set_input_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
    page.locator(".dl-strip figure").nth(3).wait_for()
    assert page.locator(".dl-page i").count() == 4
    assert page.locator(".dl-strip img").first.evaluate("image => image.naturalWidth") == 28
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    given.set_input_files({"name": "large.png", "mimeType": "image/png", "buffer": b"x" * (9 << 20)})
    page.get_by_text("8MB or smaller").or_(page.get_by_text("8.0MB or smaller")).first.wait_for()
    assert "say-number-right" not in page.content()
    assert runs.list_runs(home)
    assert not (home.home / "mydigits.sqlite").exists()
