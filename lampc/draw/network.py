"""The network as its author wrote it: a box a layer, a frame a group, repeated parts once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lampc.draw.picture import Arrow, Box, Frame, Picture
from lampc.ir.graph import Value
from lampc.ir.layout import Group, LayerUse
from lampc.ir.types import Type, sample_text

JOINS = {"residual": "+", "sum": "+", "product": "×", "concat": "concat"}


@dataclass
class _Part:
    """A group's copy, or the whole, while it is collected."""

    group: Group | None
    children: list[int | _Part]
    """Indices of layers, and groups inside."""

    def layers(self) -> list[int]:
        return [i for child in self.children for i in ([child] if isinstance(child, int) else child.layers())]


def network(layers: Sequence[LayerUse], inputs: Mapping[Value, tuple[str, Type]], loss: str | None) -> Picture:
    """The picture of a network.

    Args:
        layers: In order.
        inputs: The values that come from outside, with names and types.
        loss: What the output goes into, if anything.
    """
    return _Drawing(layers, inputs).picture(loss)


class _Drawing:
    def __init__(self, layers: Sequence[LayerUse], inputs: Mapping[Value, tuple[str, Type]]) -> None:
        self.layers = layers
        self.inputs = inputs
        self.maker: dict[Value, int] = {}
        for index, layer in enumerate(layers):
            self.maker.setdefault(layer.output, index)
        self.stands_for: dict[int, int] = {}
        """For the layers of a copy that is not drawn: those of the copy that is."""
        self.rows: list[tuple[int, tuple[str, ...]]] = []

    def picture(self, loss: str | None) -> Picture:
        root = self._tree()
        top = [Box(f"in{i}", name, (sample_text(type.sample),), "input")
               for i, (name, type) in enumerate(self.inputs.values())]  # fmt: skip
        for box in top:
            self.rows.append((0, (box.title, "", box.lines[0], "")))
        body = self._parts(root, 0)
        bottom = Box("out", f"loss {loss}" if loss else "output", (), "output")
        last = self.layers[-1] if self.layers else None
        self.rows.append((0, (bottom.title, "", "", "")))
        arrows = self._arrows()
        tail = self._source(last.output) if last else "in0"
        shape = sample_text((last.output_type if last else next(iter(self.inputs.values()))[1]).sample)
        arrows.append(Arrow(tail, "out", shape))
        return Picture("network", Frame((*top, *body, bottom)), tuple(dict.fromkeys(arrows)), tuple(self.rows))

    def _tree(self) -> _Part:
        root = _Part(None, [])
        stack = [root]
        for index, layer in enumerate(self.layers):
            same = 0
            while same < min(len(stack) - 1, len(layer.path)) and stack[same + 1].group == layer.path[same]:
                same += 1
            del stack[same + 1 :]
            for group in layer.path[same:]:
                part = _Part(group, [])
                stack[-1].children.append(part)
                stack.append(part)
            stack[-1].children.append(index)
        return root

    def _parts(self, part: _Part, depth: int) -> list[Box | Frame]:
        """The children of a part as boxes and frames: alike copies as one, branches side by side."""
        found: list[Box | Frame] = []
        index = 0
        while index < len(part.children):
            child = part.children[index]
            if isinstance(child, int):
                found.append(self._box(child, depth))
                index += 1
                continue
            group = child.group
            assert group is not None
            siblings = [child]
            while index + len(siblings) < len(part.children):
                sibling = part.children[index + len(siblings)]
                if isinstance(sibling, int) or sibling.group is None or sibling.group.id != group.id:
                    break
                siblings.append(sibling)
            index += len(siblings)
            if group.title.split(" ")[0] == "repeat":
                found += self._copies(siblings, depth)
            elif group.copies > 1:
                found.append(Frame(tuple(self._branches(siblings, depth)), beside=True))
            else:
                found += [self._frame(sibling, group.title, depth) for sibling in siblings]
        return found

    def _branches(self, siblings: list[_Part], depth: int) -> Iterator[Frame]:
        """The branches with layers in them; a bare ``pass`` or ``from`` is a row of the outline alone."""
        drawn = {_group(sibling).copy: sibling for sibling in siblings}
        group = _group(siblings[0])
        for copy in range(1, group.copies + 1):
            title = f"{group.title}: branch {copy}"
            if copy in drawn:
                yield self._frame(drawn[copy], title, depth)
            else:
                self.rows.append((depth, (f"{title} (no layers)",)))

    def _copies(self, copies: list[_Part], depth: int) -> list[Box | Frame]:
        """A repeat: neighbours that are alike are drawn once."""
        found: list[Box | Frame] = []
        start = 0
        while start < len(copies):
            first = copies[start].layers()
            key = self._key(first)
            stop = start + 1
            while stop < len(copies) and self._key(others := copies[stop].layers()) == key:
                self.stands_for.update(zip(others, first, strict=True))
                stop += 1
            group, count = _group(copies[start]), stop - start
            title = group.title
            if count < len(copies):
                title += f": copies {start + 1} to {stop}" if count > 1 else f": copy {start + 1}"
            found.append(self._frame(copies[start], f"{title} (×{count})" if count > 1 else title, depth))
            start = stop
        return found

    def _frame(self, part: _Part, title: str, depth: int) -> Frame:
        self.rows.append((depth, (title,)))
        return Frame(tuple(self._parts(part, depth + 1)), title)

    def _key(self, indices: list[int]) -> list[tuple[object, ...]]:
        """What makes two copies look alike: layers, shapes, wiring and groups, wherever they stand."""
        found: list[tuple[object, ...]] = []
        depth = min((len(self.layers[index].path) for index in indices), default=0)
        for index in indices:
            layer = self.layers[index]
            wiring = tuple(index - self.maker.get(value, -1) for value in layer.inputs)
            groups = tuple((group.title, group.copy) for group in layer.path[depth:])
            found.append((layer.kind, layer.text, layer.input_types, layer.output_type, wiring, groups))
        return found

    def _box(self, index: int, depth: int) -> Box:
        layer = self.layers[index]
        join = layer.kind in JOINS
        title = f"{layer.name} ({JOINS[layer.kind]})" if join else layer.name
        count = layer.parameter_count
        parameters = f"{count:,} parameter{'' if count == 1 else 's'}" if count else ""
        text = "" if join else layer.text
        shape = sample_text(layer.output_type.sample)
        before = self.layers[index - 1].output if index else next(iter(self.inputs), None)
        sources = ", ".join(self._name(value) for value in layer.inputs) if layer.inputs != (before,) else ""
        self.rows.append(
            (depth, (title, text or f"← {sources}", shape, parameters, f"← {sources}" if sources and not join else ""))
        )
        return Box(f"n{index}", title, tuple(filter(None, (text, parameters))), "join" if join else "layer")

    def _name(self, value: Value) -> str:
        if value in self.maker:
            return self.layers[self._drawn(self.maker[value])].name
        return self.inputs[value][0] if value in self.inputs else "?"

    def _drawn(self, index: int) -> int:
        while index in self.stands_for:
            index = self.stands_for[index]
        return index

    def _source(self, value: Value) -> str:
        if value in self.maker:
            return f"n{self._drawn(self.maker[value])}"
        return f"in{list(self.inputs).index(value)}"

    def _arrows(self) -> list[Arrow]:
        found = []
        for index, layer in enumerate(self.layers):
            if index in self.stands_for:
                continue
            for value, type in zip(layer.inputs, layer.input_types, strict=True):
                found.append(Arrow(self._source(value), f"n{index}", sample_text(type.sample)))
        return found


def _group(part: _Part) -> Group:
    assert part.group is not None
    return part.group
