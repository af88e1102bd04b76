"""Word documents in the form of a Chinese official report (after GB/T 9704-2012).

Paper, margins, fonts and sizes follow that standard: 小标宋 22 pt title, 黑体 first-level and 楷体
second-level headings, 仿宋 16 pt text with a 28 pt line. The fonts are named, not embedded: they
are on office computers and may not be redistributed. Every run names its East Asian font, without
which Word falls back to the theme's.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from qianwan_gis import _io
from qianwan_gis._text import Lang
from qianwan_gis.export import paging
from qianwan_gis.export.document import (
    Block,
    Bullets,
    Document,
    Figure,
    Heading,
    Paragraph,
    TableBlock,
    clean,
)

_FONTS: dict[str, tuple[str, str]] = {  # Chinese, Latin
    "title": ("方正小标宋简体", "Times New Roman"),
    "h1": ("黑体", "Arial"),
    "h2": ("楷体_GB2312", "Times New Roman"),
    "body": ("仿宋_GB2312", "Times New Roman"),
    "page": ("宋体", "Times New Roman"),
}
_PT = 72 / 2.54  # points a centimetre
_WIDTH_CM = 21.0 - 2.8 - 2.6
_HEIGHT_PT = (29.7 - 3.7 - 3.5) * _PT
_CELL, _CELL_LINE, _CELL_SPACE, _CELL_SIDE = 10.0, 14.0, 1.0, 5.4  # type in tables, points
_RULE = 0.5  # a table's line, points
_NOTE, _NOTE_LINE = 9.0, 16.0  # what stands below a table
_CAPTION_LINE, _CAPTION_BEFORE, _CAPTION_AFTER = 18.0, 10.0, 4.0
_HEADING_BEFORE = 10.0
_WHOLE_ROWS = 8  # a table of so many rows is kept on one page
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_NAMES = {
    "zh": ("目　录", "（修改内容后，在目录上按F9更新页码）"),
    "en": ("Contents", "(after a change, press F9 on the contents to update page numbers)"),
}


def write(document: Document, path: Path | str) -> Path:
    """Write a document as .docx; the same document gives the same bytes."""
    made = _build(document)
    buffer = io.BytesIO()
    made.save(buffer)
    return _io.write_bytes(Path(path), _settle(buffer.getvalue()))


def _settle(data: bytes) -> bytes:
    """Return the package with constant dates in the zip's directory."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for item in old.infolist():
            info = zipfile.ZipInfo(item.filename, date_time=_ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(item.filename))
    return out.getvalue()


def _build(document: Document) -> Any:
    import docx
    from docx.shared import Cm

    word = docx.Document()
    _properties(word, document)
    section = word.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.top_margin, section.bottom_margin = Cm(3.7), Cm(3.5)
    section.left_margin, section.right_margin = Cm(2.8), Cm(2.6)
    _styles(word, document.lang)
    _cover(word, document)
    _contents(word, document)
    number = 0
    for block in document.blocks:
        match block:
            case Heading():
                number += 1
                _heading(word, block, number)
            case Paragraph():
                word.add_paragraph(clean(block.text), style="Body Text")
            case Bullets():
                for place, item in enumerate(block.items, start=1):
                    # Official documents count (1．), they do not use bullets.
                    count = f"{place}．" if document.lang == "zh" else ""
                    style = "Body Text" if count else "List Bullet"
                    word.add_paragraph(clean(count + item), style=style)
            case TableBlock():
                _table(word, block)
            case Figure():
                _figure(word, block)
    _header_footer(section, document)
    return word


def _properties(word: Any, document: Document) -> None:
    day = datetime.fromisoformat(document.run_date)
    core = word.core_properties
    core.title, core.author, core.last_modified_by = document.title, "qianwan_gis", "qianwan_gis"
    core.comments = "；".join(document.marks)
    core.created = core.modified = day
    core.language = "zh-CN" if document.lang == "zh" else "en"


def _font(style: Any, kind: str, size: float, *, bold: bool, chinese_marks: bool) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    chinese, latin = _FONTS[kind]
    style.font.name, style.font.size, style.font.bold = latin, Pt(size), bold
    style.font.italic = False
    style.font.color.rgb = RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    fonts.set(qn("w:eastAsia"), chinese)
    fonts.set(qn("w:ascii"), latin)
    fonts.set(qn("w:hAnsi"), latin)
    if chinese_marks:  # “ ” · — are Chinese beside Chinese; Word would take them for Latin
        fonts.set(qn("w:hint"), "eastAsia")


