"""Files for other people's software: GeoPackage, Excel, Word, CAD, Google and Ovi, QGIS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qianwan_gis._errors import UsageError
from qianwan_gis._text import Text

if TYPE_CHECKING:
    from qianwan_gis.layers import Results

FORMATS: dict[str, Text] = {
    "gpkg": Text("GeoPackage（QGIS、ArcGIS，含样式）", "GeoPackage with styles"),
    "qgz": Text("QGIS 工程（打开旁边的 GeoPackage）", "QGIS project beside the GeoPackage"),
    "shp": Text("Shapefile（GB18030，附字段说明）", "Shapefiles (GB18030) with a dictionary"),
    "dxf": Text("DXF R2010（AutoCAD、CASS）", "DXF R2010 for CAD"),
    "kml": Text("KML（奥维、谷歌地球）", "KML for Ovi and Google Earth"),
    "kmz": Text("KMZ（压缩的 KML）", "KMZ, zipped KML"),
    "parquet": Text("GeoParquet（分析软件之间交换）", "GeoParquet for analysis tools"),
    "cog": Text(
        "GeoTIFF 栅格（高程、坡度、到设施的时间）",
        "GeoTIFF rasters: height, slope, minutes to services",
    ),
}


def write_layers(
    results: Results, folder: Path | str, *, formats: Sequence[str] = ("gpkg", "qgz")
) -> list[Path]:
    """Write the planning layers in the formats asked for.

    Parameters
    ----------
    results
        The plan's results.
    folder
        Where to write: ``<key>.gpkg``, ``.qgz``, ``.dxf``, ``.kml``, ``.kmz``, and the folders
        ``shp``, ``parquet`` and ``rasters``. What is there under these names is replaced.
    formats
        Keys of `FORMATS`. ``qgz`` brings the GeoPackage that it opens.

    Returns
    -------
    list of Path
        The files written, in the order of `FORMATS`.

    Raises
    ------
    UsageError
        A format is unknown; nothing is written then.
    UnavailableError
        Rasters are asked for and the county has no terrain.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        known = ", ".join(FORMATS)
        raise UsageError(
            Text(
                f"没有这种格式：{', '.join(unknown)}；可用：{known}",
                f"unknown format: {', '.join(unknown)}; known: {known}",
            )
        )
    from qianwan_gis.export import dxf, gpkg, kml, parquet, qgis, rasters, shapefile

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / results.county.key
    package = stem.with_name(f"{stem.name}.gpkg")
    written: list[Path] = []
    if {"gpkg", "qgz"} & set(formats):
        written.append(gpkg.write(results, package))
    if "qgz" in formats:
        written.append(qgis.write(results, package.with_suffix(".qgz"), package))
    if "shp" in formats:
        written += shapefile.write(results, folder / "shp")
    if "dxf" in formats:
        written.append(dxf.write(results, package.with_suffix(".dxf")))
    for suffix in ("kml", "kmz"):
        if suffix in formats:
            written.append(kml.write(results, package.with_suffix(f".{suffix}")))
    if "parquet" in formats:
        written += parquet.write(results, folder / "parquet")
    if "cog" in formats:
        written += rasters.write(results, folder / "rasters")
    return written
