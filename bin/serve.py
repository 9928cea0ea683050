"""`make run`: start the server on PORT, else on 8501 or the next free port, and print its URL."""

import os
import shlex
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from core import settings  # noqa: E402 - the path must be known first
from core.errors import SettingsError  # noqa: E402

FIRST, LAST = 8501, 8599


def is_free(port: int) -> bool:
    """Tell whether nobody listens on this port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def command(port: int) -> list[str]:
    """Return the Procfile's own command, for this machine alone."""
    line = (ROOT / "Procfile").read_text().removeprefix("web:")
    return shlex.split(line.replace("$PORT", str(port)).replace("0.0.0.0", "127.0.0.1"))


def main() -> None:
    """Become the server."""
    try:
        wanted = settings.load().port
    except SettingsError as error:
        sys.exit(str(error))
    port = wanted or next((p for p in range(FIRST, LAST + 1) if is_free(p)), 0)
    if not port:
        sys.exit(f"Every port from {FIRST} to {LAST} is busy; set PORT to a free one.")
    print(f"Digit Lab: http://127.0.0.1:{port}", flush=True)
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", *command(port)])


if __name__ == "__main__":
    main()
