"""Recurrences: a few places are gone over, and what comes of the last ones stands for all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lampc.advice.signal.patch import Array, Draw, Patch
from lampc.advice.signal.site import Site, rule
from lampc.ops.gru import GruScan, GruScanGrad
from lampc.ops.lstm import LstmScan, LstmScanGrad
from lampc.ops.recurrent import RnnScan, RnnScanGrad, Scan

GATES = -1000
"""No axis: the columns of each gate's values, as the gradient takes them."""
_MOST = 24
"""Places that are gone over; a state has settled by then, or grown beyond all bounds."""


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _length(site: Site) -> int:
    length = site.types[0].shape[1]
    return min(_MOST, length) if isinstance(length, int) else 1


def _brought(draw: Draw, x: Array, w: Array, count: int, columns: int) -> Array:
    """Sums over so many numbers of x with weights of w."""
    return np.asarray(np.sqrt(count * np.square(w).mean() * np.square(x).mean()) * draw.normal(columns))


def _size(site: Site, operand: int = 1) -> int:
    """The numbers of a state."""
    size = site.types[operand].shape[1]
    return size if isinstance(size, int) else 1


def _gates(site: Site, operand: int, width: int) -> Array:
    """Numbers for ``width`` gates of as many columns as the state shows."""
    x = site.along(operand)
    return site.draw.gathered(np.broadcast_to(x, (site.draw.rows, x.shape[1])), width * site.draw.wide(_size_of(site)))


def _size_of(site: Site) -> int:
    scan = site.op
    assert isinstance(scan, Scan)
    weight = next(type for type in site.types if type.rank == 2 and not type.batched)
    return weight.shape[1] if isinstance(weight.shape[1], int) else 1


def _forward(site: Site, step: Callable[[Array, Array], Array], gates: int) -> Array:
    """The last state. ``step``: from a place's gates, and what the state brings, to the state."""
    draw, size = site.draw, _size_of(site)
    columns, w = draw.wide(size), site.given[1].numbers
    state = np.zeros((draw.rows, columns))
    for _ in range(_length(site)):
        own = _gates(site, 0, gates)[draw.random.permutation(draw.rows)]
        state = step(own, _brought(draw, state, w, size, gates * columns))
    return state


@rule(RnnScan)
def _rnn(site: Site) -> tuple[Patch, ...]:
    activation = np.tanh if site.op.activation == "tanh" else (lambda x: np.maximum(x, 0.0))
    return (Patch(_forward(site, lambda own, brought: activation(own + brought), 1), -1),)


@rule(LstmScan)
def _lstm(site: Site) -> tuple[Patch, ...]:
    kept: dict[str, Array] = {"cell": np.zeros((1, 1))}

    def step(own: Array, brought: Array) -> Array:
        i, f, g, o = np.split(own + brought, 4, axis=1)
        i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
        kept["cell"] = f * kept["cell"] + i * g
        kept["values"] = np.concatenate([i, f, g, o], axis=1)
        return np.asarray(o * np.tanh(kept["cell"]))

    state = _forward(site, step, 4)
    return Patch(state, -1), Patch(kept["cell"], -1), Patch(kept["values"], GATES)


@rule(GruScan)
def _gru(site: Site) -> tuple[Patch, ...]:
    kept: dict[str, Array] = {"state": np.zeros((1, 1))}

    def step(own: Array, brought: Array) -> Array:
        (r, z, n), (r2, z2, part) = np.split(own, 3, axis=1), np.split(brought, 3, axis=1)
        r, z = _sigmoid(r + r2), _sigmoid(z + z2)
        n = np.tanh(n + r * part)
        kept["state"] = n + z * (kept["state"] - n)
        kept["values"], kept["part"] = np.concatenate([r, z, n], axis=1), part
        return kept["state"]

    state = _forward(site, step, 3)
    return Patch(state, -1), Patch(kept["values"], GATES), Patch(kept["part"], -1)


def _rows(site: Site, operand: int) -> Array:
    x = site.along(operand)
    return np.broadcast_to(x, (site.draw.rows, x.shape[1]))


def _shown(site: Site, gates: Array) -> Patch:
    """Some columns of every gate, as many as a patch has."""
    return Patch(gates[:, np.linspace(0, gates.shape[1] - 1, site.wide()).astype(np.intp)], -1)


def _initial(site: Site, dgates: Array, w: Array) -> tuple[Patch, ...]:
    """The gradients of what it began with, as of any state."""
    dh = _brought(site.draw, dgates, w, site.types[0].sample[-1], site.draw.wide(_size_of(site)))
    return tuple(Patch(dh, -1) for _ in site.node.types[1:])


@rule(RnnScanGrad)
def _rnn_grad(site: Site) -> tuple[Patch, ...]:
    dy, h, w, draw = _rows(site, 0), _rows(site, 1), site.given[2].numbers, site.draw
    slope = 1 - np.square(h) if site.op.activation == "tanh" else (h > 0).astype(np.float64)
    brought, dgates = np.zeros_like(dy), np.zeros_like(dy)
    for _ in range(_length(site)):
        dgates = (dy[draw.random.permutation(draw.rows)] + brought) * slope
        brought = _brought(draw, dgates, w, _size_of(site), dy.shape[1])
    return _shown(site, dgates), *_initial(site, dgates, w)


@rule(LstmScanGrad)
def _lstm_grad(site: Site) -> tuple[Patch, ...]:
    dy, c, w, draw = _rows(site, 0), _rows(site, 1), site.given[3].numbers, site.draw
    i, f, g, o = np.split(site.given[2].numbers, 4, axis=1)
    bent = np.tanh(c)
    brought, dc = np.zeros_like(dy), np.zeros_like(dy)
    dgates = np.zeros((draw.rows, 4 * dy.shape[1]))
    for _ in range(_length(site)):
        dh = dy[draw.random.permutation(draw.rows)] + brought
        dc = dc * f + dh * o * (1 - bent * bent)
        parts = (dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * bent * o * (1 - o))
        dgates = np.concatenate(parts, axis=1)
        brought = _brought(draw, dgates, w, 4 * _size_of(site), dy.shape[1])
    return _shown(site, dgates), *_initial(site, dgates, w)


@rule(GruScanGrad)
def _gru_grad(site: Site) -> tuple[Patch, ...]:
    dy, h, part, w, draw = _rows(site, 0), _rows(site, 1), _rows(site, 3), site.given[4].numbers, site.draw
    r, z, n = np.split(site.given[2].numbers, 3, axis=1)
    carried, dgates, dstate = np.zeros_like(dy), np.zeros((1, 1)), np.zeros((1, 1))
    for _ in range(_length(site)):
        dh = dy[draw.random.permutation(draw.rows)] + carried
        dz, dn = dh * (h - n) * z * (1 - z), dh * (1 - z) * (1 - n * n)
        dr = dn * part * r * (1 - r)
        dgates, dstate = np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1)
        carried = dh * z + _brought(draw, dstate, w, 3 * _size_of(site), dy.shape[1])
    return _shown(site, dgates), _shown(site, dstate), *_initial(site, dgates, w)
