"""Functions that exported Keras programs are written with: only those that a program uses are copied into it.

Images are (N, C, H, W), volumes (N, C, D, H, W), sequences (N, D, L), token numbers (N, L).
"""
# Programs of users have shorter lines than ours.
# fmt: off

import numpy as np
from keras import layers, ops


class Weighted(layers.Layer):
    """A function of what flows in and of weights of its own."""

    def __init__(self, function, shapes, **more):
        super().__init__(**more)
        self.function, self.shapes = function, shapes

    def build(self, *_):
        self.own = {
            name: self.add_weight(name=name, shape=shape)
            for name, shape in self.shapes.items()
        }

    def call(self, *x):
        return self.function(*x, **self.own)


def avg_pool(x, window, stride, padding, counted):
    """Return the mean of each window; of the padding so much counts, as zeros."""
    edge, count = [(0, 0), (0, 0)], [np.ones(1)] * len(window)
    for i, (n, k, s, (before, after), (low, high)) in enumerate(
        zip(x.shape[2:], window, stride, padding, counted)
    ):
        starts = np.arange((n + before + after - k) // s + 1) * s - before
        count[i] = np.minimum(starts + k, n + high) - np.maximum(starts, -low)
    under = count[0]
    for more in count[1:]:
        under = np.multiply.outer(under, more)
    mean = ops.average_pool(
        ops.pad(x, edge + list(padding)), window, stride, "valid", "channels_first"
    )
    return mean * (np.prod(window) / under).astype("float32")


def conv_transpose(x, kernel, stride, cut, dilation, groups):
    """Spread a kernel (I, O / groups, …) from each input, and cut off the border."""
    for axis, s in enumerate(stride, 2):
        # Zeros between the inputs.
        shape = x.shape
        pads = [(0, 0)] * (axis + 1) + [(0, s - 1)] + [(0, 0)] * (len(shape) - axis - 1)
        x = ops.reshape(
            ops.pad(ops.expand_dims(x, axis + 1), pads),
            (-1, *shape[1:axis], shape[axis] * s, *shape[axis + 1 :]),
        )
    axes = tuple(range(2, 2 + len(stride)))
    grouped = ops.swapaxes(ops.reshape(kernel, (groups, -1, *kernel.shape[1:])), 1, 2)
    turned = ops.flip(ops.reshape(grouped, (-1, *grouped.shape[2:])), axes)
    pads = []
    for k, d, s, (before, after) in zip(kernel.shape[2:], dilation, stride, cut):
        pads.append((d * (k - 1) - before, d * (k - 1) - after - (s - 1)))
    for axis, (before, after) in enumerate(pads, 2):
        x = x[
            (slice(None),) * axis
            + (slice(max(-before, 0), x.shape[axis] - max(-after, 0)),)
        ]
    x = ops.pad(x, [(0, 0), (0, 0), *((max(a, 0), max(b, 0)) for a, b in pads)])
    turned = ops.transpose(turned, (*axes, 1, 0))
    return ops.conv(x, turned, 1, "valid", "channels_first", dilation)


def standardize(x, axes, epsilon):
    """Give some axes the mean 0 and the variance 1."""
    centered = x - ops.mean(x, axes, keepdims=True)
    return centered * ops.rsqrt(
        ops.mean(ops.square(centered), axes, keepdims=True) + epsilon
    )


def layer_norm(x, epsilon=1e-5):
    """Normalize the channels at each position."""
    return standardize(x, 1, epsilon)


def group_norm(x, groups, epsilon=1e-5):
    """Normalize each group of channels over all positions."""
    return ops.reshape(
        standardize(
            ops.reshape(x, (-1, groups, np.prod(x.shape[1:]) // groups)), 2, epsilon
        ),
        (-1, *x.shape[1:]),
    )


def local_response_norm(x, size, alpha, beta, k):
    """Divide by the strength of `size` neighboring channels."""
    square = ops.pad(
        ops.square(x),
        [(0, 0), (size // 2, (size - 1) // 2)] + [(0, 0)] * (len(x.shape) - 2),
    )
    near = sum(square[:, i : i + x.shape[1]] for i in range(size))
    return x * (k + alpha / size * near) ** -beta


def prelu(x, slope):
    """Return x where positive, slope · x elsewhere."""
    return ops.where(x > 0, x, slope * x)


def threshold(x, limit, value=0.0):
    """Return x where above a limit, a value elsewhere."""
    return ops.where(x <= limit, value, x)


def ramp(x):
    """Return 1.1 · x where positive, 0.1 · x elsewhere."""
    return ops.where(x > 0, 1.1 * x, 0.1 * x)


def hard_swish(x):
    """Return x · relu6(x + 3) / 6."""
    return x * ops.relu6(x + 3) / 6


def shuffle_channels(x, groups):
    """Take the channels of equal groups in turn."""
    _, c, *size = x.shape
    return ops.reshape(
        ops.swapaxes(ops.reshape(x, (-1, groups, c // groups, *size)), 1, 2),
        (-1, c, *size),
    )


def with_coordinates(x):
    """Add a channel for each axis: where along it a position is, from -1 to 1."""
    along = [np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in x.shape[2:]]
    marks = np.stack(np.meshgrid(*along, indexing="ij")).astype("float32")
    return ops.concatenate([x, 0 * x[:, :1] + marks], axis=1)


def depth_to_space(x, f):
    """Lay out f² neighboring channels as a square."""
    _, c, h, w = x.shape
    x = ops.transpose(ops.reshape(x, (-1, c // f**2, f, f, h, w)), (0, 1, 4, 2, 5, 3))
    return ops.reshape(x, (-1, c // f**2, f * h, f * w))


def space_to_depth(x, f):
    """Make channels of each square of f x f."""
    _, c, h, w = x.shape
    x = ops.transpose(ops.reshape(x, (-1, c, h // f, f, w // f, f)), (0, 1, 3, 5, 2, 4))
    return ops.reshape(x, (-1, c * f**2, h // f, w // f))


def repeat(x, factors):
    """Repeat each position along each axis."""
    for axis, factor in enumerate(factors, 2):
        x = ops.repeat(x, factor, axis)
    return x


def upsample(x, factors, cubic=False, align_corners=False):
    """Interpolate between two neighbors along each axis, or four (Keys 1981)."""

    def weight(distance):
        d = np.abs(distance)
        if not cubic:
            return np.maximum(1 - d, 0)
        near = (1.25 * d - 2.25) * d * d + 1
        far = -0.75 * (((d - 5) * d + 8) * d - 4)
        return np.where(d <= 1, near, np.where(d < 2, far, 0))

    for axis, factor in enumerate(factors, 2):
        size, count = x.shape[axis], x.shape[axis] * factor
        if factor > 1:
            places = (
                np.arange(count) * ((size - 1) / (count - 1)) if align_corners else None
            )
            places = (
                (np.arange(count) + 0.5) / factor - 0.5 if places is None else places
            )
            matrix = np.zeros((count, size))
            for offset in (-1, 0, 1, 2):
                at = np.floor(places).astype(int) + offset
                np.add.at(
                    matrix,
                    (np.arange(count), np.clip(at, 0, size - 1)),
                    weight(places - at),
                )
            x = ops.moveaxis(
                ops.matmul(ops.moveaxis(x, axis, -1), matrix.T.astype("float32")),
                -1,
                axis,
            )
    return x


def cosine(a, b, epsilon):
    """Return the cosine of the angle between the features of each position."""
    length = [
        ops.maximum(ops.sqrt(ops.sum(v * v, 1, keepdims=True)), epsilon) for v in (a, b)
    ]
    return ops.sum(a * b, 1, keepdims=True) / (length[0] * length[1])


def one_hot(tokens, count):
    """Return columns with a single 1: (N, L) → (N, count, L)."""
    return ops.swapaxes(ops.one_hot(tokens, count), 1, 2)


def sinusoids(features, length):
    """Return the marks of positions, (features, length). Vaswani et al. 2017."""
    i = np.arange(features)[:, None]
    angle = np.arange(length) / 10_000 ** (2 * (i // 2) / features)
    return np.where(i % 2, np.cos(angle), np.sin(angle)).astype("float32")


def prepend(x, vector):
    """Put a vector before the first position."""
    return ops.concatenate([0 * x[:, :, :1] + vector[:, None], x], axis=2)


def heads_of(x, heads):
    """Return (N, heads, L, D / heads) of (N, D, L)."""
    return ops.swapaxes(
        ops.reshape(x, (-1, heads, x.shape[1] // heads, x.shape[2])), 2, 3
    )


def weighted(q, k, v, seen=None, bias=0):
    """Return the means of the values, weighted by how queries and keys go together."""
    scores = ops.matmul(q, ops.swapaxes(k, -1, -2)) / float(np.sqrt(q.shape[-1])) + bias
    if seen is not None:
        scores = ops.where(seen, scores, float(np.finfo("float32").min))
    return ops.matmul(ops.softmax(scores), v)


def turned(x):
    """Turn features 2i and 2i + 1 by position / 10000^(2i / size). Su et al. 2021."""
    heads, length, size = x.shape[1:]
    angle = np.arange(length)[:, None] / 10_000 ** (np.arange(0, size, 2) / size)
    cos, sin = np.cos(angle).astype("float32"), np.sin(angle).astype("float32")
    a, b = x[..., ::2], x[..., 1::2]
    return ops.reshape(
        ops.stack([a * cos - b * sin, a * sin + b * cos], axis=-1),
        (-1, heads, length, size),
    )


def attention(qkv, heads, causal=False, rotary=False, valid=None):
    """Let each position read the others: (N, 3D, L) → (N, D, L)."""
    _, features, length = qkv.shape
    q, k, v = (heads_of(a, heads) for a in ops.split(qkv, 3, axis=1))
    if rotary:
        q, k = turned(q), turned(k)
    seen = np.tril(np.ones((length, length), bool)) if causal else None
    if valid is not None:
        going = ops.expand_dims(valid, 1) != 0
        seen = going if seen is None else ops.logical_and(going, seen)
    return ops.reshape(
        ops.swapaxes(weighted(q, k, v, seen), 2, 3), (-1, features // 3, length)
    )


def cross_attention(x, memory, *valid, heads, bias=None, **kernels):
    """Let each position of (N, D, L) read those of another sequence (N, F, M)."""
    parts = list(kernels.values())
    parts = parts if len(parts) == 3 else ops.split(parts[0], 3)
    biases = (0,) * 3 if bias is None else [b[:, None] for b in ops.split(bias, 3)]
    q, k, v = (
        heads_of(ops.matmul(b, a) + c, heads)
        for a, b, c in zip((x, memory, memory), parts, biases)
    )
    seen = ops.expand_dims(valid[0], 1) != 0 if valid else None
    return ops.reshape(ops.swapaxes(weighted(q, k, v, seen), 2, 3), (-1, *x.shape[1:]))


def window_attention(qkv, table, heads, window, shift):
    """Let positions read their window: (N, 3C, H, W) → (N, C, H, W) (Liu 2021)."""
    (_, c, height, width), (h, w) = qkv.shape, window
    rows, columns, size = height // h, width // w, c // 3 // heads
    x = ops.roll(ops.roll(qkv, -shift[0], 2), -shift[1], 3)
    x = ops.transpose(
        ops.reshape(x, (-1, 3, heads, size, rows, h, columns, w)),
        (0, 1, 4, 6, 2, 5, 7, 3),
    )
    x = ops.reshape(x, (-1, 3, rows * columns, heads, h * w, size))
    i, j = np.divmod(np.arange(h * w), w)
    ways = (i[:, None] - i + h - 1) * (2 * w - 1) + j[:, None] - j + w - 1
    # Parts that are apart in the image do not read each other.
    parts = []
    for n, by, far in zip((height, width), window, shift):
        place = np.arange(n)
        parts.append(
            (place >= n - by).astype(int) + (place >= n - far) if far else 0 * place
        )
    part = (
        (parts[0][:, None] * 3 + parts[1])
        .reshape(rows, h, columns, w)
        .transpose(0, 2, 1, 3)
        .reshape(-1, 1, h * w)
    )
    bias = ops.transpose(ops.take(table, ways, axis=0), (2, 0, 1))
    y = weighted(x[:, 0], x[:, 1], x[:, 2], part[..., None] == part[..., None, :], bias)
    y = ops.transpose(
        ops.reshape(y, (-1, rows, columns, heads, h, w, size)), (0, 3, 6, 1, 4, 2, 5)
    )
    return ops.roll(
        ops.roll(ops.reshape(y, (-1, c // 3, height, width)), shift[0], 2), shift[1], 3
    )


def valid_positions(tokens, padding, before=0):
    """Return which token numbers are no padding: (N, 1, before + L), 1 or 0."""
    valid = ops.cast(ops.not_equal(tokens, padding), "float32")
    return ops.expand_dims(
        ops.pad(valid, [(0, 0), (before, 0)], constant_values=1.0), 1
    )


def fill_padding(x, valid, value):
    """Put a number of its own at padding."""
    return ops.where(valid != 0, x, value)


def masked_mean(x, valid):
    """Return the mean over the valid positions."""
    return ops.sum(fill_padding(x, valid, 0.0), 2) / ops.maximum(ops.sum(valid, 2), 1.0)


def masked_max(x, valid):
    """Return the maximum over the valid positions; 0 where there is none."""
    return ops.where(
        ops.sum(valid, 2) > 0, ops.max(fill_padding(x, valid, -np.inf), 2), 0.0
    )


def take_last_valid(x, valid):
    """Return the features at the last valid position."""
    places = np.arange(x.shape[2], dtype="float32")
    last = ops.max(valid * places, 2, keepdims=True)
    return ops.sum(ops.where(ops.equal(last, places), x, 0.0), 2)
