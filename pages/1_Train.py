"""Choose a model and its hyperparameters, start the training, watch it."""

import streamlit as st

from core import glossary, launch, pipeline, training, ui
from core.texts import t

with ui.page("Train") as (settings, digits):
    with st.sidebar:
        spec = ui.family_input()
        available = ui.most_images(spec, len(digits.y_train))
        level = ui.augmentation_input(settings, spec, available)
        params = ui.parameter_inputs(spec)
        train_size = ui.control(
            "train_size",
            st.number_input,
            t("Training images"),
            min_value=training.MIN_TRAIN_SIZE,
            max_value=available,
            value=available,
            step=max(available // 60, 1),
            key="train_size",
            bind="query-params",
            help=glossary.control("train_size").help,
        )
        mine = ui.my_digits_input(settings)

    size = None if train_size == len(digits.y_train) else train_size
    config = ui.or_stop(pipeline.make_config, spec.name, params, size, level) | mine
    st.markdown(ui.plan_in_words(spec, config, train_size, sum(launch.expect(settings, config).values())))
    ui.say_lock(spec)
    ui.show_goal(settings)
    ui.author_input()
    ui.train_button(settings, config)

ui.show_variants(digits, level)
ui.show_jobs(settings)
ui.show_hint(settings, digits)
ui.show_newest_depth(settings, digits)
ui.show_sweeps(settings, digits, spec, config)
ui.show_class_link(settings, spec, params, level)
ui.connection_line(settings)
