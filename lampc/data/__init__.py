"""What ``data NAME`` may name, one kind of source a file."""

from lampc.data import table  # first, as tables are what is listed first

# isort: split
from lampc.data import arrays, bundled, images, points, text
from lampc.data.source import SOURCES, DataError, Dataset, DataSource, Description, Request, Split
from lampc.data.unit import Unit

__all__ = ["SOURCES", "DataError", "DataSource", "Dataset", "Description", "Request", "Split", "Unit", "arrays", "bundled",
           "images", "points", "table", "text"]  # fmt: skip
