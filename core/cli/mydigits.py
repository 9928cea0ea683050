"""`python -m core mydigits`: how every run reads what people drew; the drawings out as a file and in again."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core import settings, worker
from core.texts import t


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Score every run on My digits, export or import them; returns the exit code."""
    from core import files, mydigits, runs
    from core.errors import DrawingError

    parser = argparse.ArgumentParser(prog="python -m core mydigits", description="Score every run on My digits.")
    parser.add_argument("--export", metavar="FILE", help="write them to a .npz or .json file")
    parser.add_argument("--import", metavar="FILE", dest="given", help="take in what was exported")
    asked = parser.parse_args(argv)
    if asked.export:
        write = mydigits.export_json if asked.export.lower().endswith(".json") else mydigits.export_npz
        files.write_bytes(Path(asked.export), write(found))
        print(f"{mydigits.count(found):,} drawings in {asked.export}")
        return 0
    if asked.given:
        try:
            body = Path(asked.given).read_bytes()
        except OSError as error:
            raise DrawingError(f"{asked.given} cannot be read: {error.strerror}.") from error
        added, known = mydigits.load_file(found, asked.given, body)
        print(f"{added:,} drawings taken in, {known:,} were here already")
        return 0
    there = runs.list_runs(found)
    mydigits.fill(found, there)
    for score in mydigits.table(found, there):
        print(f"{score.run.id}  {score.right:5,} of {score.asked:,} right  {score.accuracy.value:.1%}")
    print(f"{mydigits.count(found):,} drawings")
    return 0


def work(found: settings.Settings, job_id: str, config: Mapping[str, Any], emit: worker.Emit) -> None:
    """Let every run answer the drawings that it has not seen, as a job."""
    from core import mydigits, runs

    def tell(done: int, total: int) -> None:
        emit("score", message=t("{done} of {total} runs have answered", done=done, total=total), done=done, total=total)

    mydigits.fill(found, runs.list_runs(found), tell=tell)
