"""Small networks of each kind: their specs, the same by hand in PyTorch, and their losses.

A layer of a twin is an attribute with the label of its layer in the spec; `nodes` names those whose weights have
another name. Twins return logits, by the name of the output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from twins import Position, nn, torch

F = nn.functional
Named = dict[str, Any]


class Twin(nn.Module):
    nodes: ClassVar[dict[str, str]] = {}


class TwoHeads(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.kind, self.age = nn.Conv2d(1, 4, 3), nn.Linear(36, 3), nn.Linear(36, 1)

    def forward(self, x: Named) -> Named:
        trunk = F.max_pool2d(torch.tanh(self.trunk(x["input"])), 2).flatten(1)
        return {"kind": self.kind(trunk), "age": self.age(trunk)}


class ThreeHeads(Twin):
    """Several things are asked of one layer, the middle of the network among them."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.code, self.kind, self.back = (nn.Linear(*s) for s in ((6, 9), (9, 4), (4, 5), (4, 6)))

    def forward(self, x: Named) -> Named:
        code = self.code(F.gelu(self.wide(x["input"])))
        return {"code": code, "kind": self.kind(torch.tanh(code)), "back": self.back(torch.tanh(code))}


class TwoInputs(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.look, self.told, self.last = nn.Conv2d(2, 3, 3), nn.Linear(5, 4), nn.Linear(7, 3)

    def forward(self, x: Named) -> Named:
        look = torch.sigmoid(self.look(x["image"])).mean((2, 3))
        return {"last": self.last(torch.cat([look, torch.tanh(self.told(x["facts"]))], 1))}


class Siamese(Twin):
    """The order of the two is that of the spec: the second one flows on, and the first is put behind it."""

    nodes: ClassVar[dict[str, str]] = {"conv": "a/conv_1", "code": "a/fc_1"}

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.code = nn.Conv2d(1, 3, 3), nn.Linear(12, 4)

    def forward(self, x: Named) -> Named:
        left, right = (
            self.code(F.max_pool2d(torch.tanh(self.conv(x[side])), 2).flatten(1)) for side in ("left", "right")
        )
        return {"pair": torch.cat([right, left], 1)}


class Triplets(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.code = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Named) -> Named:
        codes = [self.code(torch.tanh(self.wide(x[name]))) for name in ("anchor", "same", "other")]
        return {"three": torch.cat(codes, 1)}


class Language(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.marks = nn.Embedding(11, 6), Position(6, 7)
        self.read = nn.MultiheadAttention(6, 2, batch_first=True)
        self.wide, self.back = nn.Linear(6, 10), nn.Linear(10, 6)

    def forward(self, x: Named) -> Named:
        at = self.marks(self.words(x["input"]).transpose(1, 2)).transpose(1, 2)
        later = torch.ones(7, 7, dtype=torch.bool).triu(1)
        at = at + self.read(at, at, at, attn_mask=later, need_weights=False)[0]
        at = at + self.back(F.gelu(self.wide(at)))
        return {"next": F.linear(at, self.words.weight).transpose(1, 2)}


class Recurrent(Twin):
    """The same with a recurrence; the last product has biases of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.read, self.next = nn.Embedding(9, 5), nn.LSTM(5, 5, batch_first=True), nn.Linear(5, 9)
        self.next.weight = self.words.weight

    def forward(self, x: Named) -> Named:
        return {"next": self.next(self.read(self.words(x["input"]))[0]).transpose(1, 2)}


class Pixels(Twin):
    """A U-Net of one level."""

    def __init__(self) -> None:
        super().__init__()
        self.top, self.norm, self.low = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1)
        self.up, self.what = nn.ConvTranspose2d(6, 4, 2, stride=2), nn.Conv2d(8, 3, 1)

    def forward(self, x: Named) -> Named:
        top = torch.tanh(self.norm(self.top(x["input"])))
        up = self.up(torch.tanh(self.low(F.max_pool2d(top, 2))))
        return {"what": self.what(torch.cat([up, top], 1))}


class Labels(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.last = nn.Linear(7, 9), nn.Linear(9, 4)

    def forward(self, x: Named) -> Named:
        return {"last": self.last(F.silu(self.wide(x["input"])))}


class OneNumber(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.norm, self.last = nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)

    def forward(self, x: Named) -> Named:
        return {"last": self.last(torch.tanh(self.norm(self.wide(x["input"]))))}


class SeveralNumbers(Twin):
    def __init__(self) -> None:
        super().__init__()
        self.wide, self.slope, self.last = nn.Linear(5, 8), nn.PReLU(8), nn.Linear(8, 3)

    def forward(self, x: Named) -> Named:
        return {"last": self.last(self.slope(self.wide(x["input"])))}


class Padded(Twin):
    """Padding, the token 0, counts nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.read = nn.Embedding(9, 6), nn.MultiheadAttention(6, 3, batch_first=True)
        self.wide, self.last = nn.Linear(6, 7), nn.Linear(7, 3)

    def forward(self, x: Named) -> Named:
        real = x["input"] != 0
        at = self.words(x["input"])
        at = at + self.read(at, at, at, key_padding_mask=~real, need_weights=False)[0]
        at = torch.tanh(self.wide(at)) * real[..., None]
        return {"last": self.last(at.sum(1) / real.sum(1)[:, None])}


class PaddedLanguage(Twin):
    """A recurrence in both directions and a label at each position; the losses of padding are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.read = nn.Embedding(9, 4), nn.GRU(4, 5, batch_first=True, bidirectional=True)
        self.tag = nn.Linear(10, 3)

    def forward(self, x: Named) -> Named:
        lengths = (x["input"] != 0).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.words(x["input"]), lengths, batch_first=True, enforce_sorted=False
        )
        read, _ = nn.utils.rnn.pad_packed_sequence(self.read(packed)[0], batch_first=True, total_length=7)
        return {"tag": self.tag(read).transpose(1, 2)}


class Conditions(Twin):
    """A stage with a stride has a convolution on the way around it, one without has none."""

    nodes: ClassVar[dict[str, str]] = {
        "one": "stage_1/conv_1", "two": "stage_2/conv_1", "around": "stage_2/conv_2", "last": "fc_1",
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.around, self.last = nn.Conv2d(2, 4, 1, stride=2, bias=False), nn.Linear(4, 3)

    def forward(self, x: Named) -> Named:
        y = torch.tanh(self.one(x["input"]) + x["input"])
        y = F.elu(self.two(y) + self.around(y))
        return {"fc_1": self.last(y.mean((2, 3)))}


class Loops(Twin):
    nodes: ClassVar[dict[str, str]] = {"c_1": "c_1_1", "c_2": "c_2_1", "c_3": "c_2_2"}

    def __init__(self) -> None:
        super().__init__()
        self.c_1, self.n_1 = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.c_2, self.n_2 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.c_3 = nn.Conv2d(4, 4, 3, padding=1)
        self.f_1, self.f_2, self.last = nn.Linear(16, 6), nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x: Named) -> Named:
        y = F.avg_pool2d(self.n_1(torch.tanh(self.c_1(x["input"]))), 2)
        y = F.avg_pool2d(self.n_2(torch.tanh(self.c_3(torch.tanh(self.c_2(y))))), 2)
        return {"last": self.last(torch.tanh(self.f_2(torch.tanh(self.f_1(y.flatten(1))))))}


# --- the table ----------------------------------------------------------------------------------------------------

BATCH = 6
Draw = Callable[[np.random.Generator], NDArray[Any]]


def numbers(*shape: int) -> Draw:
    return lambda rng: rng.normal(size=(BATCH, *shape)).astype(np.float32)


def classes(count: int, *shape: int, least: int = 0) -> Draw:
    return lambda rng: rng.integers(least, count, (BATCH, *shape)).astype(np.int32)


def flags(*shape: int) -> Draw:
    return lambda rng: rng.integers(0, 2, (BATCH, *shape)).astype(np.float32)


def padded(tokens: int, length: int) -> Draw:
    def draw(rng: np.random.Generator) -> NDArray[Any]:
        ends = rng.integers(2, length + 1, BATCH)
        ends[0] = length
        return (rng.integers(1, tokens, (BATCH, length)) * (np.arange(length) < ends[:, None])).astype(np.int32)

    return draw


@dataclass(frozen=True)
class Kind:
    spec: str
    twin: Callable[[], Twin]
    loss: Callable[[Named, Named, Named], torch.Tensor]
    """Of the twin's logits, the targets and the inputs."""
    x: dict[str, Draw]
    y: dict[str, Draw] = field(default_factory=lambda: {"target": flags()})


KINDS = {
    "two heads": Kind(
        """
        input 1x8x8
        conv 4 3x3 tanh as trunk; pool 2 as small
        fc 3 softmax as kind
        from small; fc 1 as age
        output kind
        output age loss=mae weight=0.3 target=years
        """,
        TwoHeads,
        lambda z, y, x: F.cross_entropy(z["kind"], y["kind"]) + 0.3 * F.l1_loss(z["age"], y["years"]),
        {"input": numbers(1, 8, 8)},
        {"kind": classes(3), "years": numbers(1)},
    ),
    "three heads, one in the middle": Kind(
        """
        input 6
        fc 9 gelu as wide; fc 4 as code; tanh as bent
        fc 5 softmax as kind
        from bent; fc 6 as back
        output code loss=kl weight=0.1
        output kind loss=focal
        output back loss=huber weight=2
        """,
        ThreeHeads,
        lambda z, y, x: (
            0.1 * (z["code"][:, 2:].exp() + z["code"][:, :2] ** 2 - 1 - z["code"][:, 2:]).sum(1).mean() / 2
            + focal(z["kind"], y["kind"])
            + 2 * F.huber_loss(z["back"], y["back"])
        ),
        {"input": numbers(6)},
        {"code": flags(), "kind": classes(5), "back": numbers(6)},
    ),
    "two inputs": Kind(
        """
        input 2x6x6 as image
        input 5 as facts
        from image; conv 3 3x3 sigmoid as look; globalpool as seen
        from facts; fc 4 tanh as told
        from seen; concat told; fc 3 softmax as last
        """,
        TwoInputs,
        lambda z, y, x: F.cross_entropy(z["last"], y["target"]),
        {"image": numbers(2, 6, 6), "facts": numbers(5)},
        {"target": classes(3)},
    ),
    "twins": Kind(
        """
        block tower { conv 3 3x3 tanh; pool 2; fc 4 }
        input 1x6x6 as left
        input 1x6x6 as right
        from left; tower as a
        from right; tower share=a
        concat a as pair
        train { loss contrastive 3 }
        """,
        Siamese,
        lambda z, y, x: contrastive(z["pair"], y["target"], 3),
        {"left": numbers(1, 6, 6), "right": numbers(1, 6, 6)},
        {"target": flags()},
    ),
    "triplets": Kind(
        """
        input 6 as anchor
        input 6 as same
        input 6 as other
        from anchor; fc 8 tanh as wide; fc 3 as code
        from same; fc 8 tanh share=wide; fc 3 share=code as near
        from other; fc 8 tanh share=wide; fc 3 share=code as far
        from code; concat near far as three
        train { loss triplet 5 }
        """,
        Triplets,
        lambda z, y, x: F.triplet_margin_loss(*z["three"].chunk(3, 1), margin=5),
        {"anchor": numbers(6), "same": numbers(6), "other": numbers(6)},
    ),
    "tied language model": Kind(
        """
        input 7 tokens=11
        embedding 6 as words; position as marks
        residual { attention 2 causal as read }
        residual { fc 10 gelu pointwise as wide; fc 6 pointwise as back }
        fc 11 pointwise nobias softmax share=words as next
        train { loss cross_entropy ignore=-1 }
        """,
        Language,
        lambda z, y, x: F.cross_entropy(z["next"], y["target"], ignore_index=-1),
        {"input": classes(11, 7)},
        {"target": classes(11, 7, least=-1)},
    ),
    "tied language model with biases": Kind(
        """
        input 7 tokens=9
        embedding 5 as words; lstm 5 as read
        fc 9 pointwise softmax share=words as next
        """,
        Recurrent,
        lambda z, y, x: F.cross_entropy(z["next"], y["target"]),
        {"input": classes(9, 7)},
        {"target": classes(9, 7)},
    ),
    "pixel labels": Kind(
        """
        input 2x6x6
        conv 4 3x3 pad=1 as top; batchnorm tanh as norm
        pool 2; conv 6 3x3 pad=1 tanh as low
        deconv 4 2 stride=2 as up; concat norm
        conv 3 1x1 softmax as what
        train { loss cross_entropy ignore=-1 class_weights="1 2 0.3" }
        """,
        Pixels,
        lambda z, y, x: F.cross_entropy(
            z["what"], y["target"], ignore_index=-1, weight=torch.tensor([1, 2, 0.3], dtype=z["what"].dtype)
        ),
        {"input": numbers(2, 6, 6)},
        {"target": classes(3, 6, 6, least=-1)},
    ),
    "several labels": Kind(
        """
        input 7
        fc 9 silu as wide; fc 4 sigmoid as last
        train { loss binary_cross_entropy pos_weight=2.5 }
        """,
        Labels,
        lambda z, y, x: F.binary_cross_entropy_with_logits(
            z["last"], y["target"], pos_weight=torch.tensor(2.5, dtype=z["last"].dtype)
        ),
        {"input": numbers(7)},
        {"target": flags(4)},
    ),
    "one number": Kind(
        "input 5; fc 8 as wide; batchnorm tanh as norm; fc 1 as last\ntrain { loss mse }",
        OneNumber,
        lambda z, y, x: F.mse_loss(z["last"], y["target"]),
        {"input": numbers(5)},
        {"target": numbers(1)},
    ),
    "several numbers": Kind(
        "input 5; fc 8 as wide; prelu 0.2 as slope; fc 3 as last\ntrain { loss quantile 0.8; l2 0.01 }",
        SeveralNumbers,
        lambda z, y, x: torch.maximum(0.8 * (y["target"] - z["last"]), -0.2 * (y["target"] - z["last"])).mean(),
        {"input": numbers(5)},
        {"target": numbers(3)},
    ),
    "masks": Kind(
        """
        input 7 tokens=9 mask=0
        embedding 6 as words; residual { attention 3 as read }
        fc 7 tanh pointwise as wide; globalpool; fc 3 softmax as last
        """,
        Padded,
        lambda z, y, x: F.cross_entropy(z["last"], y["target"]),
        {"input": padded(9, 7)},
        {"target": classes(3)},
    ),
    "masks and labels at positions": Kind(
        """
        input 7 tokens=9 mask=0
        embedding 4 as words; gru 5 bidirectional as read; fc 3 pointwise softmax as tag
        """,
        PaddedLanguage,
        lambda z, y, x: F.cross_entropy(z["tag"].transpose(1, 2)[x["input"] != 0], y["target"][x["input"] != 0]),
        {"input": padded(9, 7)},
        {"target": classes(3, 7)},
    ),
    "conditions": Kind(
        """
        block stage(c, stride, act=tanh) {
          residual {
            conv c 3x3 stride=stride pad=1
          } {
            if (stride > 1 or c != 2) { conv c 1x1 stride=stride nobias }
          }
          if (act == tanh) { tanh } else { elu }
        }
        let deep = 0
        input 2x6x6
        stage 2 1; stage 4 2 elu
        if (deep >= 1 and not deep == 2) { stage 8 2 } else if (deep > 1) { pool 2 }
        globalpool; fc 3 softmax
        """,
        Conditions,
        lambda z, y, x: F.cross_entropy(z["fc_1"], y["target"]),
        {"input": numbers(2, 6, 6)},
        {"target": classes(3)},
    ),
    "loops": Kind(
        """
        input 1x8x8
        for (c, n) in (3, 1) (4, 2) {
          repeat n { conv c 3x3 pad=1 tanh as c }
          batchnorm as n; avgpool 2
        }
        for i in 1..2 { fc (7 - i) tanh as f }
        fc 3 softmax as last
        """,
        Loops,
        lambda z, y, x: F.cross_entropy(z["last"], y["target"]),
        {"input": numbers(1, 8, 8)},
        {"target": classes(3)},
    ),
}


def focal(z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    chosen = F.log_softmax(z, 1).gather(1, y[:, None])
    return ((1 - chosen.exp()) ** 2 * -chosen).mean()


def contrastive(z: torch.Tensor, together: torch.Tensor, margin: float) -> torch.Tensor:
    distance = torch.linalg.vector_norm(z[:, :4] - z[:, 4:], dim=1)
    return (together * distance**2 + (1 - together) * F.relu(margin - distance) ** 2).mean() / 2
