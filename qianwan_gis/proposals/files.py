"""Writing a proposal's tables and layers into a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from qianwan_gis import _io, datum
from qianwan_gis.proposals.model import Proposal

_TABLES = ("sites", "gains", "curve")
_LAYERS = ("proposed_sites", "proposed_gains", "proposed_links")
#: Files of an earlier proposal, which a new one replaces.
OURS = {*(f"{name}.csv" for name in _TABLES), *(f"{name}.geojson" for name in _LAYERS)}


def write(proposal: Proposal, folder: str | Path) -> list[Path]:
    """Write the tables as CSV (UTF-8 with BOM, so that Excel reads it) and the layers as GeoJSON.

    The folder changes as a whole when everything has been written: files of an earlier proposal
    are replaced, everything else in it is kept.

    Returns
    -------
    The files written; none without a proposal. GeoJSON is in WGS84 longitude and latitude.
    """
    target = Path(folder)
    if proposal.refused is not None:
        return []
    made = contents(proposal)
    with _io.staged_folder(target) as staged:
        for name, data in made.items():
            _io.write_bytes(staged / name, data)
        keep_others(target, staged, OURS)
    return [target / name for name in sorted(made)]


def contents(proposal: Proposal) -> dict[str, bytes]:
    """Return the files of `write` by name."""
    made = {
        f"{name}.csv": table.to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
        for name, table in proposal.tables().items()
    }
    return made | {
        f"{name}.geojson": layer.to_crs(datum.WGS84).to_json().encode()
        for name, layer in proposal.layers.items()
    }


def keep_others(folder: Path, staged: Path, ours: set[str]) -> None:
    """Carry over what is in a folder and none of ours."""
    if not folder.is_dir():
        return
    for item in folder.iterdir():
        if item.name not in ours and not (staged / item.name).exists():
            copy = shutil.copytree if item.is_dir() else shutil.copy2
            copy(item, staged / item.name)
