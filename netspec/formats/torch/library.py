"""Functions that exported PyTorch programs are written with: only those that a program uses are copied into it.

Images are (N, C, H, W), sequences (N, D, L), token numbers (N, L).
"""

import math

import torch
import torch.nn.functional as F


def conv_transpose(x, weight, bias, stride, cut, dilation, groups):
    """Spread a kernel from each input, and cut off the border; where that is negative, zeros are added."""
    spread = F.conv_transpose2d if x.dim() == 4 else F.conv_transpose1d
    y = F.pad(spread(x, weight, None, stride, 0, 0, groups, dilation), [-n for n in cut])
    return y if bias is None else y + bias.view(-1, *[1] * (x.dim() - 2))


def avg_pool(x, window, stride, padding, counted):
    """Return the mean of each window; of the padding so much counts, as zeros."""
    mean = F.avg_pool2d if x.dim() == 4 else F.avg_pool1d
    inside = F.pad(F.pad(torch.ones_like(x), counted, value=1), [a - b for a, b in zip(padding, counted)])
    return mean(F.pad(x, padding), window, stride) / mean(inside, window, stride)


def standardize(x, dims, epsilon):
    """Give some axes the mean 0 and the variance 1."""
    centered = x - x.mean(dims, keepdim=True)
    return centered * torch.rsqrt(centered.square().mean(dims, keepdim=True) + epsilon)


def ramp(x):
    """Return 1.1 · x where positive, 0.1 · x elsewhere."""
    return torch.where(x > 0, 1.1 * x, 0.1 * x)


