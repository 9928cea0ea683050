"""Search for better parameters: many trials, judged on training images that none of them learned from."""

from core.sweep.cluster import backend, connect, threads
from core.sweep.onefit import applies, describe
from core.sweep.search import (
    CLASS_TRIALS,
    SEARCH,
    check,
    check_class,
    expect,
    find,
    finish,
    make_config,
    progress,
    start,
    submit,
    winner,
    work,
)
from core.sweep.space import MAX_TRIALS, count, parse, plan, space_of, suggest, value, write
from core.sweep.trial import HELD, Task, run

__all__ = [
    "CLASS_TRIALS",
    "HELD",
    "MAX_TRIALS",
    "SEARCH",
    "Task",
    "applies",
    "backend",
    "check",
    "check_class",
    "connect",
    "count",
    "describe",
    "expect",
    "find",
    "finish",
    "make_config",
    "parse",
    "plan",
    "progress",
    "run",
    "space_of",
    "start",
    "submit",
    "suggest",
    "threads",
    "value",
    "winner",
    "work",
    "write",
]
