"""Drawings of the computation graph: pictures are made once, then rendered as DOT, SVG or text."""

from lampc.draw.dot import dot
from lampc.draw.network import network
from lampc.draw.operations import program
from lampc.draw.picture import Picture
from lampc.draw.svg import svg
from lampc.draw.text import text

__all__ = ["Picture", "dot", "network", "program", "svg", "text"]
