"""Is there a key, and does W&B answer to it? Asked by plain HTTP, so that the answer comes in seconds, wandb or not."""

import netrc
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from core import files
from core.errors import TrackingError
from core.settings import Settings
from core.texts import t

DEFAULT_URL = "https://api.forge.coreweave.com"  # of wandb 0.31
TEST_SECONDS = 4.5
_TIMEOUT = (2.0, 2.0)
_QUERY = "query Viewer { viewer { entity username teams { edges { node { name } } } } }"


def base_url(settings: Settings) -> str:
    """Return where W&B is."""
    return (settings.wandb_base_url or DEFAULT_URL).rstrip("/")


def find_key(settings: Settings) -> str:
    """Return the key, from the environment or from where `wandb login` puts it, or an empty text."""
    if settings.wandb_api_key:
        return settings.wandb_api_key
    try:
        found = netrc.netrc(settings.netrc).authenticators(urlsplit(base_url(settings)).hostname or "")
    except (OSError, netrc.NetrcParseError):
        return ""
    return (found[2] or "") if found else ""


def with_key(settings: Settings) -> Settings:
    """Return the settings with the key in them: wandb looks into netrc by rules of its own, so it is handed ours."""
    return replace(settings, wandb_api_key=find_key(settings))


def load_connection(settings: Settings) -> dict[str, Any]:
    """Return the last word on the connection: `ok`, `entity`, `message` and `at`."""
    if not find_key(settings):
        message = t("Not connected: set WANDB_API_KEY, or run `wandb login` on the server. Runs stay on this machine.")
        return {"ok": False, "entity": "", "message": message, "at": 0.0}
    body = files.read_json(_file(settings))
    untried = {"ok": None, "entity": "", "message": t("A key is configured; it was not tried yet."), "at": 0.0}
    return body if isinstance(body, dict) else untried


def test(settings: Settings) -> dict[str, Any]:
    """Ask W&B who we are, and keep the answer; ends within `TEST_SECONDS`, whatever the network does.

    To be called in a child: a name server that never answers can be left only by leaving the process.
    """
    late = t("{url} did not answer within {seconds:.0f} s.", url=base_url(settings), seconds=TEST_SECONDS)

    def give_up() -> None:
        _save(settings, ok=False, entity="", message=late)
        os._exit(1)

    timer = threading.Timer(TEST_SECONDS, give_up)
    timer.daemon = True
    timer.start()
    try:
        entity = check(settings)
        return _save(settings, ok=True, entity=entity, message=t("Connected as {entity}.", entity=entity))
    except TrackingError as error:
        return _save(settings, ok=False, entity="", message=str(error))
    finally:
        timer.cancel()


def check(settings: Settings) -> str:
    """Return the entity that runs go to.

    Raises
    ------
    TrackingError
        Why W&B cannot be used now: no key, refused, out of reach, out of order, or no such entity.
    """
    key, url = find_key(settings), base_url(settings)
    if not key:
        raise TrackingError(t("There is no W&B key. Set WANDB_API_KEY, or run `wandb login` on the server."))
    try:
        answer = requests.post(f"{url}/graphql", json={"query": _QUERY}, auth=("api", key), timeout=_TIMEOUT)
    except requests.RequestException as error:
        raise TrackingError(
            t("{url} cannot be reached ({why}). It is tried again later.", url=url, why=_cause(error))
        ) from None
    if answer.status_code in (401, 403):
        raise TrackingError(t("{url} refused the key ({code}). Check WANDB_API_KEY.", url=url, code=answer.status_code))
    try:
        viewer = answer.json()["data"]["viewer"]
        own, teams = viewer["entity"], [edge["node"]["name"] for edge in (viewer.get("teams") or {}).get("edges", [])]
    except (ValueError, KeyError, TypeError):
        raise TrackingError(
            t("{url} is out of order (HTTP {code}). It is tried again later.", url=url, code=answer.status_code)
        ) from None
    if settings.wandb_entity and settings.wandb_entity not in (own, viewer.get("username"), *teams):
        known = ", ".join(dict.fromkeys([own, *teams]))
        raise TrackingError(
            t(
                "WANDB_ENTITY is {wandb_entity!r}, but this key belongs to {known}. Set one of these.",
                wandb_entity=settings.wandb_entity,
                known=known,
            )
        )
    return settings.wandb_entity or own


def _cause(error: requests.RequestException) -> str:
    text = str(error)
    if "NameResolution" in text or "resolve" in text:
        return "its name is not known here"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "connection refused" if "refused" in text else type(error).__name__


def _save(settings: Settings, **body: Any) -> dict[str, Any]:
    body["at"] = time.time()
    files.write_json(_file(settings), body)
    return body


def _file(settings: Settings) -> Path:
    return settings.home / "wandb" / "connection.json"
