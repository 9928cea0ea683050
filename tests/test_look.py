"""The colours: ten that colour-blind eyes can tell apart, one accent that is readable in both themes."""

import tomllib
from itertools import combinations

import numpy as np
import pytest

from core import look
from tests.conftest import ROOT

# How eyes without one kind of cone see linear RGB (Machado et al. 2009, https://doi.org/10.1109/TVCG.2009.113).
EYES = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array(TO_XYZ) @ rgb / [0.95047, 1, 1.08883]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", EYES)
def test_ten_digits_have_ten_colours_that_can_be_told_apart(eyes):
    seen = [lab(np.clip(np.array(EYES[eyes]) @ linear(colour), 0, 1)) for colour in look.DIGITS]
    assert len(seen) == 10
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 15  # 2.3 is a just noticeable difference


def test_the_accent_is_readable_as_text_and_under_text():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    assert theme["light"]["primaryColor"] == look.ACCENT
    assert contrast(look.ACCENT, "#ffffff") > 4.5
    assert contrast(look.ACCENT, "#eaf1fc") > 4.5  # the chosen one of several, in Streamlit's light theme
    assert contrast(theme["dark"]["primaryColor"], look.INK) > 4.5
