"""Where golden files are, and what the fixture ``golden`` is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]
"""Compares a text with the golden file of a name."""
