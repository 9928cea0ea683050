"""`python -m core …`: what a job runs, and what a person can type."""

import sys

from core import cli

sys.exit(cli.main(sys.argv[1:]))
