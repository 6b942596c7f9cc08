"""From text to a syntax tree with the place of every part."""

from lampc.syntax.parser import parse

__all__ = ["parse"]
