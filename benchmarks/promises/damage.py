"""Damage of the kinds that disks, networks and interrupted programs do, chosen at random."""

from __future__ import annotations

from random import Random

__all__ = ["KINDS", "damaged"]

KINDS = ("flip", "cut", "stretch", "zeros", "more", "swap")


def damaged(data: bytes, kind: str, rng: Random) -> bytes:
    """Return the bytes with one damage; never the same bytes.

    Args:
        data: at least two different bytes.
        kind: `flip` of one bit, `cut` short, a `stretch` overwritten with noise or with `zeros`, `more` bytes at the
            end, or two stretches that `swap` places.
        rng: chooses where.
    """
    changed = data
    while changed == data:
        at, length = rng.randrange(len(data)), rng.choice((1, 4, 64, 512, 4096))
        match kind:
            case "flip":
                changed = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
            case "cut":
                changed = data[:at]
            case "stretch":
                changed = data[:at] + rng.randbytes(len(data[at : at + length])) + data[at + length :]
            case "zeros":
                changed = data[:at] + bytes(len(data[at : at + length])) + data[at + length :]
            case "more":
                changed = data + rng.randbytes(length)
            case "swap":
                first, second = sorted((at, rng.randrange(len(data))))
                length = min(length, second - first, len(data) - second)
                one, two = data[first : first + length], data[second : second + length]
                middle = data[first + length : second]
                changed = data[:first] + two + middle + one + data[second + length :]
            case _:
                raise ValueError(kind)
    return changed
