"""The calibration of a run as a job: fit a judge, unless another run on the same data has one, then the run's sets."""

from collections.abc import Mapping
from typing import Any

from core import dataset, launch, runs, studies, tracking, worker
from core.errors import DigitLabError, ModelError, RunError
from core.refusal import calibration, judge
from core.settings import SERVER_MB, Settings
from core.texts import t

NEED_MB = 440  # the most that the child held while it fitted a judge, measured
_SECONDS = {"data": 1.0, "export": 0.0, "seal": 0.2}


def expect(settings: Settings, run: runs.Run) -> dict[str, float]:
    """Return the expected seconds of each stage, measured on two cores."""
    if known_judge(settings, run):
        return {**_SECONDS, "fit": 0.0, "evaluate": 0.2}
    share = min(run.card["data"]["n_train"] / judge.DIGITS, 1.0)
    return {**_SECONDS, "fit": 3.0 + 45.0 * share, "evaluate": 1.0 + run.card["data"]["n_test"] / 1500}


def known_judge(settings: Settings, run: runs.Run) -> judge.Judge | None:
    """Return the judge that an earlier calibration on the same data fitted: it does not depend on the run."""
    for other in runs.list_runs(settings):
        if other.config["data_sha256"] == run.config["data_sha256"]:
            try:
                found = calibration.load(other)
            except RunError:
                continue
            if found:
                return found.judge
    return None


def submit(settings: Settings, run: runs.Run) -> str:
    """Write the calibration's job; returns its id.

    Raises
    ------
    DataError
        If the server has other data by now.
    ModelError
        If it needs more memory than there is.
    """
    check(settings, run, dataset.load(settings))
    return studies.submit(settings, "calibrate", run, expect(settings, run))


def start(settings: Settings, run: runs.Run) -> str:
    """Start the calibration of a run in a child, unless it is at work already; returns the job's id.

    Raises
    ------
    DataError, ModelError
        As from `submit`.
    JobError
        If too many jobs wait already.
    """
    check(settings, run, dataset.load(settings))
    job_id = studies.start(settings, "calibrate", run, expect(settings, run))
    if tracking.load_state(run).get("artifact"):
        launch.start_tracking(settings, {"due": True, "after": job_id})
    return job_id


def check(settings: Settings, run: runs.Run, digits: dataset.Digits) -> None:
    """Refuse, before it starts, what cannot be calibrated here.

    Raises
    ------
    DataError
        If the server has other data than the run was measured on.
    ModelError
        If a judge must be fitted and there is less memory than that takes.
    """
    calibration.check(run, digits)
    if not fits(settings, run):
        raise ModelError(
            t(
                "The calibration needs {need} MB beside the server's {server}, as measured; there are "
                "{have} MB (DIGITLAB_MEMORY_MB, else the machine's). Calibrate on a larger machine: "
                "W&B brings it here with the run.",
                need=NEED_MB,
                server=SERVER_MB,
                have=settings.memory_mb,
            )
        )


def fits(settings: Settings, run: runs.Run) -> bool:
    """Tell whether there is memory enough to calibrate a run here; another run's judge needs next to none."""
    return settings.fits(NEED_MB) or bool(known_judge(settings, run))


def work(settings: Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Calibrate a run and keep the result beside it: what the job does.

    Raises
    ------
    DigitLabError
        If the run or its data is gone.
    """
    emit("data", message=t("Opening the data"))
    run, digits = runs.load_run(settings, config["run"]), dataset.load(settings)
    calibration.check(run, digits)
    found = known_judge(settings, run)
    if not found:
        emit("fit", message=t("Learning to tell digits from letters, scribbles and shapes"))
        weights = judge.learn(digits.x_train, digits.y_train)
        emit("evaluate", message=t("Measuring how many digits of other hands it refuses"))
        found = judge.calibrate(weights, digits.x_test, digits.y_test, *calibration.halves(digits.y_test))
    emit("seal", message=t("Keeping the result"))
    calibration.save(run, calibration.of_run(run, found))


def follow_up(settings: Settings, run_id: str) -> None:
    """Calibrate a run that was just sealed where that takes milliseconds: another run's judge serves. Best effort."""
    try:
        run = runs.load_run(settings, run_id)
        found = known_judge(settings, run)
        if found:
            calibration.save(run, calibration.of_run(run, found))
    except (DigitLabError, OSError):
        return  # the run is sealed and good; its page offers the calibration
