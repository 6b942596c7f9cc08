"""The benchmark's networks in JAX: parameters, and a loss of them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def _normal(key: int, shape: tuple[int, ...], scale: float) -> Any:
    return scale * jax.random.normal(jax.random.PRNGKey(key), shape)


def _nll(logits: Any, y: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], -1))


def cnn() -> tuple[Any, Any]:
    """conv32-pool-conv64-pool-128-10."""
    shapes = [(32, 1, 3, 3), (64, 32, 3, 3), (1600, 128), (128, 10)]
    parameters = [(_normal(i, shape, 0.05), jnp.zeros(shape[0] if i < 2 else shape[1])) for i, shape in enumerate(shapes)]

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        for w, b in parameters[:2]:
            x = jax.lax.conv_general_dilated(x, w, (1, 1), "VALID") + b[:, None, None]
            x = jax.lax.reduce_window(jax.nn.relu(x), -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        (w, b), (v, c) = parameters[2:]
        return _nll(jax.nn.relu(x.reshape(len(x), -1) @ w + b) @ v + c, y)

    return parameters, loss


def gpt() -> tuple[Any, Any]:
    """Vocabulary 96, context 64, width 128, 4 heads, 4 layers."""
    sizes = {"qkv": (128, 384), "out": (128, 128), "wide": (128, 512), "narrow": (512, 128)}

    def block(i: int) -> dict[str, Any]:
        weights = {n: (_normal(10 * i + k, s, 0.02), jnp.zeros(s[1])) for k, (n, s) in enumerate(sizes.items())}
        return {**weights, "first": (jnp.ones(128), jnp.zeros(128)), "second": (jnp.ones(128), jnp.zeros(128))}

    parameters = {
        "names": _normal(1, (96, 128), 0.02), "places": _normal(2, (64, 128), 0.02), "blocks": [block(i) for i in range(4)],
        "last": (jnp.ones(128), jnp.zeros(128)), "head": (_normal(3, (128, 96), 0.02), jnp.zeros(96)),
    }  # fmt: skip
    mask = jnp.tril(jnp.ones((64, 64), bool))

    def norm(x: Any, scale: Any) -> Any:
        x = x - x.mean(-1, keepdims=True)
        return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * scale[0] + scale[1]

    def dense(x: Any, layer: Any) -> Any:
        return x @ layer[0] + layer[1]

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        h = parameters["names"][x] + parameters["places"]
        for b in parameters["blocks"]:
            parts = dense(norm(h, b["first"]), b["qkv"]).reshape(*x.shape, 3, 4, 32)
            q, k, v = (parts[:, :, i] for i in range(3))
            scores = jnp.where(mask, jnp.einsum("bthd,bshd->bhts", q, k) / 32**0.5, -jnp.inf)
            h = h + dense(jnp.einsum("bhts,bshd->bthd", jax.nn.softmax(scores), v).reshape(h.shape), b["out"])
            h = h + dense(jax.nn.gelu(dense(norm(h, b["second"]), b["wide"]), approximate=False), b["narrow"])
        return _nll(dense(norm(h, parameters["last"]), parameters["head"]), y)

    return parameters, loss
