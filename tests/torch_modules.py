"""PyTorch modules as people write them, and samples for each."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.first(x)))
        h = h + F.silu(self.second(h)) * 0.5
        return self.last(torch.flatten(self.pool(torch.cat([h, -h], 1)[:, 2:6]), 1))


class Recurrent(nn.Module):
    """Layers of a kind, one on another, and of both directions."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.first = kind(3, 5, batch_first=True, bidirectional=True)
        self.second = kind(10, 4, num_layers=2, batch_first=True)
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.second(self.first(x)[0])[0]))


class LastStates(nn.Module):
    """What a recurrence ends with, of both directions, or at the last place."""

    def __init__(self, module: nn.RNNBase, ends: bool) -> None:
        super().__init__()
        self.module, self.ends = module, ends

    def forward(self, x: Tensor) -> Tensor:
        states, last = self.module(x)
        last = last[0] if isinstance(last, tuple) else last
        return torch.cat([last[-2], last[-1]], 1) if self.ends else states[:, -1]


class Attention(nn.Module):
    """PyTorch's own layer, with weights to be returned or not, causal or not."""

    def __init__(self, weights: bool, causal: bool = False, **options: bool) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2, **options)
        self.weights, self.causal = weights, causal

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
        y: Tensor = self.inner(x, x, x, attn_mask=mask, is_causal=self.causal, need_weights=self.weights)[0]
        return y


