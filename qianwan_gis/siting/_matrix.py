"""Matrices of covering problems: sparse blocks, equal rows, dominated rows and sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]


def as_sparse(matrix: NDArray[Any]) -> Any:
    """Return a dense matrix as compressed rows of floats."""
    from scipy import sparse

    return sparse.csr_array(matrix.astype(float))


def identity(n: int) -> Any:
    """Return the sparse identity."""
    from scipy import sparse

    return sparse.eye_array(n, format="csr")


def side_by_side(blocks: list[Any]) -> Any:
    """Return sparse blocks joined from left to right."""
    from scipy import sparse

    return sparse.hstack(blocks, format="csr")


def distinct_rows(cover: Bools) -> tuple[Bools, Ints]:
    """Return the different rows of a cover matrix and which of them each row is."""
    if not cover.size:
        return cover[:0], np.zeros(len(cover), dtype=np.int64)
    packed = np.packbits(cover, axis=1)
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return cover[first], group.astype(np.int64)


def essential(cover: Bools, open_: Bools) -> tuple[Bools, Bools]:
    """Return which rows and sites of a covering problem still matter.

    A row that is covered whenever another is can go, and so can a site whose rows another site
    covers as well (equal ones keep the lower number). Repeats until nothing changes.
    """
    rows, sites = np.ones(len(cover), bool), np.ones(cover.shape[1], bool)
    rows &= ~cover[:, open_].any(axis=1)
    while True:
        part = cover[np.ix_(rows, sites)].astype(np.float32)
        before = (int(rows.sum()), int(sites.sum()))
        drop = contained(part.T)
        sites[np.flatnonzero(sites)[drop]] = False
        part = cover[np.ix_(rows, sites)].astype(np.float32)
        drop = contained(1.0 - part)
        rows[np.flatnonzero(rows)[drop]] = False
        if (int(rows.sum()), int(sites.sum())) == before:
            return rows, sites


def contained(sets: NDArray[np.float32]) -> Bools:
    """Return which sets (rows of 0 and 1) lie inside another one that stays."""
    size = sets.sum(axis=1)
    inside = (sets @ sets.T) >= size[:, None]  # inside[a, b]: a is part of b
    twins = inside & inside.T
    number = np.arange(len(sets))
    return np.asarray((inside & (~twins | (number[None, :] < number[:, None]))).any(axis=1))
