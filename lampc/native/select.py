"""From the whole graph to kernels, one or a few a node; fusing comes after."""

from __future__ import annotations

from collections.abc import Sequence

from lampc.ir.expression import Across, Column, Expression, Load, Pattern, Product, Random, number, parts_of
from lampc.ir.graph import Graph, Node, Stage, Value
from lampc.ir.keys import following
from lampc.ir.leaves import Constant, Input, Leaf, Parameter, Parameters, Setting, State
from lampc.ir.op import Op
from lampc.ir.types import Type
from lampc.loops.language import Nest
from lampc.native.forms import FORMS
from lampc.native.forms.convolution import kept_order
from lampc.native.kernel import Contract, Kernel, Kind, Rows, Store, Way
from lampc.native.making import Making, Order, Selection, dims, named, put, spread
from lampc.native.spaces import NoNativeForm, pattern, space, way
from lampc.ops.elementwise import Elementwise
from lampc.ops.matmul import Affine, MatMul, Outer
from lampc.ops.reduction import Sum
from lampc.ops.shape import Pack


def select(graph: Graph, outputs: Sequence[str]) -> Selection:
    """The kernels that compute some outputs, and write back what replaces parameters, states and the step's number.

    Raises:
        NoNativeForm: if an op, or a shape of it, cannot be said in kernels.
    """
    return _Selecting(graph, outputs).run()