class Gpt(nn.Module):
    """As small teaching implementations write it: scores and a mask of their own, or PyTorch's one function."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.names, self.places = nn.Embedding(20, 8), nn.Embedding(6, 8)
        self.norms = nn.ModuleList([nn.LayerNorm(8), nn.LayerNorm(8, bias=False)])
        self.qkv, self.out = nn.Linear(8, 24, bias=False), nn.Linear(8, 8)
        self.mlp = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8))
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.names.weight
        self.register_buffer("seen", torch.tril(torch.ones(6, 6)).view(1, 1, 6, 6))

    def forward(self, x: Tensor) -> Tensor:
        n, t = x.shape
        h = self.names(x) + self.places(torch.arange(t))
        q, k, v = (part.view(n, t, 2, 4).transpose(1, 2) for part in self.qkv(self.norms[0](h)).split(8, dim=2))
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * 0.5
            y = scores.masked_fill(self.seen[:, :, :t, :t] == 0, float("-inf")).softmax(-1) @ v  # type: ignore[index]
        h = h + self.out(y.transpose(1, 2).contiguous().view(n, t, 8))
        return self.head(h + self.mlp(self.norms[1](h)))  # type: ignore[no-any-return]


class Rotary(nn.Module):
    """Shared keys, turned by their places, as Llama's implementations have it."""

    def __init__(self, kv: int, base: float = 10_000.0) -> None:
        super().__init__()
        self.kv = kv
        self.q, self.o = nn.Linear(16, 16), nn.Linear(16, 16, bias=False)
        self.k, self.v = nn.Linear(16, 4 * kv, bias=False), nn.Linear(16, 4 * kv)
        angles = torch.arange(9)[:, None] * base ** (-torch.arange(0, 4, 2) / 4)
        self.register_buffer("cos", torch.cat([angles, angles], -1).cos())
        self.register_buffer("sin", torch.cat([angles, angles], -1).sin())

    def turned(self, x: Tensor) -> Tensor:
        t = x.shape[2]
        swapped = torch.cat([-x[..., 2:], x[..., :2]], -1)
        return x * self.cos[:t] + swapped * self.sin[:t]  # type: ignore[index]

    def forward(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        q = self.turned(self.q(x).view(n, t, 4, 4).transpose(1, 2))
        k = self.turned(self.k(x).view(n, t, self.kv, 4).transpose(1, 2))
        v = self.v(x).view(n, t, self.kv, 4).transpose(1, 2)
        k = k[:, :, None].expand(n, self.kv, 4 // self.kv, t, 4).reshape(n, 4, t, 4)
        y = F.scaled_dot_product_attention(q, k, v.repeat_interleave(4 // self.kv, 1), is_causal=True)
        return self.o(y.transpose(1, 2).reshape(n, t, 16))


class Patches(nn.Module):
    """A picture cut into patches, with a token for the class before them."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, 8, 4, 4)
        self.token, self.places = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 5, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
        self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.cut(x).flatten(2).transpose(1, 2)
        h = torch.cat([self.token.expand(x.shape[0], -1, -1), h], 1) + self.places
        return self.head(self.encoder(h)[:, 0])  # type: ignore[no-any-return]


class Gated(nn.Module):
    """Channels weighed by a number each, changed in place before."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(3, 4, 3, padding="same"), nn.Conv2d(4, 4, 1)
        self.scale = nn.Parameter(torch.rand(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.conv(x), inplace=True)
        return h * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(h, 1))) + self.scale * h


class Formulas(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 6)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            waves = torch.arange(6).float().cos()
        h = 2 - F.glu(torch.cat([self.linear(x), x.pow(2), 1 / (x * x + 1)], 1)) / 3
        h = torch.cat([h.clamp(min=0), h.clamp(max=0.5), h.clamp(-1, 1)], 1).view(-1, 3, 7)
        return h.amax(2) * waves[:3]


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.LayerNorm(8), nn.Linear(8, 2), nn.Softmax(-1)), (4,)),
    "in place": (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.BatchNorm1d(4), nn.Dropout(), nn.Tanh()),
                 (4,)),
    "lenet": (lambda: nn.Sequential(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5, stride=2), nn.ELU(),
                                    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10), nn.LogSoftmax(1)), (1, 28, 28)),
    "residual": (Residual, (1, 8, 8)),
    "gated": (Gated, (3, 6, 6)),
    "formulas": (Formulas, (4,)),
    "activations": (lambda: nn.Sequential(nn.Linear(4, 6), nn.Softplus(), nn.Hardtanh(0, 2), nn.Mish(), nn.SELU(), nn.ELU(0.5),
                                          nn.LeakyReLU(0.3), nn.ReLU6(), nn.Hardsigmoid(), nn.Softsign(), nn.SiLU()), (4,)),
    "norms": (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.PReLU(4),
                                    nn.AdaptiveMaxPool2d(2), nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(64, 5),
                                    nn.RMSNorm(5)), (3, 8, 8)),
    "pads": (lambda: nn.Sequential(nn.ZeroPad2d((1, 2, 3, 0)), nn.Conv2d(2, 3, 3), nn.ReflectionPad2d(1), nn.Conv2d(3, 1, 2),
                                   nn.Upsample(scale_factor=2, mode="bilinear")), (2, 5, 5)),
    "volumes": (lambda: nn.Sequential(nn.Conv3d(1, 2, 2), nn.AvgPool3d(2), nn.ConvTranspose3d(2, 1, 2), nn.Flatten(),
                                      nn.Hardswish()), (1, 5, 5, 5)),
    "sequence": (lambda: nn.Sequential(nn.Conv1d(3, 6, 3, dilation=2), nn.LeakyReLU(0.2), nn.ConvTranspose1d(6, 2, 2, stride=2),
                                       nn.Hardswish(), nn.Linear(12, 5), nn.Sigmoid()), (3, 10)),
    "shuffle": (lambda: nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.PixelShuffle(2), nn.ChannelShuffle(2)), (1, 4, 4)),
    "rnn": (lambda: Recurrent(nn.RNN), (6, 3)),
    "rnn relu": (lambda: LastStates(nn.RNN(3, 4, nonlinearity="relu", batch_first=True), False), (6, 3)),
    "lstm": (lambda: Recurrent(nn.LSTM), (6, 3)),
    "lstm ends": (lambda: LastStates(nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True), True), (6, 3)),
    "gru": (lambda: Recurrent(nn.GRU), (6, 3)),
    "attention": (lambda: Attention(False, batch_first=True), (5, 8)),
    "attention with weights": (lambda: Attention(True, batch_first=True), (5, 8)),
    "attention without biases": (lambda: Attention(False, batch_first=True, bias=False), (5, 8)),
    "causal attention": (lambda: Attention(False, True, batch_first=True), (5, 8)),
    "encoder": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), (5, 8)),
    "encoder, norms first": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(
        8, 2, 16, batch_first=True, norm_first=True), 2, enable_nested_tensor=False), (5, 8)),
    "gpt": (lambda: Gpt(False), (6,)),
    "gpt, fused": (lambda: Gpt(True), (6,)),
    "rotary": (lambda: Rotary(2), (7, 16)),
    "rotary, one key": (lambda: Rotary(1, 500_000.0), (7, 16)),
    "patches": (Patches, (3, 8, 8)),
}  # fmt: skip


def made(name: str) -> tuple[nn.Module, Tensor]:
    """A module in ``eval()``, whose running statistics have moved, and three samples."""
    make, shape = MODULES[name]
    torch.manual_seed(0)
    module = make()
    x = torch.randint(0, 20, (3, *shape)) if name.startswith("gpt") else torch.rand(3, *shape)
    module(x)
    module.eval()
    return module, x
