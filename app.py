"""The ASGI entry: dashboard and HTTP API on one port. `uvicorn app:app`"""

import contextlib
import importlib
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import streamlit as st
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi_offline import FastAPIOffline

from core import api, guard, launch, runs, serving, settings, tracking
from core.errors import SettingsError

try:
    found = settings.load()
except SettingsError as error:
    sys.exit(str(error))
if tracking.find_key(found) and serving.choose(found).run is None:
    launch.start_tracking(found, {"restore": ""})  # before anybody asks for the first prediction

# Streamlit gives the access log a place to write to, although uvicorn was told --no-access-log; and a query may hold a
# whole drawing.
logging.getLogger("uvicorn.access").disabled = True
dash = st.App(Path(__file__).resolve().with_name("Home.py"))


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
    """Do before the first request what it would wait for, then live as long as the dashboard."""
    await run_in_threadpool(api.warm_up)
    await run_in_threadpool(runs.list_runs, found)  # what the cards say is remembered
    await run_in_threadpool(importlib.import_module, "core.ui")
    async with dash.lifespan()(app) as state:
        yield state


# Its page of documentation comes from this server, not from a network of somebody else's.
app = FastAPIOffline(
    title="Digit Lab",
    lifespan=lifespan,
    docs_url="/api/docs",
    openapi_url="/api/openapi.json",
    redoc_url=None,
    static_url="/api/static",
)
api.install(app)
app.add_middleware(guard.Guard, settings=found)
app.mount("/", dash)
