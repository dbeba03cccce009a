"""Ready-made specs once more, by hand in PyTorch, with the sizes that tests/small_models.py gives them.

Written from the papers and from the libraries that the specs name, not from netspec's graph. Layers stand in the order
in which the spec has them; a twin takes its inputs by name and returns logits by the name of the output. Nothing is
dropped: the random numbers of netspec are no one else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from image_twins import IMAGES, Named, Plain, cb
from model_twins import Mean, Residual, conv, conv_relu
from twins import Position, nn, torch

__all__ = ["TWINS"]

F = nn.functional
Module = torch.nn.Module
Tensor = torch.Tensor


# --- pixels, several labels, several inputs -----------------------------------------------------------------------


def double(c_in: int, c: int) -> Module:
    return nn.Sequential(conv_relu(c_in, c, 3, pad=0), conv_relu(c, c, 3, pad=0))


class UNet(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        cs = [width * 2**i for i in range(5)]
        self.down = nn.ModuleList(double(c_in, c) for c_in, c in zip([1, *cs], cs, strict=False))
        self.up = nn.ModuleList(
            nn.ModuleList([nn.ConvTranspose2d(2 * c, c, 2, 2), double(2 * c, c)]) for c in reversed(cs[:-1])
        )
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: Named) -> Named:
        y, kept = x["input"], []
        for i, body in enumerate(self.down):
            y = body(F.max_pool2d(y, 2) if i else y)
            kept.append(y)
        for (larger, body), skip in zip(self.up, reversed(kept[:-1]), strict=True):
            y = larger(y)
            off = (skip.shape[2] - y.shape[2]) // 2
            middle = skip[:, :, off : off + y.shape[2], off : off + y.shape[3]]
            y = body(torch.cat([middle, y], dim=1))
        return {"conv_1": self.head(y)}


def residual_stages(*stages: tuple[int, int]) -> Iterable[Module]:
    """Yield `residual_down c; residual_block c` for each (before, c)."""

    def pair(c_in: int, c: int, stride: int) -> Module:
        return nn.Sequential(cb(c_in, c, 3, stride), conv(c, c, 3), nn.BatchNorm2d(c))

    for before, c in stages:
        yield Residual(pair(before, c, 2), nn.Sequential(conv(before, c, 1, 2), nn.BatchNorm2d(c)))
        yield nn.ReLU()
        yield Residual(pair(c, c, 1))
        yield nn.ReLU()


def multilabel() -> Module:
    largest = (nn.AdaptiveMaxPool2d(1), nn.Flatten())
    return Plain(
        "fc_1", cb(3, 32, 3, 2), *residual_stages((32, 64), (64, 128), (128, 256)), *largest, nn.Linear(256, 20)
    )


class Multitask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(cb(3, 32, 3), *residual_stages((32, 32), (32, 64), (64, 128)), Mean())
        self.kind = nn.Linear(128, 5)
        self.age = nn.Sequential(nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x: Named) -> Named:
        trunk = self.trunk(x["input"])
        return {"kind": self.kind(trunk), "age": self.age(trunk)}


class Siamese(nn.Module):
    def __init__(self, c: int = 4, code: int = 16) -> None:
        super().__init__()
        self.tower = nn.Sequential(
            *(conv_relu(1, c, 10, pad=0), nn.MaxPool2d(2), conv_relu(c, 2 * c, 7, pad=0), nn.MaxPool2d(2)),
            *(conv_relu(2 * c, 2 * c, 4, pad=0), nn.MaxPool2d(2), conv_relu(2 * c, 4 * c, 4, pad=0), nn.Flatten()),
            *(nn.Linear(36 * 4 * c, code), nn.Sigmoid()),
        )
        self.same = nn.Linear(code, 1)

    def forward(self, x: Named) -> Named:
        return {"same": self.same((self.tower(x["left"]) - self.tower(x["right"])).abs())}


class WideAndDeep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.columns = nn.Embedding(1000, 32)
        self.deep = nn.Sequential(
            *(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()),
            nn.Linear(64, 1),
        )
        self.wide = nn.Linear(200, 1)

    def forward(self, x: Named) -> Named:
        # Read in the order channels, positions, as all values are here.
        return {"bought": self.deep(self.columns(x["columns"]).mT.flatten(1)) + self.wide(x["wide"])}


class Vae(nn.Module):
    """As it is evaluated: the code is the means."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.code = nn.Linear(784, 400), nn.Linear(400, 40)
        self.write, self.image = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, x: Named) -> Named:
        code = self.code(F.relu(self.read(x["input"].flatten(1))))
        return {"image": self.image(F.relu(self.write(code[:, :20]))), "code": code}


