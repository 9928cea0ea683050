"""A run as a script in plain scikit-learn, nothing of ours imported; and as the one line that makes it here."""

from core.reproduce.script import Recipe, command, recipe

__all__ = ["Recipe", "command", "recipe"]
