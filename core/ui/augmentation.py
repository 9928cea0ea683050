"""Other hands' variants of the training images: how many kinds, and what they look like, before a training starts."""

from typing import Any

import numpy as np
import streamlit as st

from core import augmentation, glossary, launch, models, plots
from core import digits as contract
from core.dataset import Digits
from core.errors import ModelError
from core.settings import Settings
from core.texts import t
from core.ui import assignment, frame, linked

VARIANTS = 8


def augmentation_input(settings: Settings, spec: models.ModelSpec, rows: int) -> str:
    """Let the visitor choose the augmentation, kept in the link; returns a level.

    Parameters
    ----------
    rows : int
        The most training images there are: where their variants do not fit the memory, the choice begins with none.
    """
    default, levels = _fitting(settings, spec, rows), list(augmentation.LEVELS)
    look: dict[str, Any] = {"key": spec.in_link("augmentation"), "help": glossary.control("augmentation").help}
    chosen = (linked.choose, st.selectbox, t("Augmentation"), levels, default)
    return str(assignment.control("augmentation", *chosen, **look))


def plan_in_words(spec: models.ModelSpec, config: dict[str, Any], rows: int, seconds: float) -> str:
    """Say what a config would train, on what, and how long that takes.

    Parameters
    ----------
    rows : int
        Of training images, before any variants.
    """
    given = config["params"]
    changed = [f"`{p.name}` = {given[p.name]}" for p in spec.parameters if given[p.name] != p.default]
    what = {
        "label": t(spec.label),
        "rows": rows,
        "more": launch.learned_rows(config, rows) - rows,
        "changed": ", ".join(changed) or t("everything at its default"),
        "seconds": seconds,
        "summary": t(spec.summary),
    }
    if config["augmentation"] == "none":
        return t(
            "**{label}** on {rows:,} images, {changed}: about {seconds:.0f} s. {summary} Its parameters are in "
            "the side bar.",
            **what,
        )
    if spec.streams:
        return t(
            "**{label}** on {rows:,} images and new variants of them in every epoch, {changed}: about "
            "{seconds:.0f} s. {summary} Its parameters are in the side bar.",
            **what,
        )
    return t(
        "**{label}** on {rows:,} images and {more:,} variants of them, {changed}: about {seconds:.0f} s. "
        "{summary} Its parameters are in the side bar.",
        **what,
    )


def _fitting(settings: Settings, spec: models.ModelSpec, rows: int) -> str:
    config = {"family": spec.name, "params": spec.check({}), "copies": spec.copies_at(spec.augmentation)}
    try:
        launch.check_memory(settings, config, rows)
    except ModelError:
        return "none"
    return spec.augmentation


@st.fragment
def show_variants(digits: Digits, level: str) -> None:
    """Show one training image and what other hands make of it; nothing where it learns from the images alone."""
    if level == "none":
        return
    number = st.session_state.setdefault("variants", 0)
    original, variants = _variants(digits.sha256, level, number, digits)
    with st.container(horizontal=True, vertical_alignment="center", key="variants-row"):
        st.image(original, width=72, alt=t("One training image"))
        st.image(
            variants,
            width=264,
            alt=t("{n} variants of it, as other hands might have written it", n=VARIANTS),
        )
        # In the fragment, so that only the two pictures change.
        st.button(t("Another"), key="another", icon=":material/shuffle:", on_click=frame.count_up, args=_COUNTER)
    words = t(
        "A training image, and {n} of the variants that it learns from as well ({level}).", n=VARIANTS, level=t(level)
    )
    st.caption(words)


_COUNTER = ("variants", "varied")


@st.cache_data(max_entries=64, show_spinner=False)
def _variants(sha256: str, level: str, number: int, _digits: Digits) -> tuple[np.ndarray, np.ndarray]:
    position = int(np.random.default_rng(number).integers(len(_digits.y_train)))
    image, label = np.array(_digits.x_train[position]), int(_digits.y_train[position])
    made = augmentation.preview(image, label, level, number, VARIANTS)
    sheet = contract.mosaic(made, VARIANTS // 2)
    return plots.magnified(image, 3), np.kron(sheet, np.ones((3, 3), np.uint8))
