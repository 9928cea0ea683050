"""`python -m core runs`: list, export, import, label, delete and undo, as on the Runs page."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from core import settings


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Do what was asked with the runs; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core runs", description="Look after the runs.")
    does = parser.add_subparsers(dest="do", required=True)
    does.add_parser("list", help="every run, newest first, and what cannot be used")
    sends = does.add_parser("export", help="write a run as one .zip")
    sends.add_argument("run")
    sends.add_argument("file", nargs="?", type=Path, help="where to (<run>.zip here)")
    does.add_parser("import", help="take in a .zip that export wrote").add_argument("file", type=Path)
    words = does.add_parser("label", help="write on a run; an empty text takes it away")
    words.add_argument("run")
    for name in ("name", "author", "note"):
        words.add_argument(f"--{name}")
    words.add_argument("--tag", action="append", default=[], help="put a tag on")
    words.add_argument("--untag", action="append", default=[], help="take a tag off")
    does.add_parser("delete", help="to the trash, for ten minutes").add_argument("run")
    does.add_parser("undo", help="out of the trash again").add_argument("run")
    given = parser.parse_args(argv)
    return _DO[given.do](found, given)


def _list(found: settings.Settings, given: argparse.Namespace) -> int:
    from core import runs, trash

    for run in runs.list_runs(found):
        labels = runs.load_labels(run)
        said = [labels.get("name"), labels.get("author"), *labels.get("tags", [])]
        print("  ".join([run.id, f"{run.metrics['accuracy']:.4f}", run.card["label"], *filter(None, said)]))
    for sentence in runs.list_unusable(found):
        print(f"unusable: {sentence}")
    for entry in trash.list_deleted(found):
        print(f"deleted: {entry.name}")
    return 0


def _export(found: settings.Settings, given: argparse.Namespace) -> int:
    from core import archive, files, runs

    run = runs.load_run(found, given.run)
    target = given.file or Path(f"{run.id}.zip")
    files.write_bytes(target, archive.export(run))
    print(f"wrote {target} ({target.stat().st_size:,} bytes)")
    return 0


def _import(found: settings.Settings, given: argparse.Namespace) -> int:
    from core import archive
    from core.errors import RunError

    try:
        with given.file.open("rb") as source:
            run = archive.take_in(found, source)
    except FileNotFoundError as error:
        raise RunError(f"There is no file {given.file}.") from error
    print(f"imported {run.id}")
    return 0


def _label(found: settings.Settings, given: argparse.Namespace) -> int:
    from core import runs

    run = runs.load_run(found, given.run)
    said = {name: getattr(given, name) for name in ("name", "author", "note") if getattr(given, name) is not None}
    runs.save_labels(run, said, given.tag, given.untag)
    print(runs.load_labels(run))
    return 0


def _delete(found: settings.Settings, given: argparse.Namespace) -> int:
    from core import trash

    print(f"deleted {trash.delete(found, given.run).name}; python -m core runs undo {given.run} puts it back")
    return 0


def _undo(found: settings.Settings, given: argparse.Namespace) -> int:
    from core import trash

    print(f"put back {trash.restore(found, given.run)}")
    return 0


_DO = {"list": _list, "export": _export, "import": _import, "label": _label, "delete": _delete, "undo": _undo}
