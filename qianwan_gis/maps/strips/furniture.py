"""What stands around a strip map: title, legend, key map, notes and title block."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from qianwan_gis._text import Lang, Text
from qianwan_gis.layers import Results, Symbol
from qianwan_gis.maps.paper.furniture import border, fitted, imprint, key, scale_bar
from qianwan_gis.maps.paper.letters import wrap
from qianwan_gis.maps.sheets import symbols_of
from qianwan_gis.maps.strips.layout import PAGE, Strip, StripSet, view
from qianwan_gis.maps.strips.plan import grid_step
from qianwan_gis.maps.strips.symbols import ELSEWHERE, ROAD, VERDICT_SYMBOLS

if TYPE_CHECKING:
    from qianwan_gis.maps.paper.canvas import Canvas


def draw_furniture(canvas: Canvas, made: StripSet, strip: Strip, hidden: int) -> None:
    """Draw everything around plan and diagram."""
    lang = made.results.lang
    border(canvas, 5.0, PAGE)
    name = _road_name(made.results)
    title = Text(
        f"{name.zh}带状图　{strip.branch} {strip.start}～{strip.end}",
        f"{name.en}: strip map, {strip.branch} {strip.start}–{strip.end}",
    )
    size = fitted(title.get(lang), 18.0, 300.0, bold=True)
    canvas.write(PAGE.width / 2, 277.0, title.get(lang), size, bold=True, align="center")
    number = Text(
        f"第{strip.number}张　共{strip.count}张", f"Sheet {strip.number} of {strip.count}"
    )
    canvas.write(PAGE.width - PAGE.margin, 277.0, number.get(lang), 10, align="right")
    _legend(canvas, made, lang)
    scale = view(made.metres)
    scale_bar(canvas, 222.0, 40.0, 62.0, scale, PAGE, lang)
    notes = [
        Text(f"平面图向右为里程增加方向，已旋转；十字为方里网，间距{grid_step(made) / 1000:g}千米。",
             f"The plan is turned: travel runs to the right. Grid crosses every {grid_step(made) / 1000:g} km."),
        Text("下图沿里程拉直，纵向为偏距（分区线性），不按比例；间距限值及其核实情况见“标准”表。",
             "Below the road is straightened; the offset is not to scale. Limits: see the standards."),
    ]  # fmt: skip
    if hidden:
        notes.append(
            Text(
                f"为避免压盖，平面图有{hidden}个注记未注出。",
                f"{hidden} label{'' if hidden == 1 else 's'} left out for space.",
            )
        )
    y = 28.5
    for note in notes:
        for text in wrap(note.get(lang), 66.0, 6.4):
            canvas.write(222.0, y, text, 6.4, color="#333333")
            y -= 3.0
    _key_map(canvas, made, strip)
    _title_block(canvas, made, strip, lang)
    imprint(canvas, made.sheet, PAGE, 8.4, 6.6)


def _road_name(results: Results) -> Text:
    """The road's name, or the county's where the road has none."""
    spec = results.county.corridor
    county = results.county
    if spec is not None and spec.name:
        return Text(spec.name, spec.name_en or spec.name)
    return Text(f"{county.name}示范廊带", f"{county.name_en or county.name} corridor")


def _legend(canvas: Canvas, made: StripSet, lang: Lang) -> None:
    """Symbols of plan and diagram, in columns."""
    left, top = PAGE.margin, 42.6
    canvas.write(left, top, Text("图例", "Legend").get(lang), 9, bold=True)
    keys: list[tuple[str, Symbol]] = [
        ("line", Symbol("", Text("本张廊带线", "corridor, this sheet"), ROAD, 1.1)),
        ("line", Symbol("", Text("廊带其余路段", "corridor, elsewhere"), ELSEWHERE, 1.1)),
        ("point", Symbol("", Text("公里桩", "kilometre stake"), ROAD, 1.6, "square")),
    ]
    for layer in made.drawn:
        if layer.style.geometry == "area":
            continue
        keys += [(layer.style.geometry, s) for s, _ in symbols_of(layer)]
    keys += [("line", s) for s in VERDICT_SYMBOLS]
    rows, wide = 7, 51.0
    for number, (geometry, symbol) in enumerate(dict.fromkeys(keys)):
        column, row = divmod(number, rows)
        if column > 3:
            break
        x, y = left + column * wide, top - 4.6 - row * 4.0
        small = replace(symbol, size=min(symbol.size, 2.6))
        key(canvas, x, y, geometry, small, PAGE)
        words = symbol.title.get(lang)
        canvas.write(x + 9.0, y, words, fitted(words, 6.8, wide - 11.0))


def _key_map(canvas: Canvas, made: StripSet, strip: Strip) -> None:
    """The whole corridor in little, this sheet's stretch marked."""
    left, bottom, width, height = 292.0, 14.0, 36.0, 30.0
    canvas.rectangle(left, bottom, width, height, edge="#666666")
    every = np.concatenate([p.coords for p in made.corridor.parts])
    low, high = every.min(axis=0), every.max(axis=0)
    room = np.array([width - 4.0, height - 7.0])  # a line of words stands above
    factor = min(room / np.maximum(high - low, 1.0))
    middle = (low + high) / 2.0
    centre = np.array([left + width / 2.0, bottom + 2.0 + room[1] / 2.0])
    for part in made.corridor.parts:
        xy = (part.coords - middle) * factor + centre
        canvas.line(xy[:, 0], xy[:, 1], color=ELSEWHERE, width=1.0, order=3)
        if part.branch != strip.branch:
            continue
        a = max(strip.from_m - part.travelled, 0.0)
        b = min(strip.to_m - part.travelled, part.length)
        if b > a:
            xy = (part.stretch(a, b) - middle) * factor + centre
            canvas.line(xy[:, 0], xy[:, 1], color=ROAD, width=2.0, order=4)
    canvas.write(left + 1.0, bottom + height - 2.2,
                  Text("位置示意（上北）", "Key (north up)").get(made.results.lang), 5.6, color="#555555")  # fmt: skip


def _title_block(canvas: Canvas, made: StripSet, strip: Strip, lang: Lang) -> None:
    """Title block in the lower right corner."""
    left, bottom, width, row = 331.0, 14.0, 77.0, 5.0
    scale = round(made.metres * 1000)
    county = made.results.county
    rows = [
        (Text("线路", "Road"), _road_name(made.results).get(lang)),
        (Text("路段", "Stretch"), f"{strip.branch} {strip.start}～{strip.end}"),
        (Text("比例尺", "Scale"), f"1:{scale:,}".replace(",", " ") + " (A3)"),
        (Text("坐标系", "CRS"), str(made.results.crs.name)),
        (Text("制图", "Made by"), f"{county.map.maker or '＿＿＿＿＿＿'}　{made.results.run_date}"),
        (Text("图号", "Sheet"), f"{strip.number}/{strip.count}"),
    ]
    for number, (name, value) in enumerate(rows):
        y = bottom + (len(rows) - 1 - number) * row
        canvas.line([left, left + width], [y, y], color="#333333")
        canvas.write(left + 1.2, y + row / 2 - 0.2, name.get(lang), 6.8, color="#555555")
        canvas.write(left + 17.5, y + row / 2 - 0.2, value, fitted(value, 7.2, width - 19.0))
    top = bottom + len(rows) * row
    for x in (left, left + 16.0, left + width):
        canvas.line([x, x], [bottom, top], color="#333333", width=0.8 if x != left + 16 else 0.5)
    for y in (bottom, top):
        canvas.line([left, left + width], [y, y], color="#333333", width=0.8)
