"""The versions of `model_export` on W&B. Called in a child that has the key, never in the server."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import files, runs, serving
from core.errors import TrackingError
from core.settings import Settings
from core.texts import t
from core.tracking import connection, extras
from core.tracking.state import ARTIFACT, ARTIFACT_TYPE, reason, save_state

if TYPE_CHECKING:
    import wandb

API_SECONDS = 15
LOOK_BACK = 100
PRODUCTION, PROMOTED_AT = "production", "promoted_at"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the artifact on W&B; `url` only where it was asked for, as it costs a question more."""

    version: str
    digest: str
    aliases: tuple[str, ...]
    metadata: dict[str, Any]
    url: str = ""


def versions_file(settings: Settings) -> Path:
    """Return where the last look at W&B left what versions there are."""
    return settings.home / "wandb" / "versions.json"


def list_elsewhere(settings: Settings) -> list[Version]:
    """Return the versions that the last look found on W&B and that are not on this machine, newest first."""
    here = {run.id for run in runs.list_runs(settings)}
    found = [Version(**entry) for entry in files.read_json(versions_file(settings)) or []]
    return [version for version in found if version.metadata.get("run_id") not in here]


def open_api(settings: Settings) -> "wandb.Api":
    """Open W&B's public API, quietly and for a limited time."""
    settings.quiet_wandb(online=True)
    import wandb

    url = connection.base_url(settings)
    return wandb.Api(overrides={"base_url": url}, timeout=API_SECONDS, api_key=connection.find_key(settings))


def find_digest(
    settings: Settings, place: str, digest: str, name: str = ARTIFACT, kind: str = ARTIFACT_TYPE
) -> Version | None:
    """Return the committed version of an artifact in ENTITY/PROJECT with this digest, with its link, or None."""
    for artifact in islice(open_api(settings).artifacts(kind, f"{place}/{name}"), LOOK_BACK):
        if artifact.digest == digest:
            return replace(_version(artifact), url=artifact.url or "")
    return None


def fetch(settings: Settings, entity: str, project: str, wanted: str) -> runs.Run:
    """Bring a version here, and make it a run like any other once everything in it is proven.

    Nothing is unpickled: `verify` compares every file with W&B's manifest, `adopt` with the run's own card.

    Parameters
    ----------
    wanted : str
        A version such as v3, an alias, or a run's id; "production" falls back on "latest" while nothing is promoted.

    Raises
    ------
    TrackingError
        If W&B has no such version, or what came is damaged.
    RunError
        If it is no run that this Digit Lab can use.
    """
    api = open_api(settings)
    artifact = _find(api, entity, project, wanted)
    with tempfile.TemporaryDirectory(dir=settings.home / "wandb", prefix="fetch-", ignore_cleanup_errors=True) as new:
        path = Path(new) / "run"
        try:
            artifact.download(root=str(path), skip_cache=True)
            artifact.verify(str(path))
        except (ValueError, OSError) as error:
            raise TrackingError(
                t(
                    "{artifact}:{version} came damaged ({reason})",
                    artifact=ARTIFACT,
                    version=artifact.version,
                    reason=reason(settings, error),
                )
            ) from error
        run = runs.adopt(settings, path)
    found: dict[str, Any] = {"version": artifact.version, "entity": entity, "project": project, "runs": []}
    found["artifact"] = {"name": ARTIFACT, "type": ARTIFACT_TYPE, "digest": artifact.digest}
    found |= extras.fetch(settings, api, f"{entity}/{project}", run)
    save_state(run, {"state": "synced", "message": f"{ARTIFACT}:{artifact.version}, from {entity}."} | found)
    return run


def _find(api: "wandb.Api", entity: str, project: str, wanted: str) -> "wandb.Artifact":
    import wandb

    if runs.is_id(wanted):  # as a link names it
        for artifact in _artifacts(api, entity, project):
            if artifact.metadata.get("run_id") == wanted:
                return artifact
        words = t("W&B has no run {run} in {entity}/{project}.", run=wanted, entity=entity, project=project)
        raise TrackingError(words)
    for name in [wanted, "latest"] if wanted == "production" else [wanted]:
        try:
            return api.artifact(f"{entity}/{project}/{ARTIFACT}:{name}")
        except (wandb.errors.CommError, ValueError):
            continue
    raise TrackingError(
        t(
            "W&B has no {artifact}:{wanted} in {entity}/{project}.",
            artifact=ARTIFACT,
            wanted=wanted,
            entity=entity,
            project=project,
        )
    )


def exchange_promotions(settings: Settings, entity: str, project: str) -> str:
    """Bring the promotion here and the one on W&B together: the later one wins. Returns what was done, in words.

    The time of a promotion is kept here in `production.json` and there in the artifact's metadata.
    """
    api = open_api(settings)
    versions = list(_artifacts(api, entity, project))
    files.write_json(versions_file(settings), [asdict(_version(a)) for a in versions])
    there = next((a for a in versions if PRODUCTION in a.aliases), None)
    at = float(there.metadata.get(PROMOTED_AT, 0.0)) if there else 0.0
    here = serving.current(settings)
    if here and here["at"] > at:
        wanted = serving.version(runs.load_run(settings, here["run"]))
        mine = next((a for a in versions if a.version == wanted), None)
        if mine is None:
            return f"The promoted run {here['run']} is not on W&B yet; its promotion follows when it is."
        if PRODUCTION not in mine.aliases:
            mine.aliases.append(PRODUCTION)
        mine.metadata[PROMOTED_AT] = here["at"]
        mine.save()
        return f"{mine.version} is promoted on W&B too."
    if there and (not here or at > here["at"]):
        run_id = str(there.metadata.get("run_id"))
        if run_id not in {run.id for run in runs.list_runs(settings)}:
            run_id = fetch(settings, entity, project, there.version).id
        serving.promote(settings, run_id, at)
        return f"{there.version} was promoted elsewhere, and serves here now."
    return "The same run is promoted here and on W&B."


def take_up(settings: Settings, entity: str, project: str) -> bool:
    """Log, once a version, that this server uses it (job type `api`, `use_artifact`); returns whether it was logged."""
    run = serving.choose(settings).run
    version = serving.version(run) if run else ""
    marker = settings.home / "wandb" / "taken-up.json"
    if not version or files.read_json(marker) == version:
        return False
    settings.quiet_wandb(online=True)
    import wandb

    logged = wandb.init(
        entity=entity,
        project=project,
        mode="online",
        job_type="api",
        name=f"serves {version}",
        settings=wandb.Settings(host="", init_timeout=API_SECONDS, finish_timeout=API_SECONDS),
    )
    logged.use_artifact(f"{ARTIFACT}:{version}")
    logged.finish()
    wandb.teardown()
    files.write_json(marker, version)
    return True


def _artifacts(api: "wandb.Api", entity: str, project: str) -> Iterator["wandb.Artifact"]:
    return islice(api.artifacts(ARTIFACT_TYPE, f"{entity}/{project}/{ARTIFACT}"), LOOK_BACK)


def _version(artifact: "wandb.Artifact") -> Version:
    names = tuple(dict.fromkeys(artifact.aliases))
    return Version(artifact.version, artifact.digest, names, dict(artifact.metadata))
