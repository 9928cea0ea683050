"""The ASGI entry: dashboard and HTTP API on one port. `uvicorn app:app`"""

import sys
from pathlib import Path

import streamlit as st
from fastapi import FastAPI

from core import api, pipeline, serving, settings, tracking
from core.errors import SettingsError

try:
    found = settings.load()
except SettingsError as error:
    sys.exit(str(error))
if tracking.find_key(found) and serving.choose(found).run is None:
    pipeline.start_tracking(found, {"restore": ""})  # before anybody asks for the first prediction

dash = st.App(Path(__file__).resolve().with_name("Home.py"))
app = FastAPI(
    title="Digit Lab", lifespan=dash.lifespan(), docs_url="/api/docs", openapi_url="/api/openapi.json", redoc_url=None
)
app.include_router(api.router)
app.mount("/", dash)
