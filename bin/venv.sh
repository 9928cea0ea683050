#!/usr/bin/env bash
# Make the virtual environment with everything that requirements-dev.txt pins. The stamp is written last.
set -euo pipefail
venv=$1
python=
candidates=(python3.11 python3.12 python3.13 python3 python)
[ -n "${PYTHON:-}" ] && candidates=("$PYTHON") # asked for by name, so nothing else will do
for candidate in "${candidates[@]}"; do
  command -v "$candidate" >/dev/null || continue
  if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [ -z "$python" ] && [ -n "${PYTHON:-}" ]; then
  echo "PYTHON is '$PYTHON', which is not a Python 3.11, 3.12 or 3.13; name one of those, or leave it out." >&2
  exit 1
fi
if [ -z "$python" ]; then
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