def _type(lang: Lang) -> tuple[float, float, float]:
    """Return size, line and space around paragraphs of running text, points."""
    return (16.0, 28.0, 0.0) if lang == "zh" else (12.0, 18.0, 4.0)


def _styles(word: Any, lang: Lang) -> None:
    from docx.enum.style import WD_STYLE_TYPE
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING, WD_TAB_ALIGNMENT, WD_TAB_LEADER
    from docx.shared import Cm, Pt

    zh = lang == "zh"
    size, line, space = _type(lang)
    styles = word.styles
    _font(styles["Normal"], "body", size, bold=False, chinese_marks=zh)
    for name, kind, points in (("Title", "title", 22), ("Heading 1", "h1", size), ("Heading 2", "h2", size)):  # fmt: skip
        _font(styles[name], kind, points, bold=not zh, chinese_marks=zh)
    for name in ("Body Text", "List Bullet", "Caption", "List Paragraph"):
        _font(styles[name], "body", size, bold=False, chinese_marks=zh)
    _font(styles["Caption"], "h1", 12 if zh else 10.5, bold=not zh, chinese_marks=zh)
    for name in ("Normal", "Body Text", "List Bullet", "Heading 1", "Heading 2"):
        form = styles[name].paragraph_format
        form.space_before = form.space_after = Pt(space)
        form.line_spacing_rule = WD_LINE_SPACING.EXACTLY
        form.line_spacing = Pt(line)
        for mark in styles[name].element.xpath(".//w:contextualSpacing"):
            mark.getparent().remove(mark)  # would swallow the space between items of a list
    for name in ("Body Text", "Heading 1", "Heading 2"):
        styles[name].paragraph_format.first_line_indent = Pt(2 * size) if zh else Pt(0)
    styles["Heading 1"].paragraph_format.space_before = Pt(_HEADING_BEFORE)
    for level in (1, 2):  # what Word uses when it makes the contents anew
        entry = styles.add_style(f"toc {level}", WD_STYLE_TYPE.PARAGRAPH)
        entry.base_style = styles["Normal"]
        entry.paragraph_format.left_indent = Pt(24 * (level - 1))
        entry.paragraph_format.tab_stops.add_tab_stop(
            Cm(_WIDTH_CM), WD_TAB_ALIGNMENT.RIGHT, WD_TAB_LEADER.DOTS
        )
    bullet = styles["List Bullet"].paragraph_format
    bullet.left_indent, bullet.first_line_indent = Pt(2 * size), Pt(-size)
    title = styles["Title"].paragraph_format
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.space_before, title.space_after = Pt(120), Pt(40)
    for border in styles["Title"].element.xpath(".//w:pBdr"):
        border.getparent().remove(border)
    caption = styles["Caption"].paragraph_format
    caption.alignment = WD_ALIGN_PARAGRAPH.CENTER
    caption.space_before, caption.space_after = Pt(_CAPTION_BEFORE), Pt(_CAPTION_AFTER)
    caption.line_spacing_rule, caption.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(_CAPTION_LINE)


def _cover(word: Any, document: Document) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
    from docx.shared import Pt, RGBColor

    for mark in document.marks:
        paragraph = word.add_paragraph()
        run = paragraph.add_run(clean(mark))
        run.bold = True
        run.font.color.rgb = RGBColor(0xB0, 0x3A, 0x2E)
    title = word.add_paragraph(clean(document.title), style="Title")
    title.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    colon = "：" if document.lang == "zh" else ": "
    for name, text in document.cover:
        paragraph = word.add_paragraph(clean(f"{name}{colon}{text}"))
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        paragraph.paragraph_format.space_after = Pt(4)


