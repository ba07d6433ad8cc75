"""Bars by day, drawn on the server: shapes in units of an SVG, nothing that a page has to run or style inline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, FOOT = 720, 160, 20


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `series` is its place in the legend."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class Chart:
    """bars -- to draw; top -- the highest day; marks -- (x, text) under some of the days."""

    bars: tuple[Bar, ...]
    top: int
    marks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT + FOOT
    base: int = HEIGHT


def draw_days(series: Sequence[Sequence[int]], labels: Sequence[str], *, every: int) -> Chart:
    """Stacked bars: series[i][day], all as long as `labels`; every so manieth day carries its label."""
    days = len(labels)
    top = max((sum(one[day] for one in series) for day in range(days)), default=0)
    step = WIDTH / max(days, 1)
    bars: list[Bar] = []
    for day in range(days):
        floor = float(HEIGHT)
        for number, one in enumerate(series):
            tall = one[day] / top * (HEIGHT - 8) if top else 0.0
            if one[day]:
                # What happened once in a thousand is still to be seen.
                tall = max(tall, 1.5)
                floor -= tall
                bars.append(Bar(round(day * step + step * 0.12, 2), round(floor, 2), round(step * 0.76, 2),
                                round(tall, 2), number))  # fmt: skip
    named = (day for day in range(days) if (days - 1 - day) % every == 0)
    marks = tuple((round(day * step + step / 2, 2), labels[day]) for day in named)
    return Chart(tuple(bars), top, marks)
