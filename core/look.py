"""The colours of the house: one accent, ink and paper, grey for the rest, and one colour for each digit.

`.streamlit/config.toml` has the same accent for what Streamlit itself draws.
"""

ACCENT, ACCENT_ON_DARK, MUTED, MARK = "#2360c5", "#6aa0f7", "#8a94a3", "#de402f"
INK, PAPER = "#14130f", "#ffffff"
# Petroff 2021, "Accessible color sequences for data visualization" (https://arxiv.org/abs/2107.02270): ten that stay
# apart for colour-blind eyes. A digit's colour never stands without the digit itself beside it.
DIGITS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
# Opaque, so that plotly picks a readable colour for the numbers in the dark theme too.
SCALE = ((0.0, "#f4f7fd"), (0.2, "#cfdef8"), (1.0, "#184aa8"))
