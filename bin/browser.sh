#!/usr/bin/env bash
# Find or install a browser for the tests, and say in one line which, or why there is none.
venv=$1
why="Debian's is only installed by root on Debian"
if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) </dev/null >/dev/null 2>&1 ||
    why="apt-get could not install Debian's"
fi
limit=()
command -v timeout >/dev/null && limit=(timeout 300) # macOS has none
if command -v chromium >/dev/null; then
  echo "Browser for the tests: $(command -v chromium)"
elif ${limit[@]+"${limit[@]}"} "$venv/bin/playwright" install chromium </dev/null >/dev/null 2>&1; then
  echo "Browser for the tests: Playwright's own Chromium"
else
  echo "There is no Chromium ($why, and Playwright could not download its own): the browser tests are skipped."
fi
