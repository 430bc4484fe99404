"""The pictures of the daily report: PNGs that stand on white and on dark alike, and what they show in words.

Drawn with matplotlib's Agg, without a screen and without its global state; the same numbers give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ferrero_dagster.domain.report import DIRECTIONS, CampaignLine, Direction, TrendPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH_INCHES, _DPI = 4.5, 200  # 900 px for a mail's column of 536
_INK = "#76808a"  # legible on white and on the dark card
_COLOURS: dict[Direction, str] = {"DAM → Box": "#2f7fc8", "Box → DAM": "#d9651f"}  # apart for the colour-blind too
_AGE_COLOUR = "#8a7fc4"
_BAR = 0.4
_MAX_AGES = 12
_LONG_NUMBER = 100  # wider than its bar
_MAX_LABEL, _MAX_STATUS = 24, 9
_UNITS = ((1, "seconds"), (60, "minutes"), (3600, "hours"), (86400, "days"))


def trend_png(trend: Sequence[TrendPoint]) -> bytes:
    """Files moved on each of the last days, two bars a day."""
    axes = _axes(height_inches=1.9)
    for place, direction in zip((-_BAR / 2, _BAR / 2), DIRECTIONS, strict=True):
        points = _of(trend, direction)
        bars = axes.bar(
            [day + place for day in range(len(points))], [p.moved for p in points], _BAR, color=_COLOURS[direction]
        )
        axes.bar_label(
            bars,
            [f"{p.moved}" if 0 < p.moved < _LONG_NUMBER else "" for p in points],
            fontsize=6,
            color=_INK,
            padding=1,
        )
    _name_days(axes, trend)
    _legend(axes, {direction: {"lw": 5, "color": _COLOURS[direction]} for direction in DIRECTIONS})
    return _png(axes)


def describe_trend(trend: Sequence[TrendPoint]) -> str:
    """The numbers of `trend_png`."""
    counts = (f"{direction} {', '.join(str(p.moved) for p in _of(trend, direction))}" for direction in DIRECTIONS)
    return f"Files moved per day, {_period(trend)}: {'; '.join(counts)}."


def latency_png(trend: Sequence[TrendPoint]) -> bytes:
    """How long files took, from the first sight to the arrival: median and 95th percentile of each day."""
    axes = _axes(height_inches=1.9)
    seconds, unit = _unit(max(p.p95_s or 0 for p in trend))
    for direction in DIRECTIONS:
        points = [(day, p) for day, p in enumerate(_of(trend, direction)) if p.median_s is not None]
        days = [day for day, _ in points]
        colour = _COLOURS[direction]
        axes.plot(days, [(p.median_s or 0) / seconds for _, p in points], color=colour, lw=1.6, marker="o", ms=3)
        axes.plot(
            days, [(p.p95_s or 0) / seconds for _, p in points], color=colour, lw=1, ls=":", marker="^", ms=3
        )  # fmt: skip
    axes.set_ylabel(unit, color=_INK, fontsize=9)
    axes.set_ylim(bottom=0)
    _name_days(axes, trend)
    lines: dict[str, dict[str, Any]] = {d: {"color": _COLOURS[d], "marker": "o", "ms": 3} for d in DIRECTIONS}
    lines["95 % were faster"] = {"color": _INK, "ls": ":", "marker": "^", "ms": 3}
    _legend(axes, lines)
    return _png(axes)


def describe_latency(trend: Sequence[TrendPoint]) -> str:
    """The numbers of `latency_png`."""
    medians = []
    for direction in DIRECTIONS:
        days = [
            f"{p.date.day} {p.date:%b} {duration(p.median_s)}/{duration(p.p95_s)}"
            for p in _of(trend, direction)
            if p.median_s is not None and p.p95_s is not None
        ]
        medians.append(f"{direction} {', '.join(days) or 'nothing'}")
    return f"Time to arrive, median/95th percentile: {'; '.join(medians)}."


def ages_png(campaigns: Sequence[CampaignLine]) -> bytes:
    """How long the oldest campaigns have been in their status."""
    oldest = _oldest(campaigns)
    axes = _axes(height_inches=0.3 + 0.2 * len(oldest))
    places = range(len(oldest))
    bars = axes.barh(places, [line.days or 0 for line in oldest], 0.6, color=_AGE_COLOUR)
    axes.set_yticks(places, [_label(line) for line in oldest], parse_math=False)
    axes.bar_label(bars, [f"{line.days} d" for line in oldest], fontsize=9, color=_INK, padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return _png(axes)


def describe_ages(campaigns: Sequence[CampaignLine]) -> str:
    """The numbers of `ages_png`."""
    ages = (f"{_label(line)} {line.days}" for line in _oldest(campaigns))
    return f"Days in their status, the oldest campaigns: {', '.join(ages)}."


def duration(seconds: float) -> str:
    """A span of time as people read it: `40 s`, `5 min`, `3.2 h`, `2.0 d`."""
    size, unit = _unit(seconds)
    digits = 0 if unit in {"seconds", "minutes"} else 1
    return f"{seconds / size:.{digits}f} {'min' if unit == 'minutes' else unit[0]}"


def _unit(longest_s: float) -> tuple[int, str]:
    return next((size, name) for size, name in reversed(_UNITS) if longest_s >= 1.5 * size or size == 1)


def _of(trend: Sequence[TrendPoint], direction: Direction) -> list[TrendPoint]:
    return [point for point in trend if point.direction == direction]


def _period(trend: Sequence[TrendPoint]) -> str:
    first, last = trend[0].date, trend[-1].date
    return f"{first.day} {first:%B} to {last.day} {last:%B %Y}"


def _oldest(campaigns: Sequence[CampaignLine]) -> list[CampaignLine]:
    aged = [line for line in campaigns if line.days is not None]
    return sorted(aged, key=lambda line: -(line.days or 0))[:_MAX_AGES]


def _label(line: CampaignLine) -> str:
    """Number and status, in characters that the font has."""
    shown = f"{(line.number or line.name)[:_MAX_LABEL].strip()} ({(line.status or 'no status')[:_MAX_STATUS]})"
    return shown.encode("ascii", "replace").decode()


def _axes(*, height_inches: float) -> Axes:
    from matplotlib.figure import Figure  # noqa: PLC0415  # slow to load

    figure = Figure(figsize=(_WIDTH_INCHES, height_inches), dpi=_DPI, layout="constrained", facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    return axes


def _name_days(axes: Axes, trend: Sequence[TrendPoint]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  # slow to load

    days = [point.date for point in _of(trend, DIRECTIONS[0])]
    axes.set_xticks(
        range(len(days)),
        [f"{day.day}\n{day:%b}" if day.day == 1 or not i else f"{day.day}" for i, day in enumerate(days)],
    )
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(axis="y", color=_INK, alpha=0.25, lw=0.5)
    axes.set_axisbelow(True)


def _legend(axes: Axes, lines: dict[str, dict[str, Any]]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415  # slow to load

    axes.legend(
        handles=[Line2D([], [], label=name, **style) for name, style in lines.items()],
        loc="lower left", bbox_to_anchor=(0, 1), ncols=len(lines), frameon=False, fontsize=9, labelcolor=_INK,
        borderpad=0, handlelength=1.4,
    )  # fmt: skip


def _png(axes: Axes) -> bytes:
    picture = io.BytesIO()
    axes.get_figure(root=True).savefig(picture, format="png")  # type: ignore[union-attr]
    return picture.getvalue()
