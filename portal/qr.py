"""Draws a QR code as one path of an SVG, which needs neither a picture nor an inline style."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import segno

_MOST = 400  # characters; with more, the squares get too small for a phone to tell them apart on a screen
_MARGIN = 4  # squares of white all around (ISO/IEC 18004)


@dataclass(frozen=True, slots=True)
class Drawing:
    """`path` draws one line for each run of black squares; `size` is the width in squares, margin included."""

    size: int
    path: str


def draw_qr(text: str) -> Drawing | None:
    """`text` as a QR code; None where it is too long to be scanned."""
    if len(text) > _MOST:
        return None
    # On a screen nothing is dirty or torn: the lowest level of correction makes the largest squares. Trying all eight
    # masks would cost four times as much, and what is random, as codes are, looks even with any of them.
    rows = segno.make_qr(text, error="l", mask=3).matrix
    lines = []
    for y, row in enumerate(rows, _MARGIN):
        x = _MARGIN
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                lines.append(f"M{x} {y}.5h{length}")
            x += length
    return Drawing(len(rows) + 2 * _MARGIN, "".join(lines))
