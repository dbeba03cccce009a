"""Small networks of each kind by hand in PyTorch; `kinds.py` has their specs.

A layer of a twin is an attribute with the label of its layer in the spec; `nodes` names those whose weights have
another name. Twins return logits, by the name of the output.
"""

from __future__ import annotations

from typing import Any, ClassVar

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


class TiedWithBiases(Twin):
    """The last product has the vectors of the words, and biases of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix, self.next = nn.Embedding(9, 5), nn.Linear(5, 5), nn.Linear(5, 9)
        self.next.weight = self.words.weight

    def forward(self, x: Named) -> Named:
        return {"next": self.next(torch.tanh(self.mix(self.words(x["input"])))).transpose(1, 2)}


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
        self.words, self.read = nn.Embedding(9, 4), nn.RNN(4, 5, batch_first=True, bidirectional=True)
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
