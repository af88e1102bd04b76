"""A WMTS of the intranet: levels of its own, in metres or degrees, read from its capabilities."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from maps_fixture import browser, fake_results, opened
from tiles_fixture import LAT, LON, look_at, mercator, offset, picture, save, served

from qianwan_gis.maps.web import web_map

CAPABILITIES = """<?xml version="1.0" encoding="UTF-8"?>
<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"
  xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0.0">
<ows:ServiceProvider><ows:ProviderName>县测绘中心 &lt;img src=x onerror="window.hacked=1"&gt;</ows:ProviderName></ows:ServiceProvider>
<ows:OperationsMetadata><ows:Operation name="GetTile"><ows:DCP><ows:HTTP>
<ows:Get xlink:href="{address}/wmts?"/></ows:HTTP></ows:DCP></ows:Operation></ows:OperationsMetadata>
<Contents>
<Layer><ows:Title>影像</ows:Title><ows:Identifier>img</ows:Identifier>
<Style isDefault="true"><ows:Identifier>default</ows:Identifier></Style><Format>image/png</Format>
<TileMatrixSetLink><TileMatrixSet>local</TileMatrixSet></TileMatrixSetLink>
<TileMatrixSetLink><TileMatrixSet>{set}</TileMatrixSet></TileMatrixSetLink>{resource}</Layer>
<TileMatrixSet><ows:Identifier>local</ows:Identifier>
<ows:SupportedCRS>urn:ogc:def:crs:EPSG::4547</ows:SupportedCRS></TileMatrixSet>
<TileMatrixSet><ows:Identifier>{set}</ows:Identifier><ows:SupportedCRS>{crs}</ows:SupportedCRS>
{matrices}</TileMatrixSet></Contents></Capabilities>"""

SETS = {
    # name: (system, upper left corner as written, left, top, coarsest pixel, tile size, metres a unit)
    "c": ("urn:ogc:def:crs:EPSG::4490", "90.0 -180.0", -180.0, 90.0, 180 / 256, 256, 111319.4908),
    "own": ("urn:ogc:def:crs:EPSG::4490", "36.4 112.1", 112.1, 36.4, 0.003, 512, 111319.4908),
    "m": ("urn:ogc:def:crs:EPSG::3857", "12400000 4400000", 12.4e6, 4.4e6, 1100.0, 256, 1.0),
}


def capabilities(name: str, address: str, *, rest: bool) -> str:
    system, corner, _, _, pixel, size, unit = SETS[name]
    matrices = "".join(
        f"<TileMatrix><ows:Identifier>L{n:02d}</ows:Identifier>"
        f"<ScaleDenominator>{pixel / 2**n * unit / 0.00028:.9f}</ScaleDenominator>"
        f"<TopLeftCorner>{corner}</TopLeftCorner><TileWidth>{size}</TileWidth>"
        f"<TileHeight>{size}</TileHeight><MatrixWidth>{4 * 2**n}</MatrixWidth>"
        f"<MatrixHeight>{2 * 2**n}</MatrixHeight></TileMatrix>"
        for n in range(17)
    )
    template = (
        f"{address}/rest/img/{{Style}}/{{TileMatrixSet}}/{{TileMatrix}}/{{TileRow}}/{{TileCol}}.png"
    )
    resource = f'<ResourceURL format="image/png" resourceType="tile" template="{template}"/>'
    return CAPABILITIES.format(
        address=address, set=name, crs=system, matrices=matrices, resource=resource if rest else ""
    )


@pytest.mark.browser
@pytest.mark.parametrize(("name", "rest"), [("c", False), ("own", True), ("m", False)])
def test_wmts_levels_of_its_own_are_placed_by_their_corners(tmp_path: Path, name: str, rest: bool):
    from qianwan_gis.maps import wmts

    _, _, left, top, pixel, size, unit = SETS[name]
    x, y = (LON, LAT) if unit > 1 else mercator(LON, LAT)

    def answer(path: str) -> bytes:
        if rest:
            assert path.startswith("/rest/img/default/own/")
            matrix, row, column = path.split("/")[-3:]
        else:
            query = {k: v[0] for k, v in parse_qs(urlsplit(path).query).items()}
            assert query["TILEMATRIXSET"] == name
            assert query["REQUEST"] == "GetTile"
            assert query["LAYER"] == "img"
            assert query["FORMAT"] == "image/png"
            matrix, row, column = query["TILEMATRIX"], query["TILEROW"], query["TILECOL"]
        fine = pixel / 2 ** int(matrix[1:])
        row, column = int(row.split(".")[0]), int(column.split(".")[0])
        return picture(x, y, left + column * size * fine, top - row * size * fine, fine, size)

    with served(answer) as (address, asked):
        (tmp_path / "caps.xml").write_text(capabilities(name, address, rest=rest), "utf-8")
        basemap = wmts.read(tmp_path / "caps.xml")
        assert basemap.title.zh == "影像"
        assert basemap.degrees is (unit > 1)
        file = save(web_map(fake_results(thin=True), basemaps=[basemap]), tmp_path / "m.html")
        with browser() as started, opened(started, file, offline=False) as seen:
            page = seen.page
            page.get_by_label("影像").check()
            for zoom in (11, 12.5, 14, 16):
                look_at(page, zoom)
                assert offset(page) == pytest.approx((0, 0), abs=1)
            page.evaluate("void QW.map.panBy([200, -120], {animate: false})")
            assert offset(page) == pytest.approx((0, 0), abs=1)
            assert asked
            assert (
                page.locator(".leaflet-control-attribution")
                .inner_text()
                .startswith("县测绘中心 <img")
            )
            assert page.evaluate("window.hacked") is None
            assert seen.faults == []


def test_capabilities_that_cannot_be_used_are_told(tmp_path: Path):
    from qianwan_gis._errors import UsageError
    from qianwan_gis.maps import wmts

    file = tmp_path / "caps.xml"
    good = capabilities("c", "http://h", rest=True)
    cases = {
        "": "caps.xml",
        "<html/>": "无",
        '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>': "DOCTYPE",
        good.replace("EPSG::4490", "EPSG::4547"): "4547",
        good.replace("<ResourceURL", "<Other").replace('name="GetTile"', 'name="Other"'): "GetTile",
    }
    for text, said in cases.items():
        file.write_text(text, "utf-8")
        with pytest.raises(UsageError, match=said):
            wmts.read(file)
    file.write_text(good, "utf-8")
    with pytest.raises(UsageError, match="img"):
        wmts.read(file, layer="vec")
    with pytest.raises(UsageError, match="caps2"):
        wmts.read(tmp_path / "caps2.xml")
    # a key in the address is asked for in the page
    assert wmts.read(file, query="token={tk}").needs_key
