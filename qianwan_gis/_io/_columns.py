"""What offices call our columns."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from qianwan_gis._errors import ProblemLog

# The first name found wins; a county file's own mapping comes first.
COLUMN_GUESSES: dict[str, tuple[str, ...]] = {
    "code": ("code", "村代码", "行政区划代码", "区划代码", "代码", "XZQDM", "ZLDWDM", "CUNDM"),
    "name": (
        "name",
        "名称",
        "村名",
        "行政村",
        "行政村名",
        "村庄",
        "CUNMC",
        "XZQMC",
        "ZLDWMC",
        "MC",
        "NAME",
        "设施名称",
        "机构名称",
        "路线名称",
        "道路名称",
        "路名",
    ),
    "township": (
        "township",
        "乡镇",
        "乡镇名称",
        "所属乡镇",
        "所在乡镇",
        "镇",
        "XZMC",
        "XIANGMC",
        "XZJ",
    ),
    "population": (
        "population",
        "人口",
        "总人口",
        "户籍人口",
        "常住人口",
        "人口数",
        "RK",
        "RKS",
        "ZRK",
    ),
    "road_class": (
        "road_class",
        "highway",
        "fclass",
        "等级",
        "道路等级",
        "技术等级",
        "公路等级",
        "行政等级",
        "DLDJ",
        "JSDJ",
        "class",
    ),
    "ref": ("ref", "路线编号", "路线代码", "编号", "LXBH", "LXDM"),
    "surface": ("surface", "路面", "路面类型", "LMLX"),
    "oneway": ("oneway", "单行", "单行线"),
    "bridge": ("bridge", "桥梁", "桥"),
    "tunnel": ("tunnel", "隧道"),
    "status": ("status", "状态", "建设状态"),
    "road_id": ("road_id", "osm_id", "道路编码", "BSM"),
    "facility_id": ("facility_id", "设施编号", "机构代码", "编号", "BSM"),
    "capacity": ("capacity", "容量", "规模", "处理能力", "设计规模", "床位", "床位数", "供水规模"),
    "branch": ("branch", "线别", "支线", "路线"),
    "lon": ("lon", "lng", "longitude", "经度", "X", "x"),
    "lat": ("lat", "latitude", "纬度", "Y", "y"),
}


def rename_columns(
    table: pd.DataFrame,
    columns: Mapping[str, str] | None,
    log: ProblemLog,
    *,
    file: str,
    guesses: tuple[str, ...] | None = None,
) -> pd.DataFrame:
    """Give a table our column names: the county's own mapping first, then good guesses.

    Parameters
    ----------
    columns
        ``{our name: their name}``; a name that the file lacks is an error.
    guesses
        Which of our names may be guessed (`COLUMN_GUESSES`); all by default.
    """
    renames: dict[str, str] = {}
    for ours, theirs in (columns or {}).items():
        if theirs in table.columns:
            renames[theirs] = ours
        else:
            there = "、".join(str(c) for c in table.columns if c != "geometry")
            log.add(
                "error",
                "missing_column",
                f"没有字段“{theirs}”（对应 {ours}），现有：{there}",
                f"no column “{theirs}” (mapped to {ours}); there are: {there}",
                file=file,
                field=theirs,
                fix=("改正 county.toml 中的字段对照", "mend the mapping in county.toml"),
            )
    taken = set(renames.values()) | {c for c in table.columns if c not in renames}
    for ours, names in COLUMN_GUESSES.items():
        if (guesses is not None and ours not in guesses) or ours in taken:
            continue
        found = next((n for n in names if n in table.columns and n not in renames), None)
        if found is not None:
            renames[found] = ours
            taken.add(ours)
    return table.rename(columns=renames)
