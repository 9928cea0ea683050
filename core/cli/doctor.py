"""`python -m core doctor`: say what is not as it must be to run and to deploy, and how to mend it."""

import argparse
import sys
from collections.abc import Sequence

from core import settings


def command(found: settings.Settings, argv: Sequence[str]) -> int:
    """Print what is to be mended, check by check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m core doctor", description="Say what is to be mended.")
    parser.add_argument("--no-slug", action="store_true", help="do not measure the slug, which takes some minutes once")
    parser.add_argument("--online", action="store_true", help="ask Weights & Biases whether the key is good")
    given = parser.parse_args(argv)
    from core import doctor

    def say(text: str) -> None:
        print(f"      {text}", file=sys.stderr, flush=True)

    states = []
    for check in doctor.examine(found, settings.ROOT, not given.no_slug, given.online, say):
        states.append(check.state)
        print(f"{check.state:<4}  {check.name:<8}  {check.message}", flush=True)
    counts = {state: states.count(state) for state in (doctor.BAD, doctor.WARN)}
    print(f"\n{counts[doctor.BAD]} bad, {counts[doctor.WARN]} to look at, {len(states)} checks")
    return 1 if counts[doctor.BAD] else 0
