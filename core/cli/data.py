"""`python -m core data`: download MNIST, as Keras would."""

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

from core import settings, worker
from core.texts import t


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Download MNIST and say which data there is; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core data", description="Download MNIST, as Keras would.")
    parser.add_argument("--url", default="", help="another place to get mnist.npz from")
    parser.add_argument("--sha256", default="", help="what that file must hash to (the one of Keras's)")
    given = parser.parse_args(argv)
    from core import dataset

    def show(stage: str, **fields: Any) -> None:
        if fields.get("message") and not fields.get("done"):
            print(fields["message"], flush=True)

    work(found, "", {"download": True, "url": given.url, "sha256": given.sha256}, show)
    print(dataset.describe(dataset.load(found)))
    return 0


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Unpack the sample and, where asked, download MNIST, as a job."""
    from core import dataset, download

    emit("sample", message=t("Unpacking the small sample"))
    dataset.save_sample(found)
    if not config.get("download"):
        return
    emit("download", message=t("Downloading MNIST (11 MB)"))
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2 or done == total:
            last = time.monotonic()
            emit("download", done=done, total=total, message=t("Downloading MNIST (11 MB)"))

    other = {k: config[k] for k in ("url", "sha256") if config.get(k)}
    download.fetch(found, report, **other)
