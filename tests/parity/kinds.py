"""Small networks of each kind: their specs, their twins in PyTorch, and their losses by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import kind_twins as by_hand
import numpy as np
from kind_twins import Named, Twin
from numpy.typing import NDArray
from twins import nn, torch

F = nn.functional
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
        by_hand.TwoHeads,
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
        by_hand.ThreeHeads,
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
        by_hand.TwoInputs,
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
        by_hand.Siamese,
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
        by_hand.Triplets,
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
        by_hand.Language,
        lambda z, y, x: F.cross_entropy(z["next"], y["target"], ignore_index=-1),
        {"input": classes(11, 7)},
        {"target": classes(11, 7, least=-1)},
    ),
    "tied language model with biases": Kind(
        """
        input 7 tokens=9
        embedding 5 as words; fc 5 tanh pointwise as mix
        fc 9 pointwise softmax share=words as next
        """,
        by_hand.TiedWithBiases,
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
        by_hand.Pixels,
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
        by_hand.Labels,
        lambda z, y, x: F.binary_cross_entropy_with_logits(
            z["last"], y["target"], pos_weight=torch.tensor(2.5, dtype=z["last"].dtype)
        ),
        {"input": numbers(7)},
        {"target": flags(4)},
    ),
    "one number": Kind(
        "input 5; fc 8 as wide; batchnorm tanh as norm; fc 1 as last\ntrain { loss mse }",
        by_hand.OneNumber,
        lambda z, y, x: F.mse_loss(z["last"], y["target"]),
        {"input": numbers(5)},
        {"target": numbers(1)},
    ),
    "several numbers": Kind(
        "input 5; fc 8 as wide; prelu 0.2 as slope; fc 3 as last\ntrain { loss quantile 0.8; l2 0.01 }",
        by_hand.SeveralNumbers,
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
        by_hand.Padded,
        lambda z, y, x: F.cross_entropy(z["last"], y["target"]),
        {"input": padded(9, 7)},
        {"target": classes(3)},
    ),
    "masks and labels at positions": Kind(
        """
        input 7 tokens=9 mask=0
        embedding 4 as words; rnn 5 bidirectional as read; fc 3 pointwise softmax as tag
        """,
        by_hand.PaddedLanguage,
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
        by_hand.Conditions,
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
        by_hand.Loops,
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
