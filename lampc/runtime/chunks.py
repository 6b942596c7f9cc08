"""How many samples are worked on at once where the program does not say."""

from __future__ import annotations

CHUNK = 1024
"""Samples that are evaluated at once."""
STORED = 8192
"""Samples that are read from the disk at once."""
WATCHED = 5
"""Epochs from which a training is looked at, and the first that is: before that, much may still change."""
