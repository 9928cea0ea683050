#!/usr/bin/env bash
# Find or install a browser for the tests, and say in one line which, or why there is none.
venv=$1
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1
fi
if command -v chromium >/dev/null; then
  echo "Browser for the tests: $(command -v chromium)"
elif timeout 300 "$venv/bin/playwright" install chromium >/dev/null 2>&1; then
  echo "Browser for the tests: Playwright's own Chromium"
else
  echo "No browser could be installed (not root on Debian, and Playwright's download failed): the browser tests are skipped."
fi
