"""Digit Lab's machinery: everything that is not a page. Only `core.ui` knows Streamlit."""
