"""Putting evidence together, and saying where it contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from qianwan_gis._text import Text
from qianwan_gis.geocoding.evidence import RANK, Evidence
from qianwan_gis.regions import Region, overlay, region_radius
from qianwan_gis.schemas import Match
from qianwan_gis.standards import Standards

# Shares of the mass at which the polygons of a written region end, densest first; and those of
# the finer steps in between, because overlays multiply polygons.
WRITTEN = (0.3, 0.55, 0.75, 0.9, 0.97, 1.0)
_BETWEEN = (*(np.arange(1, 19) * 0.05), 0.93, 0.95, 0.97, 0.985, 0.995, 1.0)
# A text that fits no likely place of the region better than this contradicts it.
_LEAST_FIT = 0.1
_LIKELY = 0.97
# How well a text fits a region on average when it is about some other place: what a text that
# contradicts the region is weighed against.
_USUAL_FIT = 0.02


@dataclass(frozen=True)
class Conflict:
    """Two pieces of evidence that cannot both be right."""

    first: Evidence
    second: Evidence | None
    distance_m: float
    text: Text


@dataclass(frozen=True, eq=False)
class Verdict:
    """What all evidence together says of one village."""

    match: Match
    point: Evidence | None
    region: Region | None
    uncertainty_m: float
    conflicts: tuple[Conflict, ...]


def weigh(region: Region, evidence: Evidence, wrong: float) -> tuple[Region, float]:
    """Narrow a region by a text that is wrong with probability ``wrong``.

    A wrong text says nothing, so it leaves the region as it was: the result is the mixture of
    both. Where the text hardly fits anywhere, its being wrong gains weight by itself: it is
    weighed against how such a text usually fits.

    Returns
    -------
    tuple
        The narrowed region and the best fit of the text among its likely places.
    """
    if evidence.likelihood is None:
        return region, 1.0
    likelihood = evidence.likelihood
    cut = overlay(region, likelihood)
    touching = shapely.intersects(likelihood.polygons, region.cover(_LIKELY))
    best = float(likelihood.values[touching].max(initial=likelihood.elsewhere))
    base = wrong * (cut.fit if best >= _LEAST_FIT else max(cut.fit, _USUAL_FIT))
    blended = (1 - wrong) * cut.values + base
    return (cut.region(blended) if (blended > 0).any() else region), best


def fuse(
    prior: Region | None, evidence: Sequence[Evidence], standards: Standards, *, seed: int = 0
) -> Verdict:
    """Return the verdict of all evidence on one village.

    The best point on the ladder gives the place. Texts narrow the township's region. A point
    far from another, or one that the texts all but exclude, is a conflict: it is reported, the
    better evidence is kept, and its uncertainty grows to reach the other.

    Parameters
    ----------
    prior
        The township's region; None where the township is unknown.
    evidence
        Everything known, in any order.
    standards
        Norms.
    seed
        Seed of the places on which the radius is measured.
    """
    separation = float(standards.value("evidence.conflict.separation"))
    level = float(standards.value("evidence.conflict.level"))
    least = float(standards.value("evidence.conflict.least_m"))
    wrong = float(standards.value("evidence.text.wrong"))
    ordered = sorted(evidence, key=lambda e: RANK[e.match])
    points = [e for e in ordered if e.xy is not None]
    texts = [e for e in ordered if e.likelihood is not None]
    conflicts: list[Conflict] = []
    if points:
        best = points[0]
        radius = best.uncertainty_m
        for other in points[1:]:
            gap = _distance(best, other)
            if gap > separation * float(np.hypot(best.uncertainty_m, other.uncertainty_m)):
                conflicts.append(_between_points(best, other, gap))
                # A person's decision settles the matter; anything else leaves it open.
                if best.match != Match.REVIEWED:
                    radius = max(radius, gap)
        if prior is not None and texts and best.match != Match.REVIEWED:
            for text in texts:
                conflict = _against_text(best, text, prior, level, least)
                if conflict is not None:
                    conflicts.append(conflict)
                    radius = max(radius, conflict.distance_m)
        return Verdict(best.match, best, None, radius, tuple(conflicts))
    if prior is None:
        return Verdict(Match.NONE, None, None, float("nan"), ())
    if not texts:
        return Verdict(Match.TOWNSHIP, None, prior, region_radius(prior, seed=seed)[2], ())
    region = prior
    for text in texts:
        region, best_fit = weigh(region, text, wrong)
        region = region.merged(_BETWEEN)
        if best_fit < _LEAST_FIT:
            conflicts.append(_against_rest(text))
    region = region.merged(WRITTEN)
    return Verdict(
        Match.DESCRIBED, None, region, region_radius(region, seed=seed)[2], tuple(conflicts)
    )


def _distance(a: Evidence, b: Evidence) -> float:
    assert a.xy is not None  # noqa: S101  both are points: the caller chose them so
    assert b.xy is not None  # noqa: S101
    return float(np.hypot(a.xy[0] - b.xy[0], a.xy[1] - b.xy[1]))


def _between_points(best: Evidence, other: Evidence, gap: float) -> Conflict:
    return Conflict(
        best,
        other,
        gap,
        Text(
            f"两处点位相距{gap / 1000:.1f}公里：{best.says.zh}（{best.source}）"
            f"与{other.says.zh}（{other.source}）；采用前者",
            f"two points {gap / 1000:.1f} km apart: {best.says.en} ({best.source}) and "
            f"{other.says.en} ({other.source}); the former is used",
        ),
    )


def _against_text(
    point: Evidence, text: Evidence, prior: Region, level: float, least: float
) -> Conflict | None:
    """Return the conflict of a point with a text, if the text all but excludes its surroundings."""
    assert point.xy is not None  # noqa: S101
    fitting, best_fit = weigh(prior, text, 0.0)
    if best_fit < _LEAST_FIT:
        return None
    gap = float(shapely.distance(fitting.cover(level), shapely.Point(point.xy)))
    if gap <= least:
        return None
    return Conflict(
        point,
        text,
        gap,
        Text(
            f"点位（{point.source}）与文字描述“{text.says.zh}”不符，"
            f"在其可信范围以外{gap / 1000:.1f}公里；采用点位，放宽不确定度",
            f"the point ({point.source}) contradicts the text “{text.says.en}”: it lies "
            f"{gap / 1000:.1f} km outside what the text allows; the point is used, less surely",
        ),
    )


def _against_rest(text: Evidence) -> Conflict:
    return Conflict(
        text,
        None,
        float("nan"),
        Text(
            f"文字描述“{text.says.zh}”与所属乡镇或其他描述不符，仅以低权重计入",
            f"the text “{text.says.en}” fits neither the township nor the other texts; "
            "it hardly counts",
        ),
    )