class _Selecting(Making):
    def __init__(self, graph: Graph, outputs: Sequence[str]) -> None:
        super().__init__(graph)
        self.wanted = {name: graph.outputs[name] for name in outputs}
        self.following = following(graph.outputs) if "loss" in outputs else {}
        self.pieces: dict[Value, dict[str, int]] = {}
        """Of packed values: the buffer of each parameter's part."""
        self.turned: set[str] = set()
        """Parameters that are kept transposed, because all their uses want them so."""
        self.orders: dict[str, Order] = {}
        """The orders in which parameters are kept that convolutions read."""
        self.twins: dict[str, int] = {}
        """The transposed copies of parameters that are wanted both ways."""

    def run(self) -> Selection:
        live = self.graph.live([*self.wanted.values(), *self.following.values()])
        order = list(Stage)
        nodes = sorted((n for n in self.graph if n.id in live), key=lambda n: (order.index(n.stage), n.id))
        self._orient(nodes)
        for node in nodes:
            packed = any(operand in self.pieces for operand in node.operands)
            form = None if packed else FORMS.get(type(node.op))
            try:
                if form is not None:
                    form(self, node)
                else:
                    self._node(node)
            except NotImplementedError:
                raise NoNativeForm(f"`{node.op.name}` has no native form yet") from None
        self._keep()
        for leaf, value in self.following.items():
            self._write_back(leaf, value)
        self._turn_twins()
        self.copy_twins()
        self.found.outputs = {name: self._buffer(value) for name, value in self.wanted.items()}
        return self.found

    # Buffers -------------------------------------------------------------------------------------------------------

    def _buffer(self, value: Value) -> int:
        """The buffer of a value in the order of its axes; a constant is written to one, a matrix may be transposed."""
        op = self.graph[value.node].op if value in self.of else None
        if (
            value not in self.of
            or value in self.lay
            or (isinstance(op, Parameter) and self.found.buffers[self.of[value]].order)
        ):
            return self.view(value, ()).buffer
        return self.of[value]

    def _read(self, value: Value, rows: Rows, cols: int) -> Expression:
        """A value at each place of a space."""
        if value in self.constants:
            return self.constants[value]
        return self._at(self._buffer(value), rows, cols)

    def _operand(self, value: Value, whole: Type, rows_too: bool) -> Expression:
        """A value beside another that has a number at each place, by their types."""
        if value in self.constants:
            return self.constants[value]
        return Load(self.view(value, ()).buffer, pattern(self.graph.type(value), whole, rows_too))

    def _at(self, id: int, rows: Rows, cols: int, turned: bool = False) -> Expression:
        buffer = self.found.buffers[id]
        if buffer.turned != turned and buffer.rows.count * buffer.cols > 1:
            raise NoNativeForm(f"{buffer}, transposed beside what is not")
        if buffer.rows == rows and buffer.cols == cols:
            pattern = Pattern.EACH
        elif buffer.rows == Rows(1) and buffer.cols == 1:
            pattern = Pattern.ONE
        elif buffer.rows == Rows(1) and buffer.cols == cols:
            pattern = Pattern.COLUMN
        elif buffer.rows == rows and buffer.cols == 1:
            pattern = Pattern.ROW
        else:
            raise NoNativeForm(f"{buffer} does not fit a space of {rows} × {cols}")
        return Load(id, pattern)

    # Parameters ----------------------------------------------------------------------------------------------------

    def _orient(self, nodes: list[Node]) -> None:
        """Decide which way round each parameter is kept."""
        wants: dict[str, set[bool]] = {}
        for node in nodes:
            for position, operand in enumerate(node.operands):
                source = self.graph[operand.node].op
                if isinstance(source, Parameter):
                    wants.setdefault(source.label, set()).add(_wants_turned(node, position))
                    order = kept_order(node, position)
                    if order is not None:
                        self.orders.setdefault(source.label, order)
        self.turned = {label for label, ways in wants.items() if ways == {True}}

    def _parameter(self, label: str, type: Type) -> int:
        if label not in self.parameters:
            turned, order = label in self.turned, self.orders.get(label, ())
            rows, cols = spread(type.shape, (1, 0) if turned else order)
            self.parameters[label] = self.new(label, type.dtype, rows, cols, Kind.PARAMETER, label, turned, order)
        return self.parameters[label]

    def _matrix(self, value: Value, turned: bool) -> int:
        """A matrix's buffer, the way round that a product wants it."""
        op = self.graph[value.node].op
        if not isinstance(op, Parameter):
            if self.graph.type(value).batched:
                raise NoNativeForm("a product with a matrix that has a row or a column for each sample")
            return self.view(value, (1, 0) if turned else ()).buffer
        buffer = self.found.buffers[self.of[value]]
        if buffer.turned == turned:
            return buffer.id
        if op.label not in self.twins:
            self.twins[op.label] = self.new(
                f"{op.label}ᵀ", buffer.dtype, Rows(buffer.cols), buffer.rows.count, label=op.label, turned=turned
            )
        return self.twins[op.label]

    def _turn_twins(self) -> None:
        """Transposed copies are made before the first step, and after each update."""
        for label, twin in self.twins.items():
            buffer = self.found.buffers[self.parameters[label]]
            stores = (Store(twin, Load(buffer.id, Pattern.EACH), Way.TURNED),)
            for kernels in (self.found.first, self.found.kernels):
                kernels.append(Kernel(f"turn_{len(kernels)}", buffer.rows, buffer.cols, stores))

    def _piece(self, label: str, value: Value) -> int:
        """A parameter's part of a packed tensor, the way round that the parameter is kept."""
        leaf = self._parameter(label, self._parameter_type(label))
        wanted = self.found.buffers[leaf]
        if wanted.order:
            return self.view(value, wanted.order).buffer
        id = self._buffer(value)
        made = self.found.buffers[id]
        if made.turned == wanted.turned:
            return id
        turned = self.new(f"{made.name}ᵀ", made.dtype, wanted.rows, wanted.cols, turned=wanted.turned)
        self.add("turn", made.rows, made.cols, [Store(turned, Load(id, Pattern.EACH), Way.TURNED)])
        return turned

    # Nodes ---------------------------------------------------------------------------------------------------------

    def _node(self, node: Node) -> None:
        op, value = node.op, Value(node.id)
        if isinstance(op, Constant):
            self.constants[value] = number(op.value)
        elif isinstance(op, Leaf):
            self._leaf(node)
        elif isinstance(op, Pack):
            self.pieces[value] = {label: self._piece(label, operand)
                                  for label, operand in zip(op.labels, node.operands, strict=True)}  # fmt: skip
        elif any(operand in self.pieces for operand in node.operands):
            self._packed(node)
        elif isinstance(op, MatMul | Affine):
            self._matmul(node)
        elif isinstance(op, Outer):
            self._outer(node)
        else:
            self._elementwise(node)

    def _leaf(self, node: Node) -> None:
        op, value = node.op, Value(node.id)
        if isinstance(op, Parameter):
            self.of[value] = self._parameter(op.label, op.type)
        elif isinstance(op, Parameters):
            self.pieces[value] = {label: self._parameter(label, self._parameter_type(label)) for label in op.labels}
        elif isinstance(op, State) and op.labels:
            self.pieces[value] = {label: self._state(op.label, label) for label in op.labels}
        elif isinstance(op, Input | Setting | State):
            kinds = {Input: Kind.INPUT, Setting: Kind.SETTING, State: Kind.STATE}
            rows, cols = space(op.type.shape)
            self.of[value] = self.new(op.label, op.type.dtype, rows, cols, kinds[type(op)], op.label)
        else:
            raise NotImplementedError

    def _parameter_type(self, label: str) -> Type:
        return next(n.op.type for n in self.graph if isinstance(n.op, Parameter) and n.op.label == label)

    def _state(self, state: str, label: str) -> int:
        buffer = self.found.buffers[self._parameter(label, self._parameter_type(label))]
        return self.new(f"{state}:{label}", buffer.dtype, buffer.rows, buffer.cols, Kind.STATE, f"{state}:{label}",
                        buffer.turned, buffer.order)  # fmt: skip

    def _elementwise(self, node: Node) -> None:
        kind = node.op.__class__
        if kind.expression is Op.expression and kind.expressions is Op.expressions:
            raise NotImplementedError
        types = [self.graph.type(value) for value in node.operands]
        whole = max((*types, *node.types), key=lambda type: (type.batched, type.rank))
        if self._keeps_order(node, whole) or self._stands_beside_more(node, whole):
            return
        rows_too = not isinstance(node.op, Elementwise)
        results = node.op.expressions(*(self._operand(operand, whole, rows_too) for operand in node.operands))
        stores = []
        for index, (result, type) in enumerate(zip(results, node.types, strict=True)):
            stores.append(Store(self.result(node, index).buffer, result, way(type, whole)))
        self.add(node.op.name, *space(whole.shape), stores)

    def _keeps_order(self, node: Node, whole: Type) -> bool:
        """Numbers that lie in another order than their axes' stay so, if all that stands beside them can; whether it was so."""
        order = next((self.lay[value] for value in node.operands if value in self.lay), None)
        types = [self.graph.type(value) for value in node.operands]
        alone = [type.shape == whole.shape or space(type.shape) == (Rows(1), 1) for type in (*types, *node.types)]
        if order is None or not isinstance(node.op, Elementwise) or not all(alone):
            return False
        operands = [
            self.constants[value] if value in self.constants
            else Load(self.view(value, order).buffer, Pattern.EACH) if type.shape == whole.shape
            else Load(self._buffer(value), Pattern.ONE)
            for value, type in zip(node.operands, types, strict=True)
        ]  # fmt: skip
        results = node.op.expressions(*operands)
        if any(isinstance(part, Across | Column | Random) for part in parts_of(results)):
            return False
        made = [self.result(node, index, order).buffer for index in range(len(node.types))]
        stores = [Store(buffer, result) for buffer, result in zip(made, results, strict=True)]
        self.add(node.op.name, *spread(whole.shape, order), stores)
        return True

    def _stands_beside_more(self, node: Node, whole: Type) -> bool:
        """An operand of several axes beside one that has more goes over all of these; whether it was so."""
        types = [self.graph.type(value) for value in node.operands]
        plain = [type.shape == whole.shape or type.rank < 2 or space(type.shape) == (Rows(1), 1) for type in types]
        if all(plain) or not isinstance(node.op, Elementwise):
            return False
        axes = named(dims(whole.shape))
        operands = [self.read(v, axes[whole.rank - type.rank :]) for v, type in zip(node.operands, types, strict=True)]
        results = node.op.expressions(*operands)
        if any(isinstance(part, Across | Column | Random) for part in parts_of(results)):
            return False
        order = self.shared([v for v, type in zip(node.operands, types, strict=True) if type.shape == whole.shape])
        stores = tuple(put(self.result(node, index, order), axes, result) for index, result in enumerate(results))
        over = tuple(axes[dim] for dim in order) if order else axes
        self.loops(node.op.name, Nest("each", over, stores))
        return True

    def _matmul(self, node: Node) -> None:
        a, w, *bias = node.operands
        turned = not isinstance(node.op, MatMul) or node.op.transposed
        rows, inner = space(self.graph.type(a).shape)
        _, cols = space(node.types[0].shape)
        out = self.result(node).buffer
        plus = [self._read(value, rows, cols) for value in bias]
        if cols == 1:  # the product of each row with one, whose numbers lie in a row whichever way round it is
            weight = Load(self._matrix(w, turned=False), Pattern.COLUMN)
            total: Expression = Across("sum", self._read(a, rows, inner) * weight)
            self.add("rowdot", rows, inner, [Store(out, total + plus[0] if plus else total, Way.ROW)])
            return
        if inner == 1:
            weight = Load(self._matrix(w, turned=turned), Pattern.COLUMN)
            scaled = self._read(a, rows, cols) * weight
            self.add("scaled", rows, cols, [Store(out, scaled + plus[0] if plus else scaled)])
            return
        contract = Contract(self._buffer(a), self._matrix(w, turned), Rows(inner))
        result: Expression = Product() + plus[0] if plus else Product()
        self.add("matmul", rows, cols, [Store(out, result)], contract)

    def _outer(self, node: Node) -> None:
        """Where its parameter is kept transposed, so is the gradient."""
        a, b = node.operands
        size, rows = space(self.graph.type(a).shape)
        _, cols = space(self.graph.type(b).shape)
        turned = self.label_of_gradient(node) in self.turned
        if turned:
            a, b, rows, cols = b, a, cols, rows
        out = self.new(f"%{node.id}", node.types[0].dtype, Rows(rows), cols, turned=turned)
        self.of[Value(node.id)] = out
        if rows == 1 or cols == 1:  # a product of rows with a number each, summed
            most = max(rows, cols)
            product = self._read(a, size, most) * self._read(b, size, most)
            self.add("outer", size, most, [Store(out, product, Way.SUM_ALL if most == 1 else Way.SUM_ROWS)])
            return
        contract = Contract(self._buffer(a), self._buffer(b), size, over_rows=True)
        self.add("outer", Rows(rows), cols, [Store(out, Product())], contract)

    def _packed(self, node: Node) -> None:
        """An op on packed tensors, piece by piece."""
        labels = next(self.pieces[operand] for operand in node.operands if operand in self.pieces)
        if isinstance(node.op, Sum):
            self._packed_sum(node)
            return
        made: dict[str, int] = {}
        for label in labels:
            buffer = self.found.buffers[self.parameters[label]]
            rows, cols = buffer.rows, buffer.cols
            operands = [
                self._at(self.pieces[v][label], rows, cols, buffer.turned) if v in self.pieces else self._read(v, rows, cols)
                for v in node.operands
            ]
            made[label] = self.new(f"%{node.id}:{label}", buffer.dtype, rows, cols, turned=buffer.turned)
            self.add(node.op.name, rows, cols, [Store(made[label], node.op.expression(*operands))])
        self.pieces[Value(node.id)] = made

    def _packed_sum(self, node: Node) -> None:
        parts = []
        for label, id in self.pieces[node.operands[0]].items():
            buffer = self.found.buffers[id]
            part = self.new(f"%{node.id}:{label}", buffer.dtype, Rows(1), 1)
            piece = self._at(id, buffer.rows, buffer.cols, buffer.turned)
            self.add("sum", buffer.rows, buffer.cols, [Store(part, piece, Way.SUM_ALL)])
            parts.append(part)
        total: Expression = Load(parts[0], Pattern.EACH)
        for part in parts[1:]:
            total = total + Load(part, Pattern.EACH)
        self.add("total", Rows(1), 1, [Store(self.result(node).buffer, total)])

    def _keep(self) -> None:
        """Copy what lies in leaves and is to replace others, before anything is replaced."""
        for value in dict.fromkeys(self.following.values()):
            if value in self.pieces:
                self.pieces[value] = {label: self._kept(id) for label, id in self.pieces[value].items()}
            else:
                self.of[value] = self._kept(self._buffer(value))
                self.lay.pop(value, None)

    def _kept(self, id: int) -> int:
        source = self.found.buffers[id]
        if source.kind is Kind.WORK:
            return id
        copy = self.new(f"{source.name} kept", source.dtype, source.rows, source.cols, turned=source.turned)
        self._copy(copy, id)
        return copy

    def _write_back(self, leaf: State | Parameters, value: Value) -> None:
        """Copy what replaces a leaf into its storage."""
        if value in self.pieces:
            for label, id in self.pieces[value].items():
                packed = isinstance(leaf, Parameters)
                self._copy(self.parameters[label] if packed else self._leaf_buffer(f"{leaf.label}:{label}"), id)
        else:
            self._copy(self._leaf_buffer(leaf.label), self.of[value])

    def _leaf_buffer(self, label: str) -> int:
        return next(b.id for b in self.found.buffers.values() if b.kind is Kind.STATE and b.label == label)

    def _copy(self, target: int, source: int) -> None:
        if target != source:
            buffer = self.found.buffers[target]
            self.add(
                "write", buffer.rows, buffer.cols, [Store(target, self._at(source, buffer.rows, buffer.cols, buffer.turned))]
            )


def _wants_turned(node: Node, position: int) -> bool:
    """Whether a product wants its parameter transposed: [in, out], so that vectors lie along the outputs."""
    transposed = isinstance(node.op, Affine) or (isinstance(node.op, MatMul) and node.op.transposed)
    return transposed and position == 1 and space(node.types[0].shape)[1] > 1
