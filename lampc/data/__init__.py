"""What ``data NAME`` may name, one kind of source a file."""

from lampc.data import arrays, points, table
from lampc.data.source import SOURCES, DataError, Dataset, DataSource, Description, Request, Split

__all__ = ["SOURCES", "DataError", "DataSource", "Dataset", "Description", "Request", "Split", "arrays", "points", "table"]
