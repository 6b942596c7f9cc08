"""Pictures: what is drawn, that DOT is DOT, and that the SVG's own layout lets nothing overlap or stick out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path

import pydot
import pytest
from golden_files import Golden

import lampc.compile
from lampc import draw
from lampc.draw.picture import Picture
from lampc.draw.place import place

SOURCES = {
    "disc": "linear 2->25 xavier; tanh\nrepeat 2 { linear 25->25 xavier; tanh }\nlinear 25->1 xavier; sigmoid\nloss mse",
    "branches": "input 1x4x4; flatten; linear 8 as h; sum { linear 8; tanh | pass | residual { gelu } }\n"
    "concat { from h | tanh | sigmoid; linear 2 }; linear 1",
    "nested": "block b(c) { residual { layernorm; linear c; repeat 2 { silu; linear c } } }\n"
    "linear 4->6\nrepeat 3 { b 6 }\nlinear 2",
    "odd": 'linear 2->3 as a_rather_long_label_for_a_layer_that_does_little # "quoted" <&>\n'
    "tanh; from a_rather_long_label_for_a_layer_that_does_little",
    "unequal": "linear 2->8; repeat 4 { linear ->8; tanh }",
}  # fmt: skip
NAMES = [*SOURCES, "models/residual.lamp", "models/swish.lamp", "models/digits.lamp"]
SVG = "{http://www.w3.org/2000/svg}"


def program(name: str) -> lampc.compile.Program:
    if name in SOURCES:
        return lampc.compile.text(SOURCES[name])
    return lampc.compile.file(Path(__file__).parents[2] / name)


def picture(name: str) -> Picture:
    found = program(name).elaborated
    return draw.network(found.layers, {found.input: ("x", found.input_type)}, "mse")


def both(name: str) -> list[Picture]:
    return [picture(name), draw.program(program(name).whole)]


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # pydot's use of pyparsing
@pytest.mark.parametrize("name", NAMES)
def test_dot_is_read_by_a_parser_of_dot(name: str) -> None:
    for drawn in both(name):
        (graph,) = pydot.graph_from_dot_data(draw.dot(drawn))

        def nodes(part: pydot.Graph) -> set[str]:
            own = {node.get_name() for node in part.get_nodes() if node.get_name() not in ("node", "edge", "graph", '"\\n"')}
            return own.union(*(nodes(inner) for inner in part.get_subgraphs()))

        assert nodes(graph) == {box.id for box in drawn.frame.boxes()}
        edges = {(edge.get_source(), edge.get_destination(), edge.get_label().strip('"')) for edge in graph.get_edges()}
        assert edges == {(arrow.tail, arrow.head, arrow.label) for arrow in drawn.arrows}


@pytest.mark.parametrize("name", NAMES)
def test_boxes_do_not_overlap_and_frames_hold_theirs(name: str) -> None:
    for drawn in both(name):
        placed = place(drawn.frame)
        for (_, a), (_, b) in combinations(placed.boxes.items(), 2):
            assert a.right <= b.x or b.right <= a.x or a.bottom <= b.y or b.bottom <= a.y
        for box in placed.boxes.values():
            assert box.x >= 0
            assert box.y >= 0
            assert box.right <= placed.width + 0.01
            assert box.bottom <= placed.height + 0.01


@pytest.mark.parametrize("name", NAMES)
def test_the_svg_is_well_formed_and_nothing_sticks_out(name: str) -> None:
    for drawn in both(name):
        text = draw.svg(drawn)
        root = ET.fromstring(text)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        (group,) = root.findall(f"{SVG}g")
        dx, dy = (float(n) for n in re.findall(r"-?[\d.]+", group.attrib["transform"]))
        for rect in group.iter(f"{SVG}rect"):
            x, y, w, h = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
            assert dx + x >= 0
            assert dy + y >= 0
            assert dx + x + w <= width
            assert dy + y + h <= height
        for words in group.iter(f"{SVG}text"):
            x, y = float(words.attrib["x"]), float(words.attrib["y"])
            assert 0 <= dx + x <= width
            assert 0 <= dy + y <= height
        for path in group.iter(f"{SVG}path"):
            for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.attrib["d"]):
                assert 0 <= dx + float(x) <= width
                assert 0 <= dy + float(y) <= height
        shown = {"".join(words.itertext()) for words in group.iter(f"{SVG}text")}
        assert {box.title for box in drawn.frame.boxes()} <= shown
        assert {arrow.label for arrow in drawn.arrows if drawn.title == "network"} <= shown


@pytest.mark.parametrize("name", NAMES)
def test_the_same_program_is_the_same_picture(name: str) -> None:
    assert draw.svg(picture(name)) == draw.svg(picture(name))
    assert draw.dot(picture(name)) == draw.dot(picture(name))


def test_repeats_are_drawn_once_with_their_number() -> None:
    text = draw.text(picture("disc"))
    assert "repeat 2 (×2)" in text
    assert text.count("linear 25->25") == 1
    assert "repeat 2 (×2)" in draw.dot(picture("disc"))
    assert "repeat 2 (×2)" in draw.svg(picture("disc"))


def test_copies_that_differ_are_drawn_apart() -> None:
    text = draw.text(picture("unequal"))
    assert "repeat 4" in text
    titles = [cells[0] for _, cells in picture("unequal").rows if len(cells) == 1]
    assert titles == ["repeat 4 (×4)"], "all copies map 8 to 8"
    source = "let k = 2\nlinear 2->8; repeat 3 { concat { pass | tanh } }"
    found = lampc.compile.text(source).elaborated
    titles = [cells[0] for depth, cells in draw.network(found.layers, {found.input: ("x", found.input_type)}, None).rows
              if len(cells) == 1 and depth == 0]  # fmt: skip
    assert titles == ["repeat 3: copy 1", "repeat 3: copy 2", "repeat 3: copy 3"]


def test_shapes_stand_on_the_edges() -> None:
    labels = [arrow.label for arrow in picture("branches").arrows]
    assert labels[0] == "1x4x4"
    assert "16" in labels
    assert labels[-1] == "1"


def test_the_stages_stand_beside_one_another() -> None:
    drawn = draw.program(program("disc").whole)
    frames = [part.title for part in drawn.frame.parts]  # type: ignore[union-attr]
    assert frames == ["forward", "backward", "update"]
    boxes = [box.title for box in drawn.frame.boxes()]
    assert "affine" in boxes
    assert "outer" in boxes
    assert "sgd" in " ".join(boxes) or any("scaled" in title for title in boxes)


@pytest.mark.parametrize("name", ["disc", "branches", "nested"])
def test_outlines(name: str, golden: Golden) -> None:
    golden(f"draw/{name}.txt", draw.text(picture(name)))
    golden(f"draw/{name}.dot", draw.dot(picture(name)))


def test_text_indents_as_groups_nest() -> None:
    depths = [depth for depth, _ in picture("nested").rows]
    assert max(depths) == 4
    assert all(b - a <= 1 for a, b in pairwise(depths))
