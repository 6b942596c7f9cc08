"""The tensors that outlive a step: parameters, an optimiser's states, settings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lampc.diagnostics import failure
from lampc.elaborate.weights import STATE
from lampc.ir.leaves import Leaf, Parameter, Parameters, Setting, State
from lampc.ir.program import Routine
from lampc.ir.types import DType
from lampc.layers.initialisers import INITIALISERS

DTYPES: dict[DType, torch.dtype] = {
    "f32": torch.float32,
    "f64": torch.float64,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "bool": torch.bool,
}


class ByName(OrderedDict[str, Tensor]):
    """Parameters by name. Assigning to one writes into it: there is no other place that it could be kept in."""

    def __setitem__(self, name: str, value: Any) -> None:
        own = self.get(name)
        if own is None:
            raise failure("E801", f"there is no parameter `{name}`", f"there are {', '.join(self)}")
        given = torch.as_tensor(value)
        if given.shape != own.shape:
            raise failure("E605", f"`{name}` is {list(own.shape)}, and what is assigned is {list(given.shape)}",
                         "nothing is broadcast: reshape it")  # fmt: skip
        with torch.no_grad():
            own.copy_(given)

    def __delitem__(self, name: str) -> None:
        raise failure("E801", f"`{name}` is the network's, and cannot be deleted")

    def declare(self, name: str, tensor: Tensor) -> None:
        """Take a tensor in under a name."""
        super().__setitem__(name, tensor)


class Storage:
    """What a program's leaves stand for, by their labels.

    The parameters that are trained lie end to end in one tensor, group after group, so that an update may go over all of
    a group at once; ``by_name`` holds views of it.
    """

    def __init__(self, parameters: Mapping[str, Parameter], training: Routine, dtype: DType,
                 device: torch.device) -> None:  # fmt: skip
        self.device = device
        self.dtype = DTYPES[dtype]
        leaves = [slot.leaf for slot in training.leaves()]
        groups = [leaf for leaf in leaves if isinstance(leaf, Parameters)]
        packed = [label for group in groups for label in group.labels]
        flat = torch.zeros(sum(parameters[label].type.elements(1) for label in packed), dtype=self.dtype, device=device)
        views: dict[str, Tensor] = {}
        start = 0
        for label in packed:
            shape = parameters[label].type.dims(1)
            size = parameters[label].type.elements(1)
            views[label] = flat.narrow(0, start, size).view(shape)
            start += size
        self.by_name = ByName()
        for label, parameter in parameters.items():
            fresh = views.get(label)
            if fresh is None:
                fresh = torch.zeros(parameter.type.dims(1), dtype=self.dtype, device=device)
            self.by_name.declare(label, fresh)
        self._tensors: dict[_Place, Tensor] = {(Parameter, label): tensor for label, tensor in self.by_name.items()}
        self._tensors |= {(Parameters, label): tensor for label, tensor in _narrowed(flat, groups).items()}
        self._begin = {leaf.label: leaf.value for leaf in leaves if isinstance(leaf, State)}
        self.states = {leaf.label: self._zeros(leaf) for leaf in leaves if isinstance(leaf, State)}
        self.settings = {leaf.label: self._zeros(leaf) for leaf in leaves if isinstance(leaf, Setting)}
        self._tensors.update({(State, label): tensor for label, tensor in self.states.items()})
        self._tensors.update({(Setting, label): tensor for label, tensor in self.settings.items()})
        self.set({leaf.label: leaf.value for leaf in leaves if isinstance(leaf, Setting)})
        self._others: dict[str, int] = {}
        """The seeds of what `complete` has taken in."""

    def set(self, settings: Mapping[str, float]) -> None:
        """Give settings, such as ``lr``, new values."""
        for label, tensor in self.settings.items():
            if label in settings:
                tensor.fill_(float(settings[label]))

    def initialise(self, parameters: Mapping[str, Parameter], seed: int) -> None:
        """Begin anew: parameters and states as they are declared.

        Random numbers are drawn in float64 on the CPU, so that precision and device do not change them.
        """
        generator = torch.Generator().manual_seed(seed)
        for label, parameter in parameters.items():
            fresh = torch.zeros(parameter.type.dims(1), dtype=torch.float64)
            INITIALISERS[parameter.initialiser.kind].fill(fresh, parameter.initialiser, generator)
            self.by_name[label].copy_(fresh)
        for label, state in self.states.items():
            state.fill_(self._begin[label])

    def complete(self, routine: Routine, seed: int, given: Mapping[str, Tensor]) -> None:
        """Take in the parameters and states of a routine that training knows nothing of, as they begin."""
        leaves = [slot.leaf for slot in routine.leaves() if isinstance(slot.leaf, Parameter | State)]
        fresh = [leaf for leaf in leaves if _key(leaf) not in self._tensors or leaf.label in self._others]
        if fresh and self._others.get(fresh[0].label) == seed:
            return
        generator = torch.Generator().manual_seed(seed)
        for leaf in fresh:
            begin = torch.full(leaf.type.dims(1), leaf.value if isinstance(leaf, State) else 0.0, dtype=torch.float64)
            if isinstance(leaf, Parameter):
                INITIALISERS[leaf.initialiser.kind].fill(begin, leaf.initialiser, generator)
            begin = given.get(leaf.label, begin).to(device=self.device, dtype=DTYPES[leaf.type.dtype])
            self._tensors.setdefault(_key(leaf), torch.empty_like(begin)).copy_(begin)
            self._others[leaf.label] = seed

    def fill(self, given: Mapping[str, Tensor]) -> None:
        """Put other numbers in the place of those parameters and states that are named."""
        for label, tensor in {**self.states, **self.by_name}.items():
            if label in given:
                tensor.copy_(given[label])

    def tensor(self, leaf: Any) -> Tensor:
        """The tensor that a leaf stands for."""
        return self._tensors[_key(leaf)]

    def _zeros(self, leaf: State | Setting) -> Tensor:
        return torch.zeros(leaf.type.dims(1), dtype=DTYPES[leaf.type.dtype], device=self.device)


_Place = tuple[type[Leaf], str]
"""The kind of a leaf, and its label: a state may be called as a parameter is."""


def _key(leaf: Any) -> _Place:
    return type(leaf), leaf.label


def read_weights(path: Path, names: Set[str]) -> dict[str, Tensor]:
    """The tensors of a safetensors file that have one of some names, those of parameters and of what layers keep beside them.

    Raises:
        LampError: if it cannot be read any more.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = {name.removeprefix(STATE): tensor for name, tensor in load_file(path).items()}
        return {name: tensor for name, tensor in found.items() if name in names}
    except (OSError, SafetensorError) as error:
        raise failure("E601", f"cannot read {path}: {error}") from None


def _narrowed(flat: Tensor, groups: Sequence[Parameters]) -> dict[str, Tensor]:
    """Each group's part of the tensor that all lie in."""
    parts: dict[str, Tensor] = {}
    start = 0
    for group in groups:
        size = group.type.elements(1)
        parts[group.label] = flat.narrow(0, start, size)
        start += size
    return parts