def shuffle_channels(x, groups):
    """Take the channels of equal groups in turn."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def with_coordinates(x):
    """Add a channel for each axis of positions, which says where along it a position is."""
    along = [torch.linspace(-1, 1, n, device=x.device) if n > 1 else x.new_zeros(1) for n in x.shape[2:]]
    marks = torch.stack(torch.meshgrid(*along, indexing="ij"))
    return torch.cat([x, marks.expand(len(x), *marks.shape)], 1)


def one_hot(tokens, count):
    """Return columns with a single 1: (N, L) → (N, count, L)."""
    return F.one_hot(tokens.long(), count).mT.float()


def sinusoids(features, length):
    """Return the marks of positions, (features, length). Vaswani et al. 2017."""
    i = torch.arange(features, dtype=torch.float64)[:, None]
    angle = torch.arange(length) / 10_000 ** (2 * (i // 2) / features)
    return torch.where(i % 2 == 1, angle.cos(), angle.sin()).float()


def prepend(x, vector):
    """Put a vector before the first position."""
    return torch.cat([vector[:, None].expand(len(x), -1, 1), x], 2)


def along(cell, x, valid, reverse=False):
    """Go along a sequence with a cell; where it is not valid, the state stays. (N, D, L) → (N, H, L)."""
    zeros = x.new_zeros(len(x), cell.hidden_size)
    state = (zeros, zeros) if isinstance(cell, torch.nn.LSTMCell) else (zeros,)
    states = [zeros] * x.shape[2]
    for t in reversed(range(x.shape[2])) if reverse else range(x.shape[2]):
        after = cell(x[:, :, t], state if len(state) == 2 else state[0])
        after = after if isinstance(after, tuple) else (after,)
        state = tuple(torch.where(valid[:, :, t] != 0, new, old) for new, old in zip(after, state))
        states[t] = state[0]
    return torch.stack(states, 2)


def turned(x):
    """Turn features 2i and 2i + 1 by position / 10000^(2i / size). Su et al. 2021."""
    length, size = x.shape[2:]
    i = torch.arange(0, size, 2, dtype=torch.float64, device=x.device)
    angle = torch.arange(length, device=x.device)[:, None] / 10_000 ** (i / size)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


def attend(q, k, v, heads, seen=None, rotary=False):
    """Return what heads read of values, for queries (N, D, L), keys and values (N, D, M): (N, D, L)."""
    q, k, v = (a.unflatten(1, (heads, -1)).mT for a in (q, k, v))
    if rotary:
        q, k = turned(q), turned(k)
    mask = None
    if seen is not None:
        # A finite lowest number: of a sequence that is all padding, the mean is taken.
        mask = torch.zeros(seen.shape, device=q.device).masked_fill(~seen, torch.finfo(q.dtype).min)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).mT.flatten(1, 2)


def attention(qkv, heads, causal=False, rotary=False, valid=None):
    """Let each position read the others: (N, 3D, L) → (N, D, L)."""
    length = qkv.shape[2]
    seen = torch.ones(length, length, dtype=torch.bool, device=qkv.device).tril() if causal else None
    if valid is not None:
        going = (valid != 0)[:, None]
        seen = going if seen is None else going & seen
    return attend(*qkv.chunk(3, 1), heads, seen, rotary)


def cross_attention(x, memory, heads, weights, bias=None, valid=None):
    """Let each position of (N, D, L) read those of another sequence (N, F, M)."""
    weights = weights if len(weights) == 3 else weights[0].chunk(3)
    biases = [None] * 3 if bias is None else bias.chunk(3)
    q, k, v = (F.linear(a.mT, w, b).mT for a, w, b in zip((x, memory, memory), weights, biases))
    return attend(q, k, v, heads, None if valid is None else (valid != 0)[:, None])


def window_attention(qkv, table, heads, window, shift):
    """Let each position of an image read those of its window: (N, 3C, H, W) → (N, C, H, W). Liu et al. 2021."""
    (n, c, height, width), (h, w) = qkv.shape, window
    rows, columns = height // h, width // w
    x = qkv.roll((-shift[0], -shift[1]), (2, 3))
    x = x.view(n, 3, heads, -1, rows, h, columns, w).permute(1, 0, 4, 6, 2, 5, 7, 3)
    q, k, v = x.reshape(3, n, rows * columns, heads, h * w, -1)
    i = torch.arange(h * w, device=qkv.device) // w
    j = torch.arange(h * w, device=qkv.device) % w
    ways = (i[:, None] - i + h - 1) * (2 * w - 1) + j[:, None] - j + w - 1
    scores = q @ k.mT / math.sqrt(q.shape[-1]) + table[ways].permute(2, 0, 1)
    # Parts that are apart in the image do not read each other.
    parts = []
    for size, by, far in zip((height, width), window, shift):
        place = torch.arange(size, device=qkv.device)
        parts.append((place >= size - by).int() + (place >= size - far).int() if far else 0 * place.int())
    part = (parts[0][:, None] * 3 + parts[1]).view(rows, h, columns, w).transpose(1, 2).reshape(-1, 1, h * w)
    scores = scores.masked_fill(part[..., None] != part[..., None, :], torch.finfo(scores.dtype).min)
    y = (scores.softmax(-1) @ v).view(n, rows, columns, heads, h, w, -1)
    y = y.permute(0, 3, 6, 1, 4, 2, 5).reshape(n, c // 3, height, width)
    return y.roll(shift, (2, 3))


def valid_positions(tokens, padding, before=0):
    """Return which token numbers are no padding: (N, 1, before + L), 1 or 0."""
    return F.pad((tokens != padding).float(), (before, 0), value=1)[:, None]


def fill_padding(x, valid, value):
    """Put a number of its own at padding."""
    return x.masked_fill(valid == 0, value)


def masked_mean(x, valid):
    """Return the mean over the valid positions."""
    return x.masked_fill(valid == 0, 0).sum(2) / valid.sum(2).clamp(min=1)


def masked_max(x, valid):
    """Return the maximum over the valid positions; 0 where there is none."""
    most = x.masked_fill(valid == 0, -torch.inf).amax(2)
    return torch.where(valid.any(2), most, 0.0)


def take_last_valid(x, valid):
    """Return the features at the last valid position."""
    last = (valid * torch.arange(x.shape[2], device=x.device)).amax(2, keepdim=True).long()
    return x.take_along_dim(last, 2)[..., 0]
