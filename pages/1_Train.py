"""Choose a model and its hyperparameters, start the training, watch it."""

import streamlit as st

from core import launch, pipeline, training, ui
from core.texts import t

settings, digits = ui.page("Train")

with st.sidebar:
    spec = ui.family_input()
    available = ui.most_images(spec, len(digits.y_train))
    level = ui.augmentation_input(settings, spec, available)
    params = ui.parameter_inputs(spec)
    train_size = st.number_input(
        t("Training images"),
        min_value=training.MIN_TRAIN_SIZE,
        max_value=available,
        value=available,
        step=max(available // 60, 1),
        key="train_size",
        bind="query-params",
        help=t("`train_size`: on how many images to learn. Fewer is faster and worse; every digit keeps its share."),
    )
    mine = ui.my_digits_input(settings)

size = None if train_size == len(digits.y_train) else train_size
config = ui.or_stop(pipeline.make_config, spec.name, params, size, level) | mine
st.markdown(ui.plan_in_words(spec, config, train_size, sum(launch.expect(settings, config).values())))
ui.author_input()
ui.train_button(settings, config)
ui.show_variants(digits, level)
ui.show_jobs(settings)
ui.show_newest_depth(settings, digits)
ui.show_sweeps(settings, digits, spec, config)
ui.connection_line(settings)