# --- texts and sounds ---------------------------------------------------------------------------------------------


class TextCnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(60, 300)
        self.convs = nn.ModuleList(nn.Conv1d(300, 100, k) for k in (3, 4, 5))
        self.head = nn.Linear(300, 2)

    def forward(self, x: Named) -> Named:
        y = self.words(x["input"]).mT
        return {"fc_1": self.head(torch.cat([F.relu(conv(y)).amax(2) for conv in self.convs], 1))}


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(60, 100)
        self.lstm = nn.LSTM(100, 100, batch_first=True, bidirectional=True)
        self.head = nn.Linear(200, 9)

    def forward(self, x: Named) -> Named:
        lengths = (x["input"] != 0).sum(1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.words(x["input"]), lengths, batch_first=True, enforce_sorted=False
        )
        read, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=64)
        return {"fc_1": self.head(read).mT}


class LstmLm(nn.Module):
    def __init__(self, words: int = 60, width: int = 12) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.lstms = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(2))
        self.head = nn.Linear(width, words)
        self.head.weight = self.words.weight

    def forward(self, x: Named) -> Named:
        y = self.words(x["input"])
        for lstm in self.lstms:
            y = lstm(y)[0]
        return {"fc_1": self.head(y).mT}


class Attend(nn.Module):
    """Attention to itself or to another sequence, of which later or padded positions may be hidden."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(
        self, x: Tensor, other: Tensor | None = None, padding: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        other = x if other is None else other
        later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1) if causal else None
        found = self.attention(x, other, other, key_padding_mask=padding, attn_mask=later, need_weights=False)
        return found[0]


class Gpt2(nn.Module):
    def __init__(self, words: int = 50, length: int = 12, width: int = 12, layers: int = 2) -> None:
        super().__init__()
        self.words, self.position = nn.Embedding(words, width), Position(width, length)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [
                    *(nn.LayerNorm(width), Attend(width, 3), nn.LayerNorm(width)),
                    *(nn.Linear(width, 4 * width), nn.Linear(4 * width, width)),
                ]
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Named) -> Named:
        y = self.position(self.words(x["input"]).mT).mT
        for before, attend, norm, wide, back in self.layers:
            y = y + attend(before(y), causal=True)
            y = y + back(F.gelu(wide(norm(y)), approximate="tanh"))
        return {"fc_5": F.linear(self.norm(y), self.words.weight).mT}


class PostNorm(nn.Module):
    """A layer of a transformer, normalized behind each part; one of a decoder also reads what an encoder has made."""

    def __init__(self, width: int, heads: int, act: Module, *, eps: float = 1e-5, reads: bool = False) -> None:
        super().__init__()
        self.own, self.norm = Attend(width, heads), nn.LayerNorm(width, eps=eps)
        self.other = nn.ModuleList([Attend(width, heads), nn.LayerNorm(width)] if reads else [])
        self.work = nn.Sequential(nn.Linear(width, 4 * width), act, nn.Linear(4 * width, width))
        self.end = nn.LayerNorm(width, eps=eps)

    def forward(
        self, x: Tensor, padding: Tensor, read: Tensor | None = None, read_padding: Tensor | None = None
    ) -> Tensor:
        x = self.norm(x + self.own(x, padding=padding, causal=read is not None))
        if self.other:
            attend, norm = self.other
            x = norm(x + attend(x, read, read_padding))
        return self.end(x + self.work(x))


class Bert(nn.Module):
    """With a head for three classes."""

    def __init__(self, width: int = 12, layers: int = 2) -> None:
        super().__init__()
        self.sentences, self.words = nn.Embedding(2, width), nn.Embedding(30522, width)
        self.position, self.norm = Position(width, 512), nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(PostNorm(width, 3, nn.GELU(), eps=1e-12) for _ in range(layers))
        self.gather, self.head = nn.Linear(width, width), nn.Linear(width, 3)

    def forward(self, x: Named) -> Named:
        y = self.position(self.words(x["ids"]).mT).mT + self.sentences(x["sentences"])
        y, padding = self.norm(y), x["ids"] == 0
        for layer in self.layers:
            y = layer(y, padding)
        return {"fc_6": self.head(torch.tanh(self.gather(y[:, 0])))}


class Translator(nn.Module):
    def __init__(self, words: int = 40, width: int = 16, layers: int = 2) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.encoders = nn.ModuleList(PostNorm(width, 4, nn.ReLU()) for _ in range(layers))
        self.read = nn.LayerNorm(width)
        self.decoders = nn.ModuleList(PostNorm(width, 4, nn.ReLU(), reads=True) for _ in range(layers))
        self.end = nn.LayerNorm(width)

    def marked(self, tokens: Tensor) -> Tensor:
        """Return the vectors of words with the sines and cosines of their places."""
        vectors = self.words(tokens) * 22.627
        width = vectors.shape[2]
        angles = torch.arange(tokens.shape[1])[:, None] / 10_000 ** (torch.arange(0, width, 2) / width)
        return vectors + torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)

    def forward(self, x: Named) -> Named:
        hidden, own = x["source"] == 0, x["begun"] == 0
        read = self.marked(x["source"])
        for layer in self.encoders:
            read = layer(read, hidden)
        read, said = self.read(read), self.marked(x["begun"])
        for layer in self.decoders:
            said = layer(said, own, read, hidden)
        return {"next": F.linear(self.end(said), self.words.weight).mT}


class WaveNet(nn.Module):
    """Each layer's gated values go, by 1x1 convolutions, to the next layer and to the sum of all."""

    def __init__(self, width: int = 6, skip: int = 10) -> None:
        super().__init__()
        self.width = width
        self.words, self.begin = nn.Embedding(256, width), nn.Conv1d(width, width, 2)
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.Conv1d(width, 2 * width, 2, dilation=2**i), nn.Conv1d(width, width + skip, 1)])
            for i in range(10)
        )
        self.ends = nn.Sequential(nn.ReLU(), nn.Conv1d(skip, skip, 1), nn.ReLU(), nn.Conv1d(skip, 256, 1))

    def forward(self, x: Named) -> Named:
        y = self.begin(F.pad(self.words(x["input"]).mT, (1, 0)))
        total: Any = 0
        for i, (both, ways) in enumerate(self.layers):
            values, gates = both(F.pad(y, (2**i, 0))).chunk(2, dim=1)
            on, aside = ways(values.tanh() * gates.sigmoid()).split([self.width, 10], dim=1)
            y, total = y + on, total + aside
        return {"conv_13": self.ends(total)}


TWINS: dict[str, Callable[[], Module]] = {
    **IMAGES,
    "bert_base": Bert,
    "bilstm_tagger": Tagger,
    "encoder_decoder": Translator,
    "gpt2": Gpt2,
    "lstm_lm": LstmLm,
    "multilabel": multilabel,
    "multitask": Multitask,
    "siamese": Siamese,
    "text_cnn": TextCnn,
    "unet": UNet,
    "vae": Vae,
    "wavenet": WaveNet,
    "wide_and_deep": WideAndDeep,
}