def _contents(word: Any, document: Document) -> None:
    """Write a contents field whose stored result is the list of headings with their pages."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    head, hint = _NAMES[document.lang]
    title = word.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    title.paragraph_format.page_break_before = True
    title.paragraph_format.space_after = Pt(12)
    run = title.add_run(head)
    run.bold = True
    headings = [block for block in document.blocks if isinstance(block, Heading)]
    page = _pages(document, len(headings))
    for number, heading in enumerate(headings, start=1):
        paragraph = word.add_paragraph(style=f"toc {heading.level}")
        if number == 1:
            _field_start(paragraph, 'TOC \\o "1-2" \\h \\z \\u')
        link = OxmlElement("w:hyperlink")
        link.set(qn("w:anchor"), _bookmark(number))
        first = len(paragraph._p)
        paragraph.add_run(clean(heading.text) + "\t")
        _field_start(paragraph, f"PAGEREF {_bookmark(number)} \\h")
        paragraph.add_run(str(page[number]))
        _field_char(paragraph, "end")
        for run in list(paragraph._p)[first:]:
            link.append(run)
        paragraph._p.append(link)
        if number == len(headings):
            _field_char(paragraph, "end")
    note = word.add_paragraph()
    note.add_run(hint).font.size = Pt(10)


def _pages(document: Document, headings: int) -> dict[int, int]:
    """Return the page of each heading: the cover is page 1, the contents follow."""
    _, line, space = _type(document.lang)
    per_page = math.floor(_HEIGHT_PT / (line + 2 * space))
    contents = math.ceil((headings + 3) / per_page)  # with title, hint and the space between
    boxes: list[paging.Box] = []
    number = 0
    for block in document.blocks:
        if isinstance(block, Heading):
            number += 1
        boxes += _boxes(block, document.lang, number)
    return paging.pages(boxes, _HEIGHT_PT, first=2 + contents)


def _boxes(block: Block, lang: Lang, number: int) -> list[paging.Box]:
    """Return the heights of what is written for a block, as its styles set them."""
    width = _WIDTH_CM * _PT
    size, line, space = _type(lang)
    indent = 2 * size if lang == "zh" else 0.0

    def text(words: str, *, left: float = 0.0, first: float = indent) -> paging.Box:
        count = paging.lines(clean(words), width - left, size, indent=first)
        return paging.Box(count, line, space, space)

    def caption(words: str, *, keep: bool) -> paging.Box:
        count = paging.lines(clean(words), width, 12 if lang == "zh" else 10.5)
        return paging.Box(count, _CAPTION_LINE, _CAPTION_BEFORE, _CAPTION_AFTER, keep, whole=True)

    match block:
        case Heading():
            made = text(block.text)
            before = _HEADING_BEFORE if block.level == 1 else space
            return [replace(made, before=before, keep=True, whole=True, heading=number)]
        case Paragraph():
            return [text(block.text)]
        case Bullets():
            if lang == "zh":
                return [text(f"{n}．{item}") for n, item in enumerate(block.items, start=1)]
            return [text(item, left=2 * size, first=0.0) for item in block.items]
        case TableBlock():
            rows = [_row_height(row, block) for row in (block.head, *block.rows)]
            keep = len(block.rows) <= _WHOLE_ROWS
            last = len(rows) - 1
            return [
                caption(block.caption, keep=True),
                *(
                    paging.Box(1, height, keep=n == 0 or (keep and n < last), whole=True,
                               head=rows[0] if n else 0.0)
                    for n, height in enumerate(rows)
                ),
                paging.Box(paging.lines(clean(block.note), width, _NOTE), _NOTE_LINE),
            ]  # fmt: skip
        case Figure():
            across, down = struct.unpack(">II", block.png[16:24])  # the head of every PNG
            return [
                paging.Box(1, width * down / across + 1, keep=True, whole=True),
                caption(block.caption, keep=False),
            ]


def _row_height(row: Sequence[str], block: TableBlock) -> float:
    most = max(
        paging.lines(clean(text), width * _PT - 2 * _CELL_SIDE, _CELL)
        for text, width in zip(row, _widths_cm(block), strict=True)
    )
    return most * _CELL_LINE + 2 * _CELL_SPACE + _RULE


def _widths_cm(block: TableBlock) -> list[float]:
    shares = block.widths or (1.0,) * len(block.head)
    return [_WIDTH_CM * share / sum(shares) for share in shares]


def _field_char(paragraph: Any, kind: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    char = OxmlElement("w:fldChar")
    char.set(qn("w:fldCharType"), kind)
    paragraph.add_run()._r.append(char)


def _field_start(paragraph: Any, code: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    _field_char(paragraph, "begin")
    instruction = OxmlElement("w:instrText")
    instruction.set(qn("xml:space"), "preserve")
    instruction.text = f" {code} "
    paragraph.add_run()._r.append(instruction)
    _field_char(paragraph, "separate")


def _bookmark(number: int) -> str:
    return f"_Toc{number:08d}"


def _heading(word: Any, block: Heading, number: int) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    paragraph = word.add_heading(clean(block.text), level=block.level)
    paragraph.paragraph_format.keep_with_next = True
    paragraph.paragraph_format.page_break_before = number == 1  # after the contents
    for tag, place in (("w:bookmarkStart", 0), ("w:bookmarkEnd", None)):
        mark = OxmlElement(tag)
        mark.set(qn("w:id"), str(number))
        if place is None:
            paragraph._p.append(mark)
        else:
            mark.set(qn("w:name"), _bookmark(number))
            paragraph._p.insert(1, mark)  # after the paragraph's properties


def _table(word: Any, block: TableBlock) -> None:
    from docx.enum.table import WD_TABLE_ALIGNMENT
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt

    caption = word.add_paragraph(clean(block.caption), style="Caption")
    caption.paragraph_format.keep_with_next = True
    table = word.add_table(rows=0, cols=len(block.head), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    widths = [Cm(width) for width in _widths_cm(block)]
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width  # the grid: LibreOffice and WPS go by it, Word by the cells
    numeric = [all(_is_number(row[i]) for row in block.rows) for i in range(len(block.head))]
    for number, cells in enumerate([block.head, *block.rows]):
        row = table.add_row()
        properties = row._tr.get_or_add_trPr()
        whole = OxmlElement("w:cantSplit")
        properties.append(whole)
        if number == 0:
            repeat = OxmlElement("w:tblHeader")
            repeat.set(qn("w:val"), "true")
            properties.append(repeat)
        for cell, text, width, right in zip(row.cells, cells, widths, numeric, strict=True):
            cell.width = width
            _cell(cell, text, head=number == 0, right=right)
            # Short tables stay whole; long ones break between rows and repeat their head.
            if number == 0 or (len(block.rows) <= _WHOLE_ROWS and number < len(block.rows)):
                cell.paragraphs[0].paragraph_format.keep_with_next = True
    after = word.add_paragraph(clean(block.note))
    after.paragraph_format.line_spacing = Pt(_NOTE_LINE)
    after.paragraph_format.space_before = after.paragraph_format.space_after = Pt(0)
    for run in after.runs:
        run.font.size = Pt(_NOTE)


def _is_number(text: str) -> bool:
    return (
        text == "" or text.replace(",", "").replace(".", "").replace("%", "").lstrip("-").isdigit()
    )


def _cell(cell: Any, text: str, *, head: bool, right: bool) -> None:
    from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    paragraph = cell.paragraphs[0]
    form = paragraph.paragraph_format
    form.line_spacing_rule, form.first_line_indent = WD_LINE_SPACING.EXACTLY, Pt(0)
    form.line_spacing = Pt(_CELL_LINE)
    form.space_before = form.space_after = Pt(_CELL_SPACE)
    run = paragraph.add_run(clean(text))
    run.font.size = Pt(_CELL)
    if head:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        run.bold = True
        shade = OxmlElement("w:shd")
        shade.set(qn("w:val"), "clear")
        shade.set(qn("w:fill"), "E4EBF1")
        cell._tc.get_or_add_tcPr().append(shade)
    elif right:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT


def _figure(word: Any, block: Figure) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
    from docx.shared import Cm, Pt

    paragraph = word.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    paragraph.paragraph_format.keep_with_next = True
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run()
    run.font.size = Pt(1)  # no room below the picture for letters that are not there
    picture = run.add_picture(io.BytesIO(block.png), width=Cm(_WIDTH_CM))
    # Read aloud by screen readers.
    picture._inline.docPr.set("descr", clean(block.caption))
    word.add_paragraph(clean(block.caption), style="Caption")


def _header_footer(section: Any, document: Document) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    section.different_first_page_header_footer = True
    header = section.header.paragraphs[0]
    header.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    header.add_run(clean("　".join(document.marks))).font.size = Pt(9)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer.add_run("— ")
    _field_start(footer, "PAGE")
    footer.add_run("1")
    _field_char(footer, "end")
    footer.add_run(" —")
    for run in footer.runs:
        run.font.size = Pt(14 if document.lang == "zh" else 10)
