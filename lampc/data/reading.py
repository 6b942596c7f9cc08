"""Files of somebody else's, given to a library that reads them: what tables and arrays have in common."""

from __future__ import annotations

from lampc.table.read_source import reading

__all__ = ["reading"]
