"""Files damaged at random, for tests."""

from __future__ import annotations

import random
from collections.abc import Sequence

__all__ = ["damaged"]


def damaged(content: bytes, chosen: random.Random, inserted: Sequence[bytes]) -> bytes:
    """Return a file with a bit of it turned, cut off somewhere, or with some of these bytes put in."""
    data = bytearray(content)
    at = chosen.randrange(len(data))
    match chosen.randrange(3):
        case 0:
            data[at] ^= 1 << chosen.randrange(8)
        case 1:
            del data[at:]
        case 2:
            data[at:at] = chosen.choice(inserted)
    return bytes(data)
