"""My digits: what people drew and said it was, in one SQLite file; a set to score runs on and to learn from."""

from core.mydigits.exchange import MAX_FILE_BYTES, export_json, export_npz, load_file
from core.mydigits.learning import COPIES, kept_set, load_set, make_set, set_file
from core.mydigits.scores import Score, fill, table
from core.mydigits.store import (
    MAX_PNG_BYTES,
    MOST,
    MOST_OF_ONE,
    Drawing,
    authors,
    count,
    delete,
    list_drawings,
    restore,
    save,
)

__all__ = [
    "COPIES",
    "MAX_FILE_BYTES",
    "MAX_PNG_BYTES",
    "MOST",
    "MOST_OF_ONE",
    "Drawing",
    "Score",
    "authors",
    "count",
    "delete",
    "export_json",
    "export_npz",
    "fill",
    "kept_set",
    "list_drawings",
    "load_file",
    "load_set",
    "make_set",
    "restore",
    "save",
    "set_file",
    "table",
]
