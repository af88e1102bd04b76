"""What a proposal looks like outside: layers, workbook, report, curve, folder, county file."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from results_fixture import rich
from test_proposals import case, places

import qianwan_gis as qg
from qianwan_gis import layers, proposals, report
from qianwan_gis._errors import DataError
from qianwan_gis.export import content
from qianwan_gis.export.document import markdown
from qianwan_gis.layers import Style
from qianwan_gis.maps.curve import curve_png
from qianwan_gis.maps.paper.letters import find_font
from qianwan_gis.report.siting import summary, write_proposal


@pytest.fixture(scope="module")
def made():
    x, people = places(9, 12)
    plan = case(x, people=people, clinics=[2], uncertainty=300.0)
    return proposals.propose(plan, "clinic", "village", add=3)


def shown(made, **changes):
    return dataclasses.replace(rich(), proposals=(made,), **changes)


def test_layers_hold_sites_gains_and_links(made):
    found = {entry.key: (entry, frame) for entry, frame in layers.built(shown(made))}
    entry, sites = found["proposed_sites"]
    assert sites["site_id"].tolist() == made.sites["site_id"].tolist()
    assert sites["label"].iloc[0].startswith("1 ")
    for key in ("proposed_sites", "proposed_gains", "proposed_links"):
        entry, frame = found[key]
        assert {c.name for c in entry.columns} >= set(frame.columns) - {"geometry"}
        assert all(isinstance(style, Style) for style in entry.styles)
        assert not frame.geometry.is_empty.any()
    words = set(found["proposed_gains"][1]["verdict_text"])
    assert words <= {t.zh for t in proposals.VERDICT_TEXT.values()}
    barred = dataclasses.replace(rich().disclosure, siting=False)
    keys = {entry.key for entry, _ in layers.built(shown(made, disclosure=barred))}
    assert not any(key.startswith("proposed") for key in keys)
    assert not any(entry.key.startswith("proposed") for entry, _ in layers.built(rich()))


def test_tables_follow_the_disclosure(made):
    def keys(results):
        return {t.key: t for t in content.tables(results) if t.key.startswith("proposed")}

    tables = keys(shown(made))
    assert set(tables) == {f"proposed_{n}_clinic_village" for n in ("sites", "gains", "curve")}
    assert all("·" in t.title.zh and t.title.en for t in tables.values())
    silent = dataclasses.replace(rich().disclosure, people=False)
    for table in keys(shown(made, disclosure=silent)).values():
        assert not [c for c in table.frame.columns if c.startswith("people")]
    barred = dataclasses.replace(rich().disclosure, siting=False)
    assert not keys(shown(made, disclosure=barred))


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_report_has_a_chapter_with_shares_proof_and_tables(made, lang):
    results = dataclasses.replace(shown(made), lang=lang)
    text = markdown(report.build(results, figures=False))
    assert {"zh": "选址建议", "en": "Proposed sites"}[lang] in text
    share = made.shares().set_index("unit").loc["villages", "share_after"]
    assert f"{share:.1%}" in text
    for name in made.sites["name"]:
        assert name in text
    assert "选址建议" not in markdown(report.build(rich(), figures=False))
    barred = dataclasses.replace(rich().disclosure, siting=False)
    refused = markdown(report.build(dataclasses.replace(results, disclosure=barred), figures=False))
    assert made.sites["site_id"].iloc[0] not in refused


def test_sentences_add_up(made):
    table = made.shares()
    assert (table["share_before"] <= table["share_after"]).all()
    assert table["total"].tolist()[0] == 12
    gained = made.curve["villages"].iloc[-1]
    row = table.set_index("unit").loc["villages"]
    assert row["after"] - row["before"] == pytest.approx(gained)
    texts = summary(made, shown(made))
    assert all(t.zh and t.en for t in texts)
    x, people = places(1)
    thin = case(x, people=people, inventory="partial")
    refused = summary(proposals.propose(thin, "clinic", "village"), shown(made))
    assert len(refused) == 1
    assert "不提选址建议" in refused[0].zh


@pytest.mark.skipif(find_font() is None, reason="no Chinese font")
def test_curve_is_a_picture_and_always_the_same(made):
    one, two = curve_png(made), curve_png(made)
    assert one is not None
    assert one[:8] == b"\x89PNG\r\n\x1a\n"
    assert one == two
    assert curve_png(made, "en") != one
    assert curve_png(made, people=False) != one
    x = np.array([0.0, 300.0, 600.0])
    none = proposals.propose(case(x, clinics=[0]), "clinic")
    assert curve_png(none) is None


def test_a_proposal_has_a_folder_of_its_own(made, tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    files = write_proposal(shown(made), made, folder)
    assert {"proposal.docx", "proposal.md", "sites.csv", "proposed_sites.geojson"} <= {
        f.name for f in files
    }
    assert all(f.exists() for f in files)
    assert (folder / "notes.txt").exists()
    before = {f: f.read_bytes() for f in files}
    write_proposal(shown(made), made, folder)
    assert {f: f.read_bytes() for f in files} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["site"]


def test_a_county_file_can_ask_for_sites(tmp_path):
    folder = qg.synthetic.county(villages=24, seed=3).write(tmp_path / "syn")
    file = folder / "county.toml"
    text = file.read_text(encoding="utf-8")
    asked = text.replace("synthetic = true", 'synthetic = true\nsiting = ["a.toml"]', 1)
    file.write_text(asked, encoding="utf-8")
    (folder / "a.toml").write_text(
        'service = "clinic"\ntier = "village"\nadd = 2\n', encoding="utf-8"
    )
    plan = qg.Plan.open(folder).check()
    assert [p.key for p in plan.proposals] == ["clinic_village"]
    assert len(plan.proposals[0].sites) == 2
    again = plan.propose("clinic", "village", add=1)
    assert [len(p.sites) for p in plan.proposals] == [1]
    assert plan.proposals == [again]
    plan.propose("clinic", "township", add=1)
    assert [p.key for p in plan.proposals] == ["clinic_village", "clinic_township"]
    (folder / "a.toml").write_text("add = 2\n", encoding="utf-8")
    with pytest.raises(DataError, match="service"):
        qg.Plan.open(folder).check()
