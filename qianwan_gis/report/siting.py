"""The chapter on proposed sites, and a proposal as a document of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qianwan_gis import _io
from qianwan_gis._text import Text
from qianwan_gis.export import content, docx
from qianwan_gis.export.document import Document, Figure, markdown
from qianwan_gis.export.siting import siting_tables
from qianwan_gis.layers import Results, service_title
from qianwan_gis.proposals import Proposal
from qianwan_gis.proposals.files import OURS, contents, keep_others
from qianwan_gis.report._parts import add_table

_SHOWN = {
    "sites": ("order", "name", "township", "villages", "villages_low", "villages_high", "people",
              "people_low", "people_high", "villages_sure", "p_chosen", "load", "second", "cost"),
    "curve": ("added", "villages", "people", "covered", "best", "bound", "gap"),
    "gains": ("name", "township", "site_id", "p_before", "p_after", "people", "verdict"),
}  # fmt: skip

#: Headings short enough for a page.
_SHORT = {
    "villages": Text("新增村", "Villages"),
    "villages_low": Text("村下限", "low"),
    "villages_high": Text("村上限", "high"),
    "people_low": Text("人口下限", "low"),
    "people_high": Text("人口上限", "high"),
    "villages_sure": Text("确定新增", "Surely"),
    "p_chosen": Text("入选比例", "Chosen in"),
    "covered": Text("覆盖合计", "Covered"),
    "best": Text("同数最优", "Best"),
    "bound": Text("上界", "Bound"),
    "gap": Text("相差", "Gap"),
    "p_before": Text("现状概率", "Before"),
    "p_after": Text("增设后", "After"),
}


def siting_chapter(document: Document, results: Results, *, pictures_wanted: bool = True) -> None:
    """Add the chapter if anything was proposed: sites, curve with its picture, who gains."""
    if not results.proposals:
        return
    document.heading(1, Text("选址建议", "Proposed sites"))
    if not results.disclosure.siting:
        why = results.disclosure.reasons.get("siting", Text("资料不足", "the data do not bear it"))
        document.say(Text(f"资料不足，不提选址建议：{why.zh}。", f"No advice on sites: {why.en}."))
        return
    for made in results.proposals:
        proposal_section(document, results, made, pictures_wanted=pictures_wanted)


def proposal_section(
    document: Document, results: Results, made: Proposal, *, pictures_wanted: bool = True
) -> None:
    """Add one proposal: what was asked, what it gives, how sure it is, the tables."""
    title = service_title(made.service, made.tier)
    document.heading(2, title)
    for sentence in summary(made, results):
        document.say(sentence)
    if pictures_wanted and not made.sites.empty:
        picture = _curve(made, results)
        if picture is not None:
            caption = Text(
                f"新增处数与效果：{title.zh}", f"What each number of sites gives: {title.en}"
            )
            document.figure(caption.get(results.lang), picture, f"siting_{made.key}")
    tables = {t.key.split("_")[1]: t for t in siting_tables(results, made)}
    for name, columns in _SHOWN.items():
        if name in tables:
            table = _columns(tables[name], columns)
            add_table(document, results, table, table.title, limit=40)
    if made.problems:
        document.bullets([problem.text for problem in made.problems])


def write_proposal(results: Results, made: Proposal, folder: Path) -> list[Path]:
    """Write everything about a proposal: tables and layers, a report of its own, the curve.

    ``sites.csv``, ``gains.csv``, ``curve.csv``, the layers as GeoJSON (WGS84), ``proposal.md``,
    ``proposal.docx`` and ``figures/``. The folder changes as a whole when all of it is there: an
    earlier proposal is replaced, other files in it are kept.

    Returns
    -------
    The files; none without a proposal.
    """
    if made.refused is not None:
        return []
    written: list[str] = []
    with _io.staged_folder(folder) as stage:
        for name, data in contents(made).items():
            _io.write_bytes(stage / name, data)
            written.append(name)
        document = _document(results, made)
        pictures = [block for block in document.blocks if isinstance(block, Figure)]
        _io.write_text(stage / "proposal.md", markdown(document))
        docx.write(document, stage / "proposal.docx")
        for picture in pictures:
            _io.write_bytes(stage / picture.file, picture.png)
        written += ["proposal.md", "proposal.docx", *(picture.file for picture in pictures)]
        keep_others(folder, stage, OURS | set(written))
    return [folder / name for name in sorted(written)]


def _document(results: Results, made: Proposal) -> Document:
    lang = results.lang
    title = service_title(made.service, made.tier)
    document = Document(
        f"{results.title.get(lang)}：{Text('选址建议', 'proposed sites').get(lang)}",
        lang,
        str(results.run_date),
        tuple(dict.fromkeys(mark.get(lang) for mark in results.marks)),
        (
            (Text("服务", "Service").get(lang), title.get(lang)),
            (Text("数据日期", "Date of the data").get(lang), str(results.run_date)),
        ),
    )
    document.heading(1, Text("选址建议", "Proposed sites"))
    proposal_section(document, results, made)
    return document


def summary(made: Proposal, results: Results) -> list[Text]:
    """Return what a proposal comes to, in sentences: limit, shares before and after, proof, regret."""
    if made.refused is not None:
        return [Text(f"资料不足，不提选址建议：{made.refused.zh}。",
                     f"No advice on sites: {made.refused.en}.")]  # fmt: skip
    if made.sites.empty:
        return [Text("没有可提的建议。", "There is nothing to propose.")]
    unit = Text("分钟", "minutes") if made.unit == "min" else Text(made.unit, made.unit)
    n = len(made.sites)
    found = [
        Text(
            f"限值{made.limit:g}{unit.zh}（含）；按{made.weigh_text.zh}选取，既有设施不动，新增{n}处。",
            f"Limit {made.limit:g} {unit.en}, inclusive; chosen by {made.weigh_text.en}; existing "
            f"facilities stay, {n} sites are added.",
        )
    ]
    table = made.shares().set_index("unit")
    for name, zh, en in (("villages", "村", "villages"), ("people", "人口", "people")):
        if name not in table.index or (name == "people" and not results.disclosure.people):
            continue
        row = table.loc[name]
        found.append(
            Text(
                f"覆盖{zh}由{row['before']:,.0f}增至{row['after']:,.0f}（共{row['total']:,.0f}），"
                f"即{row['share_before']:.1%}至{row['share_after']:.1%}。",
                f"Covered {en} rise from {row['before']:,.0f} to {row['after']:,.0f} of "
                f"{row['total']:,.0f}: {row['share_before']:.1%} to {row['share_after']:.1%}.",
            )
        )
    found.append(_proof(made))
    regret = made.regret[1]
    if regret == 0:
        found.append(Text("各次抽样的结论一致。", "All draws agree."))
    elif regret == regret:
        found.append(
            Text(
                f"位置不准的影响：以各次抽样自己的最优为准，本建议少得的中位数为{made.regret[0]:.1%}，"
                f"95%的抽样中不超过{regret:.1%}。",
                f"Uncertain positions: against each draw's own best the proposal misses {made.regret[0]:.1%} "
                f"in the median and at most {regret:.1%} in 95 % of the draws.",
            )
        )
    return found


def _proof(made: Proposal) -> Text:
    if made.status == "optimal":
        return Text(
            "已证明为最优（没有更好的同等处数方案）。", "Proven optimal for that number of sites."
        )
    return Text(
        f"未证明为最优：与已证明的上界相差{made.gap:.1%}（方法：{made.method}）。",
        f"Not proven optimal: {made.gap:.1%} from the proven bound (method: {made.method}).",
    )


def _curve(made: Proposal, results: Results) -> bytes | None:
    from qianwan_gis.maps import curve

    return curve.curve_png(made, results.lang, people=results.disclosure.people)


def _columns(table: content.Table, names: tuple[str, ...]) -> content.Table:
    kept = sorted((c for c in table.columns if c.name in names), key=lambda c: names.index(c.name))
    gains = "p_before" in names  # whose people are the village's own, not what a site adds
    people = {} if gains else {"people": Text("新增人口", "People")}
    short = [replace(c, title=(_SHORT | people).get(c.name, c.title), unit="") for c in kept]
    return replace(table, frame=table.frame[[c.name for c in kept]], columns=tuple(short))
