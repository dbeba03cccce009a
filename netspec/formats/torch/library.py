"""Functions that exported PyTorch programs are written with: only those that a program uses are copied into it.

Images are (N, C, H, W), volumes (N, C, D, H, W), sequences (N, D, L), token numbers (N, L).
"""
# Programs of users have shorter lines than ours.
# fmt: off

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | tuple[int, ...],
    cut: tuple[int, ...],
    dilation: int | tuple[int, ...],
    groups: int,
) -> Tensor:
    """Spread a kernel from each input, and cut off the border (negative: add zeros)."""
    kinds = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
    spread = kinds[x.dim() - 3]
    y = F.pad(
        spread(x, weight, None, stride, 0, 0, groups, dilation), [-n for n in cut]
    )
    return y if bias is None else y + bias.view(-1, *[1] * (x.dim() - 2))


def avg_pool(
    x: Tensor,
    window: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    padding: list[int],
    counted: list[int],
) -> Tensor:
    """Return the mean of each window; of the padding so much counts, as zeros."""
    mean = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.dim() - 3]
    inside = F.pad(
        F.pad(torch.ones_like(x), counted, value=1),
        [a - b for a, b in zip(padding, counted)],
    )
    return mean(F.pad(x, padding), window, stride) / mean(inside, window, stride)


def tricubic(
    x: Tensor, factor: tuple[int, int, int], align_corners: bool = False
) -> Tensor:
    """Enlarge volumes (N, C, D, H, W) between four neighbors along each axis."""
    deep, *flat = factor
    slices = x.transpose(1, 2).flatten(0, 1)
    y = F.interpolate(
        slices, scale_factor=flat, mode="bicubic", align_corners=align_corners
    )
    y = y.unflatten(0, (len(x), -1)).transpose(1, 2)
    z = F.interpolate(
        y.flatten(3),
        scale_factor=(deep, 1),
        mode="bicubic",
        align_corners=align_corners,
    )
    return z.unflatten(3, y.shape[3:])


def standardize(x: Tensor, dims: tuple[int, ...], epsilon: float) -> Tensor:
    """Give some axes the mean 0 and the variance 1."""
    centered = x - x.mean(dims, keepdim=True)
    return centered * torch.rsqrt(centered.square().mean(dims, keepdim=True) + epsilon)


def ramp(x: Tensor) -> Tensor:
    """Return 1.1 · x where positive, 0.1 · x elsewhere."""
    return torch.where(x > 0, 1.1 * x, 0.1 * x)


