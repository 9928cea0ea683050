"""Digit Lab's machinery: everything that is not a page. Only `core.ui` knows Streamlit."""

from core import settings as settings  # before any library that looks at the environment
