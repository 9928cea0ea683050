"""What a tracking child does on request: restore what is to serve, bring promotions together, say who serves what."""

from core import runs
from core.settings import Settings
from core.tracking import connection, registry


def restore(settings: Settings, wanted: str = "") -> runs.Run:
    """Fetch the version that `DIGITLAB_SERVE` asks for, or the one that is wanted, and log that it is used here.

    Raises
    ------
    TrackingError, RunError
        Why that version cannot be had, or not be used; whatever served before goes on serving.
    """
    settings, entity = _connected(settings)
    run = registry.fetch(settings, entity, settings.wandb_project, wanted or settings.serve)
    registry.take_up(settings, entity, settings.wandb_project)
    return run


def exchange(settings: Settings) -> str:
    """Bring the promotions here and on W&B together, and log what is used here; returns what was done.

    Raises
    ------
    TrackingError, RunError
        If W&B cannot be used now, or a run promoted elsewhere cannot be used here.
    """
    settings, entity = _connected(settings)
    done = registry.exchange_promotions(settings, entity, settings.wandb_project)
    registry.take_up(settings, entity, settings.wandb_project)
    return done


def _connected(settings: Settings) -> tuple[Settings, str]:
    (settings.home / "wandb").mkdir(parents=True, exist_ok=True)
    return connection.with_key(settings), connection.check(settings)
