#!/usr/bin/env bash
# Make the virtual environment with everything that requirements-dev.txt pins. The stamp is written last.
set -euo pipefail
venv=$1
for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
  [ -n "$candidate" ] && command -v "$candidate" >/dev/null || continue
  if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "${python:-}" ]; then
  echo "Digit Lab needs Python 3.11, 3.12 or 3.13 (TensorFlow has no wheels for others), but found $(python3 --version 2>/dev/null || echo none); install one, or name it with PYTHON=." >&2
  exit 1
fi
if ! "$python" -m venv --clear "$venv"; then
  echo "$python cannot make a virtual environment; on Debian: apt-get install python3-venv." >&2
  exit 1
fi
echo "Installing into $venv (a minute or two, once)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
touch "$venv/.installed"