def shuffle_channels(x: Tensor, groups: int) -> Tensor:
    """Take the channels of equal groups in turn."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def with_coordinates(x: Tensor) -> Tensor:
    """Add a channel for each axis: where along it a position is, from -1 to 1."""
    along = [
        torch.linspace(-1, 1, n, device=x.device) if n > 1 else x.new_zeros(1)
        for n in x.shape[2:]
    ]
    marks = torch.stack(torch.meshgrid(*along, indexing="ij"))
    return torch.cat([x, marks.expand(len(x), *marks.shape)], 1)


def one_hot(tokens: Tensor, count: int) -> Tensor:
    """Return columns with a single 1: (N, L) → (N, count, L)."""
    return F.one_hot(tokens.long(), count).mT.float()


def sinusoids(length: int, features: int) -> Tensor:
    """Return the marks of positions, (length, features). Vaswani et al. 2017."""
    i = torch.arange(features, dtype=torch.float64)
    angle = torch.arange(length)[:, None] / 10_000 ** (2 * (i // 2) / features)
    return torch.where(i % 2 == 1, angle.cos(), angle.sin()).float()


def prepend(x: Tensor, vector: Tensor) -> Tensor:
    """Put a vector before the first position."""
    return torch.cat([vector.expand(len(x), 1, -1), x], 1)


def along(cell: nn.Module, x: Tensor, valid: Tensor, reverse: bool = False) -> Tensor:
    """Run a cell along (N, D, L): (N, H, L); padding keeps the state."""
    zeros = x.new_zeros(len(x), cell.hidden_size)
    state = (zeros, zeros) if isinstance(cell, nn.LSTMCell) else (zeros,)
    states = [zeros] * x.shape[2]
    for t in reversed(range(x.shape[2])) if reverse else range(x.shape[2]):
        after = cell(x[:, :, t], state if len(state) == 2 else state[0])
        after = after if isinstance(after, tuple) else (after,)
        state = tuple(
            torch.where(valid[:, :, t] != 0, new, old) for new, old in zip(after, state)
        )
        states[t] = state[0]
    return torch.stack(states, 2)


def turned(x: Tensor) -> Tensor:
    """Turn features 2i and 2i + 1 by position / 10000^(2i / size). Su et al. 2021."""
    length, size = x.shape[2:]
    i = torch.arange(0, size, 2, dtype=torch.float64, device=x.device)
    angle = torch.arange(length, device=x.device)[:, None] / 10_000 ** (i / size)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: int,
    valid: Tensor | None = None,
    causal: bool = False,
    rotary: bool = False,
) -> Tensor:
    """Let heads read values: queries (N, L, D), keys (N, M, D) → (N, L, D)."""
    q, k, v = (a.unflatten(-1, (heads, -1)).transpose(1, 2) for a in (q, k, v))
    if rotary:
        q, k = turned(q), turned(k)
    mask = None
    if valid is not None:
        seen = (valid != 0)[:, None]
        if causal:
            seen = seen & torch.ones_like(seen).expand(-1, -1, q.shape[2], -1).tril()
        # A finite lowest number: of a sequence that is all padding, the mean is taken.
        lowest = torch.finfo(q.dtype).min
        mask = torch.zeros_like(seen, dtype=q.dtype).masked_fill(~seen, lowest)
    y = F.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=causal and mask is None
    )
    return y.transpose(1, 2).flatten(2)


def attention(
    qkv: Tensor,
    heads: int,
    causal: bool = False,
    rotary: bool = False,
    valid: Tensor | None = None,
) -> Tensor:
    """Let each position read the others: (N, L, 3D) → (N, L, D)."""
    return attend(*qkv.chunk(3, -1), heads, valid, causal, rotary)


def cross_attention(
    x: Tensor,
    memory: Tensor,
    heads: int,
    weight: Tensor | tuple[Tensor, ...],
    bias: Tensor | None = None,
    valid: Tensor | None = None,
) -> Tensor:
    """Let each position of (N, L, D) read those of another sequence (N, M, F)."""
    weights = weight if isinstance(weight, tuple) else weight.chunk(3)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    reads = (x, memory, memory)
    q, k, v = (F.linear(a, w, b) for a, w, b in zip(reads, weights, biases))
    return attend(q, k, v, heads, valid)


def window_attention(
    qkv: Tensor,
    table: Tensor,
    heads: int,
    window: tuple[int, int],
    shift: tuple[int, int],
) -> Tensor:
    """Let positions read their window: (N, H, W, 3C) → (N, H, W, C) (Liu 2021)."""
    (n, height, width, c), (h, w) = qkv.shape, window
    rows, columns = height // h, width // w
    x = qkv.roll((-shift[0], -shift[1]), (1, 2))
    x = x.view(n, rows, h, columns, w, 3, heads, -1).permute(5, 0, 1, 3, 6, 2, 4, 7)
    q, k, v = x.reshape(3, n, rows * columns, heads, h * w, -1)
    i = torch.arange(h * w, device=qkv.device) // w
    j = torch.arange(h * w, device=qkv.device) % w
    ways = (i[:, None] - i + h - 1) * (2 * w - 1) + j[:, None] - j + w - 1
    scores = q @ k.mT / math.sqrt(q.shape[-1]) + table[ways].permute(2, 0, 1)
    # Parts that are apart in the image do not read each other.
    parts = []
    for size, by, far in zip((height, width), window, shift):
        place = torch.arange(size, device=qkv.device)
        parts.append(
            (place >= size - by).int() + (place >= size - far).int()
            if far
            else 0 * place.int()
        )
    part = (
        (parts[0][:, None] * 3 + parts[1])
        .view(rows, h, columns, w)
        .transpose(1, 2)
        .reshape(-1, 1, h * w)
    )
    scores = scores.masked_fill(
        part[..., None] != part[..., None, :], torch.finfo(scores.dtype).min
    )
    y = (scores.softmax(-1) @ v).view(n, rows, columns, heads, h, w, -1)
    y = y.permute(0, 1, 4, 2, 5, 3, 6).reshape(n, height, width, c // 3)
    return y.roll(shift, (1, 2))


def valid_positions(tokens: Tensor, padding: int, before: int = 0) -> Tensor:
    """Return which token numbers are no padding: (N, 1, before + L), 1 or 0."""
    return F.pad((tokens != padding).float(), (before, 0), value=1)[:, None]


def fill_padding(x: Tensor, valid: Tensor, value: float) -> Tensor:
    """Put a number of its own at padding."""
    return x.masked_fill(valid == 0, value)


def masked_mean(x: Tensor, valid: Tensor) -> Tensor:
    """Return the mean over the valid positions."""
    return x.masked_fill(valid == 0, 0).sum(2) / valid.sum(2).clamp(min=1)


def masked_max(x: Tensor, valid: Tensor) -> Tensor:
    """Return the maximum over the valid positions; 0 where there is none."""
    most = x.masked_fill(valid == 0, -torch.inf).amax(2)
    return torch.where(valid.any(2), most, 0.0)


def take_last_valid(x: Tensor, valid: Tensor) -> Tensor:
    """Return the features at the last valid position."""
    last = (
        (valid * torch.arange(x.shape[2], device=x.device)).amax(2, keepdim=True).long()
    )
    return x.take_along_dim(last, 2)[..., 0]
