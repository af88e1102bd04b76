"""What does not agree: totals, spellings, categories, lists and the code table."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from qianwan_gis._errors import ProblemLog
from qianwan_gis._text import Text
from qianwan_gis.gazetteer import Gazetteer, recognise_county
from qianwan_gis.names import CERTAIN, NameMatch, best_match, core, normalise, township_core
from qianwan_gis.villages._files import CATEGORIES
from qianwan_gis.villages._rows import ListRow

ACCEPTED = 0.5
"""Below this certainty a match is only named as a possibility and no code is given."""
ACROSS_LISTS = frozenset({"two_spellings", "two_categories", "twice_in_list", "only_in_one_list"})
"""Problems that only show when lists are laid side by side."""


def carried_for(text: str, rows: list[ListRow]) -> Gazetteer | None:
    """Return the carried code table of the county named in the text, else by codes or townships."""
    adcode = recognise_county(text)
    carried = Gazetteer.carried_adcodes()
    if not adcode:
        heads = {r.code[:6] for r in rows if r.code}
        adcode = next(iter(heads)) if len(heads) == 1 else ""
    if adcode in carried:
        return Gazetteer.carried(adcode)
    townships = {township_core(r.township) for r in rows}
    for adcode in carried:
        gazetteer = Gazetteer.carried(adcode)
        known = {township_core(t) for t in gazetteer.townships["name"]}
        if len(townships) >= 2 and len(townships & known) >= 0.8 * len(townships):
            return gazetteer
    return None


def check_townships(
    rows: list[ListRow], gazetteer: Gazetteer | None, file: str, log: ProblemLog
) -> None:
    """Report townships under a former or misprinted name, and unknown ones."""
    if gazetteer is None:
        return
    seen: dict[str, list[ListRow]] = defaultdict(list)
    for row in rows:
        seen[row.township].append(row)
    for township, group in seen.items():
        found = gazetteer.township(township)
        if not found.change:
            continue
        note = found.note
        if note is None:
            continue
        places = _places(group)
        log.add(
            "warning",
            f"township_{found.change}",
            f"{note.zh}（{places.zh}）",
            f"{note.en} ({places.en})",
            file=file,
            row=group[0].place,
            field="乡镇",
            fix=("核对乡镇名", "check the township's name") if found.change != "former" else None,
        )
        if found.name:
            for row in group:
                row.reasons.append(note.zh)


def propose_split(
    rows: list[ListRow], stated: dict[tuple[str, str], int], file: str, log: ProblemLog
) -> None:
    """Compare counts with the stated totals; where a lost column break explains them, propose it."""
    for name in dict.fromkeys(r.list_name for r in rows):
        mine = [r for r in rows if r.list_name == name]
        present = [
            c
            for c in CATEGORIES
            if (name, c) in stated or any(c in (r.category_printed, r.category) for r in mine)
        ]
        printed = {c: sum(r.category_printed == c for r in mine) for c in present}
        wanted = {c: stated[name, c] for c in present if (name, c) in stated}
        if not wanted:
            _report_given_split(name, mine, present, file, log)
            continue
        wrong = {c: n for c, n in wanted.items() if printed[c] != n}
        if not wrong:
            continue
        counts = "、".join(f"{c}实列{printed[c]}个、合计写{wanted[c]}个" for c in wrong)
        counts_en = ", ".join(f"{c}: {printed[c]} listed, {wanted[c]} stated" for c in wrong)
        splits = _possible_splits(mine, present, printed, wanted, rows)
        if len(splits) != 1:
            hint = "、".join(dict.fromkeys(s.township for s in splits)) or "无"
            log.add(
                "warning",
                "totals",
                f"{name}名单各列数目与合计不符：{counts}；能使合计相符的单行改法：{hint}，未作改动",
                f"{name}: columns do not agree with the totals: {counts_en}; rows where one shift would "
                f"balance them: {hint}; nothing changed",
                file=file,
                row=f"{name}合计",
                fix=("核对原件", "check the original"),
            )
            continue
        split = splits[0]
        moved = "、".join(r.shown for r in split.moved)
        kept = "、".join(r.shown for r in split.kept)
        support = (
            f"；旁证：其他名单将{'、'.join(split.support)}列为{split.target}"
            if split.support
            else ""
        )
        support_en = (
            f"; other lists have {', '.join(split.support)} under {split.target}"
            if split.support
            else ""
        )
        where = split.moved[0].place
        log.add(
            "warning",
            "totals_split",
            f"{name}名单各列数目与合计不符：{counts}；{split.township}一行疑缺分栏："
            f"“{kept}”仍为{split.origin}，“{moved}”（{len(split.moved)}个）改列{split.target}，"
            f"则各列合计全部相符，且只有这一种改法{support}",
            f"{name}: columns do not agree with the totals: {counts_en}; the row of {split.township} "
            f"lost its column break: {kept} stay {split.origin}, {moved} ({len(split.moved)}) go to "
            f"{split.target}; all totals then agree, and no other single shift does it{support_en}",
            file=file,
            row=where,
            field=f"{split.origin}/{split.target}",
            fix=("核对原件后确认分栏", "confirm the split with the original"),
        )
        for row in split.moved:
            row.category = split.target
            row.reasons.append(f"原列{split.origin}；按合计推定该行缺分栏，拟改列{split.target}")


def _report_given_split(
    name: str, mine: list[ListRow], present: list[str], file: str, log: ProblemLog
) -> None:
    """Say where a file that was settled before proposes another category than was printed."""
    changed = [r for r in mine if r.category != r.category_printed]
    if not changed:
        return
    printed = "/".join(str(sum(r.category_printed == c for r in mine)) for c in present)
    proposed = "/".join(str(sum(r.category == c for r in mine)) for c in present)
    by_row: dict[Text, list[ListRow]] = defaultdict(list)
    for row in changed:
        by_row[row.place].append(row)
    for place, group in by_row.items():
        names = "、".join(r.shown for r in group)
        log.add(
            "warning",
            "totals_split",
            f"{name}名单（{'/'.join(present)}）原印{printed}，拟改为{proposed}："
            f"{group[0].township}一行的“{names}”由{group[0].category_printed}改列{group[0].category}",
            f"{name} ({'/'.join(present)}): {printed} as printed, {proposed} as proposed: {names} of "
            f"{group[0].township} go from {group[0].category_printed} to {group[0].category}",
            file=file,
            row=place,
            fix=("核对原件后确认分栏", "confirm the split with the original"),
        )


@dataclass
class _Split:
    township: str
    origin: str
    target: str
    kept: list[ListRow]
    moved: list[ListRow]
    support: list[str]


def _possible_splits(
    mine: list[ListRow],
    present: list[str],
    printed: dict[str, int],
    wanted: dict[str, int],
    rows: list[ListRow],
) -> list[_Split]:
    """Find each single row whose cell, cut in two, makes all totals agree.

    A lost column break puts the names of the next column behind those of the one before. The tail
    of a cell moves right, or the head of a cell moves left; the other cell of that row is empty.
    Where several rows would do, those backed by another list come before those that are not.
    """
    found: list[_Split] = []
    elsewhere: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        if row.list_name != mine[0].list_name:
            elsewhere[row.township, core(row.printed)].add(row.category_printed)
    by_row: dict[int, list[ListRow]] = defaultdict(list)
    for row in mine:
        by_row[row.row].append(row)
    for origin, target in [
        *itertools.pairwise(present),
        *((b, a) for a, b in itertools.pairwise(present)),
    ]:
        shift = printed[origin] - wanted.get(origin, printed[origin])
        if shift <= 0 or printed[target] + shift != wanted.get(target):
            continue
        if any(
            printed[c] != wanted.get(c, printed[c]) for c in present if c not in (origin, target)
        ):
            continue
        for group in by_row.values():
            cell = [r for r in group if r.category_printed == origin]
            if len(cell) < shift or any(r.category_printed == target for r in group):
                continue
            right = present.index(target) > present.index(origin)
            moved = cell[-shift:] if right else cell[:shift]
            kept = cell[:-shift] if right else cell[shift:]
            support = [
                r.printed
                for r in moved
                if target in elsewhere.get((r.township, core(r.printed)), ())
            ]
            against = [
                r for r in kept if target in elsewhere.get((r.township, core(r.printed)), ())
            ]
            if not against:
                found.append(_Split(cell[0].township, origin, target, kept, moved, support))
    backed = [s for s in found if s.support]
    return backed if len(found) > 1 and backed else found


def match_codes(rows: list[ListRow], gazetteer: Gazetteer) -> None:
    """Match every printed name; within one list a unit that a better row claims is taken."""
    by_list: dict[tuple[str, str], list[ListRow]] = defaultdict(list)
    for row in rows:
        by_list[row.list_name, township_core(row.township)].append(row)
    for group in by_list.values():
        alone = [gazetteer.names.match(row.printed, row.township) for row in group]
        for row, match in zip(group, alone, strict=True):
            row.match = match
        for _ in range(2):  # what a first round settles may free or take a unit in a second
            claims = _claims(group)
            for number, row in enumerate(group):
                taken = {
                    position: certainty
                    for position, (certainty, holder) in claims.items()
                    if holder != number and core(group[holder].printed) != core(row.printed)
                }
                if taken:
                    row.match = gazetteer.names.match(row.printed, row.township, taken=taken)
        _doubt_contradicted(group, alone)


def _claims(group: list[ListRow]) -> dict[int, tuple[float, int]]:
    """Return for each unit the certainty and the number of the row that claims it best."""
    claims: dict[int, tuple[float, int]] = {}
    for number, row in enumerate(group):
        match = row.match
        if match is None or match.best is None or not match.certain:
            continue
        # The raw probability orders those that the calibrated certainty cuts off alike.
        probability = match.listed * match.share
        if probability > claims.get(match.best.position, (0.0, -1))[0]:
            claims[match.best.position] = (probability, number)
    return claims


def _doubt_contradicted(group: list[ListRow], alone: list[NameMatch]) -> None:
    """Lower the certainty of a reading that fails elsewhere in the same cell.

    Where 二个街 is read as 二分街, but 三个街 cannot be 三分街 because that is printed beside it, the
    reading of 个 as 分 is in doubt for both.
    """
    failed: dict[tuple[str, str], str] = {}
    for row, first in zip(group, alone, strict=True):
        now = row.match
        lost = now is None or now.best is None or now.certainty < ACCEPTED
        if first.best is not None and first.certain and lost:
            failed |= dict.fromkeys((e for e in first.best.edits if all(e)), row.shown)
    for row in group:
        best = row.match.best if row.match is not None else None
        other = next((failed[e] for e in best.edits if e in failed), None) if best else None
        if row.match is None or other is None or other == row.shown:
            continue
        doubt = Text(
            f"{row.match.reason.zh}；同名单“{other}”不能这样读，存疑",
            f"{row.match.reason.en}; “{other}” of the same list cannot be read like this: doubtful",
        )
        row.match = replace(row.match, certainty=min(row.match.certainty, ACCEPTED), reason=doubt)


def _accepted(row: ListRow) -> bool:
    return bool(
        row.match and row.match.best and row.match.certainty >= ACCEPTED and not row.match.across
    )


def entities(rows: list[ListRow]) -> list[list[ListRow]]:
    """Group the rows that mean one village: by code, else by township and a name alike.

    Without a code two rows are one village when their names are the same after normalising, or when
    each is the other's only certain counterpart in the same township of another list.
    """
    groups: dict[str, list[ListRow]] = {}
    for row in rows:
        if not row.given and _accepted(row) and row.match:
            row.code = row.match.code
            row.certainty = row.match.certainty
        key = row.code or f"{township_core(row.township)}/{core(row.printed)}"
        groups.setdefault(key, []).append(row)
    loose = [g for g in groups.values() if not g[0].code]
    joined: set[int] = set()
    for a, group in enumerate(loose):
        lists = {r.list_name for r in group}
        others = [
            b
            for b, g in enumerate(loose)
            if b > a
            and b not in joined
            and township_core(g[0].township) == township_core(group[0].township)
            and not lists & {r.list_name for r in g}
        ]
        if a in joined or not others:
            continue
        found = best_match(
            group[0].printed, [loose[b][0].printed for b in others], township=group[0].township
        )
        if found.certain and found.best:
            other = others[found.best.position]
            group.extend(loose[other])
            joined.add(other)
    merged = {id(loose[b]) for b in joined}
    return [g for g in groups.values() if id(g) not in merged]


def settle_names(entities: list[list[ListRow]]) -> None:
    """Give every row its proposed name and say why where that is not the printed one."""
    for row in itertools.chain.from_iterable(entities):
        if row.given:
            row.name = row.name or core(row.printed)
            continue
        best = row.match.best if row.match is not None and _accepted(row) else None
        row.name = best.name if best is not None else core(row.printed)
        if row.match is None:
            continue
        if best is None:
            row.reasons.append(_why_unknown(row)[0])
        elif row.match.kind not in ("exact", "suffix"):
            row.reasons.append(f"码表作“{best.name}”：{row.match.reason.zh}")


def _why_unknown(row: ListRow) -> tuple[str, str]:
    zh, en = "码表本乡镇无此村", "the code table has no such village in this township"
    if row.given and row.reasons:
        return "；".join(row.reasons), en
    match = row.match
    seen = (
        [c for c in (match.best, *match.runners_up) if c is not None and c.certainty >= 0.02][:3]
        if match is not None
        else []
    )
    if not seen:
        return zh, en
    options = "、".join(f"{c.township}{c.name}（{c.certainty:.0%}）" for c in seen)
    options_en = ", ".join(f"{c.name} of {c.township} ({c.certainty:.0%})" for c in seen)
    return f"{zh}；相近者：{options}，未采用", f"{en}; close: {options_en}; not used"


def _places(group: Iterable[ListRow]) -> Text:
    places = list(dict.fromkeys(r.place for r in group))
    return Text("、".join(p.zh for p in places), "; ".join(p.en for p in places))


def _said(group: Iterable[ListRow], zh: str, en: str) -> Text:
    """Join one phrase per printed name; the phrases take ``place``, ``shown``, ``category``."""
    rows = list(group)
    return Text(
        "、".join(zh.format(place=r.place.zh, shown=r.shown, category=r.category) for r in rows),
        "; ".join(en.format(place=r.place.en, shown=r.shown, category=r.category) for r in rows),
    )


def report_codes(
    entities: list[list[ListRow]], gazetteer: Gazetteer | None, file: str, log: ProblemLog
) -> None:
    """Report villages that the code table lacks, or has under another name."""
    if gazetteer is None:
        return
    known = dict(zip(gazetteer.units["code"], gazetteer.units["name"], strict=True))
    for group in entities:
        first = group[0]
        spellings = "、".join(dict.fromkeys(r.shown for r in group))
        if not first.code:
            zh, en = _why_unknown(first)
            log.add(
                "warning",
                "unknown_to_code_table",
                f"{first.township}“{spellings}”没有代码：{zh}",
                f"{spellings} ({first.township}) has no code: {en}",
                file=file,
                row=_places(group),
                field="村名",
                fix=("核对村名，或在审核页指定", "check the name or settle it in the review"),
            )
        elif first.code not in known:
            log.add(
                "warning",
                "code_not_in_table",
                f"{first.township}“{spellings}”的代码{first.code}不在码表中",
                f"code {first.code} of {spellings} ({first.township}) is not in the code table",
                file=file,
                row=_places(group),
                field="代码",
            )
        else:
            _report_difference(group, known[first.code], file, log)
        for row in group:
            other = row.match.best if row.match and row.match.certain else None
            if row.given and row.code and other is not None and other.code != row.code:
                log.add(
                    "warning",
                    "given_code_differs",
                    f"{row.township}“{row.shown}”所附代码为{row.code}，按名称应为{other.code}（{other.name}）",
                    f"{row.shown} ({row.township}) is given with code {row.code}, its name is that of "
                    f"{other.code} ({other.name})",
                    file=file,
                    row=row.place,
                    field="代码",
                    fix=("核对代码", "check the code"),
                )


def _report_difference(group: list[ListRow], official: str, file: str, log: ProblemLog) -> None:
    different = [
        r
        for r in group
        if core(r.printed) != core(official) and normalise(r.printed) != normalise(official)
    ]
    if not different:
        return
    row = min(different, key=lambda r: r.certainty)
    spellings = "、".join(dict.fromkeys(r.shown for r in different))
    trivial = all(r.match is not None and r.match.kind in ("prefix", "variant") for r in different)
    how = row.match.reason if row.match and row.match.code == row.code else None
    because = f"（{how.zh}）" if how else f"（{'；'.join(row.reasons)}）" if row.reasons else ""
    because_en = f" ({how.en})" if how else ""
    doubt = "" if row.certainty >= CERTAIN else f"，把握{row.certainty:.0%}，须核"
    doubt_en = "" if row.certainty >= CERTAIN else f", certainty {row.certainty:.0%}, to be checked"
    log.add(
        "note" if trivial and not doubt else "warning",
        "name_differs",
        f"{row.township}“{spellings}”在码表中作“{official}”{because}{doubt}",
        f"{spellings} ({row.township}) is “{official}” in the code table{because_en}{doubt_en}",
        file=file,
        row=_places(different),
        field="村名",
    )


def report_across(
    rows: Sequence[ListRow], entities: list[list[ListRow]], file: str | None, log: ProblemLog
) -> None:
    """Report what only shows when lists are laid side by side."""
    _report_spellings(entities, file, log)
    _report_lists(rows, entities, file, log)


def _report_spellings(entities: list[list[ListRow]], file: str | None, log: ProblemLog) -> None:
    for group in entities:
        spellings = list(dict.fromkeys(core(r.printed) for r in group))
        if len(spellings) < 2:
            continue
        said = _said(group, "{place}“{shown}”", "{place} “{shown}”")
        official = group[0].name
        also = f"，码表作“{official}”" if official not in spellings and group[0].code else ""
        log.add(
            "warning",
            "two_spellings",
            f"同一村有{len(spellings)}种写法（{'/'.join(spellings)}）：{said.zh}{also}",
            f"one village under {len(spellings)} spellings ({'/'.join(spellings)}): {said.en}"
            + (f"; “{official}” in the code table" if also else ""),
            file=file,
            row=_places(group),
            field="村名",
        )


def _report_lists(
    rows: Sequence[ListRow], entities: list[list[ListRow]], file: str | None, log: ProblemLog
) -> None:
    lists = list(dict.fromkeys(r.list_name for r in rows))
    only: dict[tuple[str, int, str], list[str]] = defaultdict(list)
    for group in entities:
        inside: dict[str, list[ListRow]] = defaultdict(list)
        for row in group:
            inside[row.list_name].append(row)
        for name, twice in inside.items():
            if len(twice) > 1:
                said = _said(twice, "{place}{category}“{shown}”", "{place} {category} “{shown}”")
                log.add(
                    "warning",
                    "twice_in_list",
                    f"{name}名单中同一村出现{len(twice)}次：{said.zh}",
                    f"one village appears {len(twice)} times in the list {name}: {said.en}",
                    file=file,
                    row=_places(twice),
                    field="村名",
                )
        categories = list(dict.fromkeys(r.category for r in group if r.category))
        if len(categories) > 1:
            said = _said(group, "{place}“{shown}”为{category}", "{place} “{shown}” as {category}")
            log.add(
                "warning",
                "two_categories",
                f"同一村列入不同类别（{'/'.join(categories)}）：{said.zh}",
                f"one village in different categories ({'/'.join(categories)}): {said.en}",
                file=file,
                row=_places(group),
                field="类别",
            )
        if len(lists) > 1 and len(inside) == 1:
            row = group[0]
            only[row.list_name, row.row, row.township].append(row.shown)
    for (name, number, township), names in only.items():
        others = "、".join(x for x in lists if x != name)
        log.add(
            "warning",
            "only_in_one_list",
            f"只在{name}名单、不在{others}名单：{'、'.join(names)}（{len(names)}个）",
            f"only in the list {name}, not in {others}: {', '.join(names)} ({len(names)})",
            file=file,
            row=f"{name}第{number}行（{township}）",
            field="村名",
        )
