"""Is everything as it must be to run and to deploy? Each check is one line: how it is, the fact, what to do.

The checks are pure functions of settings and texts; `examine` alone looks at the machine.
"""

from core.doctor.checks import BAD, OK, WARN, Check
from core.doctor.machine import examine

__all__ = ["BAD", "OK", "WARN", "Check", "examine"]
