"""The report: findings first, then what to collect first, then everything they rest on.

One content (`build`) is written twice: ``report.md`` for reading anywhere and ``report.docx`` in
the form of a Chinese official report. Every number passes `Results.disclosure`: what thin data do
not bear is named in the last chapter with the reason, and printed nowhere.
"""

from __future__ import annotations

from pathlib import Path

from qianwan_gis import _io
from qianwan_gis._text import Text
from qianwan_gis.export import docx
from qianwan_gis.export.document import Document, Figure, markdown
from qianwan_gis.layers import Results
from qianwan_gis.report._parts import road_lengths
from qianwan_gis.report.basis import (
    sources_chapter,
    standards_chapter,
    targets_chapter,
    unknown_chapter,
)
from qianwan_gis.report.corridor import corridor_chapter
from qianwan_gis.report.coverage import coverage_chapter
from qianwan_gis.report.fairness import fairness_chapter
from qianwan_gis.report.findings import findings_chapter
from qianwan_gis.report.inputs import (
    collect_chapter,
    lists_chapter,
    positions_chapter,
    roads_chapter,
)
from qianwan_gis.report.scenarios import scenarios_chapter
from qianwan_gis.report.sewage import sewage_chapter
from qianwan_gis.report.siting import siting_chapter
from qianwan_gis.report.water import water_chapter


def write_report(results: Results, folder: Path | str) -> list[Path]:
    """Write ``report.md`` with its pictures in ``figures/``, and ``report.docx``.

    Parameters
    ----------
    results
        The plan's results.
    folder
        Where to write.

    Returns
    -------
    list of Path
        The files. The same results give the same bytes.
    """
    folder = Path(folder)
    document = build(results)
    pictures = [block for block in document.blocks if isinstance(block, Figure)]
    return [
        _io.write_text(folder / "report.md", markdown(document)),
        docx.write(document, folder / "report.docx"),
        *(_io.write_bytes(folder / picture.file, picture.png) for picture in pictures),
    ]


def build(results: Results, *, figures: bool = True) -> Document:
    """Return the report's content in the language of the results.

    Without a Chinese font, or with ``figures=False``, the pictures are left out; the text says so.
    """
    lang = results.lang
    county = results.county
    place = Text(
        f"{county.province}{county.prefecture}{county.name}（{county.adcode}）",
        f"{county.name_en or county.name} ({county.adcode})",
    )
    document = Document(
        results.title.get(lang),
        lang,
        str(results.run_date),
        tuple(dict.fromkeys(mark.get(lang) for mark in results.marks)),
        (
            (Text("行政区", "County").get(lang), place.get(lang)),
            (Text("数据日期", "Date of the data").get(lang), str(results.run_date)),
            (Text("坐标系", "CRS").get(lang), results.crs.name),
            *(
                [(Text("编制单位", "Prepared by").get(lang), county.map.maker)]
                if county.map.maker
                else []
            ),
        ),
    )
    pictures = _figures(results) if figures else {}
    lengths = road_lengths(results)
    findings_chapter(document, results, lengths)
    if figures and not pictures:
        document.say(
            Text(
                "本机没有找到中文字体，报告未附图；安装后重新生成即可。",
                "No Chinese font was found on this computer, so there are no maps in the report.",
            )
        )
    collect_chapter(document, results)
    lists_chapter(document, results)
    positions_chapter(document, results, pictures)
    roads_chapter(document, results, lengths)
    corridor_chapter(document, results, pictures)
    coverage_chapter(document, results, pictures)
    fairness_chapter(document, results)
    siting_chapter(document, results, pictures_wanted=figures)
    water_chapter(document, results)
    scenarios_chapter(document, results)
    sewage_chapter(document, results)
    targets_chapter(document, results)
    standards_chapter(document, results)
    sources_chapter(document, results)
    unknown_chapter(document, results)
    return document


def _figures(results: Results) -> dict[str, tuple[str, bytes]]:
    """Return the report's maps by sheet: positions, the best assessed service, the corridor."""
    from qianwan_gis.maps import sheets, static
    from qianwan_gis.maps.paper import letters

    if letters.find_font() is None:
        return {}
    assessed = results.coverage.assign(known=results.coverage["covered"].notna())
    counts = assessed.groupby(["service", "tier"])["known"].sum().sort_values(kind="stable")
    wanted = ["positions", "corridor"]
    if len(counts) and counts.iloc[-1]:
        service, tier = counts.index[-1]
        wanted.append(f"coverage_{service}_{tier}")
    found = {sheet.key: sheet for sheet in sheets.sheets(results, only=wanted)}
    return {
        key: (found[key].title, static.figure_png(found[key])) for key in wanted if key in found
    }
