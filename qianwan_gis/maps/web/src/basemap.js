/* Basemaps the reader may switch on, and the shift of tiles that are in GCJ-02. */
(function (QW) {
  "use strict";
  const { h } = QW;

  /** WGS84 to GCJ-02, the public forward formula. */
  QW.gcj02 = function (lon, lat) {
    const { sin, cos, sqrt, PI, abs } = Math, x = lon - 105, y = lat - 35;
    const common = (20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2 / 3;
    let dLat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + common;
    dLat += (20 * sin(y * PI) + 40 * sin(y / 3 * PI)) * 2 / 3 + (160 * sin(y / 12 * PI) + 320 * sin(y * PI / 30)) * 2 / 3;
    let dLon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + common;
    dLon += (20 * sin(x * PI) + 40 * sin(x / 3 * PI)) * 2 / 3 + (150 * sin(x / 12 * PI) + 300 * sin(x / 30 * PI)) * 2 / 3;
    const rad = lat / 180 * PI, a = 6378245, ee = 0.00669342162296594323;
    const magic = 1 - ee * sin(rad) ** 2;
    dLat = (dLat * 180) / ((a * (1 - ee)) / (magic * sqrt(magic)) * PI);
    dLon = (dLon * 180) / (a / sqrt(magic) * cos(rad) * PI);
    return [lon + dLon, lat + dLat];
  };

  /** Where a GCJ-02 place lies in WGS84, to a millimetre of the formula: for placing pictures only. */
  function fromGcj02(lon, lat) {
    let x = lon, y = lat;
    for (let i = 0; i < 4; i++) {
      const [a, b] = QW.gcj02(x, y);
      x += lon - a;
      y += lat - b;
    }
    return L.latLng(y, x);
  }

  /** Tiles in GCJ-02 moved under data in WGS84, each by the shift where it lies: the data never move. */
  QW.ShiftedTiles = L.TileLayer.extend({
    _getTiledPixelBounds: function (center) {
      const [lon, lat] = QW.gcj02(center.lng, center.lat);
      return L.TileLayer.prototype._getTiledPixelBounds.call(this, L.latLng(lat, lon));
    },
    _getTilePos: function (coords) {
      const size = this.getTileSize(), half = size.divideBy(2), zoom = coords.z + (this.options.zoomOffset || 0);
      const centre = this._map.unproject(coords.scaleBy(size).add(half), zoom);
      const place = this._map.project(fromGcj02(centre.lng, centre.lat), zoom);
      return place.subtract(half).subtract(this._level.origin).round();
    },
  });

  /**
   * Tiles of a WMTS whose levels are its own: matrices [id, pixel, left, top, width, height,
   * columns, rows] in metres of Web Mercator or in degrees. Each tile is placed by its corners, so
   * levels need not be those of the map; in degrees it is stretched to the map's projection.
   */
  QW.MatrixTiles = L.Layer.extend({
    initialize: function (url, options) { this._url = url; L.setOptions(this, options); this._tiles = new Map(); },
    getAttribution: function () { return this.options.attribution; },
    getEvents: function () { return { moveend: this._update, zoomend: this._reset, viewreset: this._reset }; },
    onAdd: function () {
      this._box = L.DomUtil.create("div", "leaflet-layer leaflet-zoom-hide", this.getPane());
      this._update();
    },
    onRemove: function () { this._box.remove(); this._tiles.clear(); },
    _reset: function () {
      for (const img of this._tiles.values()) img.remove();
      this._tiles.clear();
      this._update();
    },
    /** Layer pixels of a place given in the matrix's own unit. */
    _place: function (x, y) {
      const at = this.options.degrees ? L.latLng(Math.max(-85, Math.min(85, y)), x) : L.Projection.SphericalMercator.unproject(L.point(x, y));
      return this._map.latLngToLayerPoint(at).round();
    },
    _update: function () {
      const map = this._map;
      if (!map) return;
      const b = map.getBounds(), span = 256 * 2 ** map.getZoom();
      const pixel = this.options.degrees ? 360 / span : 40075016.685578488 / span;
      const [west, south, east, north] = this.options.degrees
        ? [b.getWest(), b.getSouth(), b.getEast(), b.getNorth()]
        : [...Object.values(L.Projection.SphericalMercator.project(b.getSouthWest())), ...Object.values(L.Projection.SphericalMercator.project(b.getNorthEast()))];
      // The level whose pixels come nearest to the map's.
      const [id, size, left, top, w, h, columns, rows] = this.options.matrices.reduce((a, m) => (Math.abs(Math.log(m[1] / pixel)) < Math.abs(Math.log(a[1] / pixel)) ? m : a));
      const wide = size * w, high = size * h, clamp = (n, most) => Math.max(0, Math.min(most - 1, n));
      const c0 = clamp(Math.floor((west - left) / wide), columns), c1 = clamp(Math.floor((east - left) / wide), columns);
      const r0 = clamp(Math.floor((top - north) / high), rows), r1 = clamp(Math.floor((top - south) / high), rows);
      const wanted = new Set();
      if ((c1 - c0 + 1) * (r1 - r0 + 1) > 600 || west > left + wide * columns || east < left || south > top || north < top - high * rows) {
        // far from any level, or outside: nothing to ask for
      } else {
        for (let c = c0; c <= c1; c++) {
          for (let r = r0; r <= r1; r++) {
            const key = id + "/" + r + "/" + c;
            wanted.add(key);
            if (this._tiles.has(key)) continue;
            const from = this._place(left + c * wide, top - r * high), to = this._place(left + (c + 1) * wide, top - (r + 1) * high);
            const img = L.DomUtil.create("img", "leaflet-tile leaflet-tile-loaded", this._box);
            img.alt = "";
            img.style.width = to.x - from.x + "px";
            img.style.height = to.y - from.y + "px";
            L.DomUtil.setPosition(img, from);
            img.addEventListener("error", () => { img.style.visibility = "hidden"; });
            const s = this.options.subdomains;
            img.src = L.Util.template(this._url, { x: c, y: r, z: encodeURIComponent(id), s: s[(c + r) % s.length], tk: this.options.tk });
            this._tiles.set(key, img);
          }
        }
      }
      for (const [key, img] of this._tiles) if (!wanted.has(key)) { img.remove(); this._tiles.delete(key); }
    },
  });

  /** Pictures from a PMTiles file in the page. */
  QW.PageTiles = L.GridLayer.extend({
    createTile: function (coords, done) {
      const img = document.createElement("img");
      img.alt = "";
      this.options.archive.getZxy(coords.z, coords.x, coords.y).then((tile) => {
        if (!tile) return done(null, img);
        const url = URL.createObjectURL(new Blob([tile.data], { type: "image/" + this.options.kind }));
        img.onload = () => { URL.revokeObjectURL(url); done(null, img); };
        img.onerror = () => { URL.revokeObjectURL(url); done(new Error(), img); };
        img.src = url;
        return undefined;
      }, (fault) => done(fault, img));
      return img;
    },
  });

  /** Quiet colours for vector basemaps of any schema, by what layers are commonly called. */
  function paint(layers) {
    const { LineSymbolizer, PolygonSymbolizer } = protomapsL, kinds = [
      [/water|ocean|lake/i, "#cfe0ea", "#b5cfdd"], [/wood|forest|park|green|landcover|landuse|natural/i, "#e6eddf", "#d5dfcb"],
      [/build/i, "#dcd8d0", "#cbc6bc"], [/road|street|transport|highway/i, "#ececec", "#c9c3b8"], [/rail/i, "#ececec", "#a9a9a9"], [/bound|admin/i, null, "#b9a9b9"],
    ];
    const look = (name) => kinds.find(([test]) => test.test(name)) || [null, "#eeece6", "#c8ccc9"];
    const order = (name) => { const at = kinds.findIndex(([test]) => test.test(name)); return at < 0 ? -1 : at; };
    return [...layers].sort((a, b) => order(a) - order(b)).flatMap((name) => {
      const [, fill, stroke] = look(name);
      const rules = [{ dataLayer: name, symbolizer: new LineSymbolizer({ color: stroke, width: (zoom) => (zoom < 12 ? 0.8 : 1.6) }), filter: (_, f) => f.geomType === 2 }];
      if (fill) rules.unshift({ dataLayer: name, symbolizer: new PolygonSymbolizer({ fill }), filter: (_, f) => f.geomType === 3 });
      return rules;
    });
  }

  QW.buildBasemaps = function (map, data) {
    let layers = [], wanted = ""; // wanted: chosen, and waiting for its key
    const keys = {};
    map.createPane("qwtiles").style.zIndex = 255;
    function clear() {
      layers.forEach((l) => l.remove());
      layers = [];
    }
    function inPage(basemap, options) {
      const archive = QW.archive(basemap.blob);
      return basemap.kind === "mvt"
        ? protomapsL.leafletLayer({ url: archive, pane: "qwtiles", paintRules: paint(basemap.layers), labelRules: [], maxDataZoom: basemap.max, attribution: options.attribution, noWrap: true })
        : new QW.PageTiles(Object.assign({ archive, kind: basemap.kind, minNativeZoom: basemap.min, noWrap: true }, options));
    }
    function draw(basemap, tk) {
      const options = { pane: "qwtiles", maxNativeZoom: basemap.max, maxZoom: 18, attribution: QW.escape(basemap.attribution), subdomains: basemap.subdomains || "a", tk: encodeURIComponent(tk || ""), matrices: basemap.matrices, degrees: basemap.degrees };
      if (basemap.blob) {
        QW.parsed.then(() => { if (QW.state.basemap === basemap.key && !layers.length) layers.push(inPage(basemap, options).addTo(map)); });
      } else {
        const Kind = basemap.matrices.length ? QW.MatrixTiles : basemap.gcj02 ? QW.ShiftedTiles : L.TileLayer;
        for (const url of basemap.urls) layers.push(new Kind(url, options).addTo(map));
      }
      map.getContainer().classList.add("leaflet-has-tiles");
    }
    /** Switch to a basemap by its key, or to none; false where a key is needed first. */
    QW.setBasemap = function (key, tk) {
      const basemap = data.basemaps.find((b) => b.key === key);
      wanted = basemap && basemap.asks && !tk && !keys[key] ? key : "";
      if (wanted) return false;
      clear();
      map.getContainer().classList.remove("leaflet-has-tiles");
      QW.state.basemap = basemap ? key : "";
      if (basemap) {
        if (tk) for (const b of data.basemaps) if (b.asks) keys[b.key] = tk; // for this visit, in memory only
        draw(basemap, keys[key]);
      }
      return true;
    };
    /** The rows of the layer tree. */
    QW.basemapRows = function () {
      if (!data.basemaps.length) return null;
      const ask = h("form", { class: "qw-ask", hidden: !wanted },
        h("input", { type: "text", placeholder: QW.t("basemap_key"), "aria-label": QW.t("basemap_key"), autocomplete: "off" }),
        h("button", { type: "submit" }, QW.t("basemap_use")), h("small", {}, QW.t("basemap_key_note")));
      let pending = wanted;
      ask.addEventListener("submit", (event) => {
        event.preventDefault();
        const value = ask.querySelector("input").value.trim();
        if (value && QW.setBasemap(pending, value)) { ask.hidden = true; QW.remember(); }
      });
      const row = (key, title, note) => h("label", { class: "qw-row" },
        h("input", { type: "radio", name: "qw-basemap", value: key || "none", checked: (wanted || QW.state.basemap) === key, on: { change: () => {
          pending = key;
          ask.hidden = QW.setBasemap(key);
          if (!ask.hidden) ask.querySelector("input").focus();
          QW.remember();
        } } }), h("span", { class: "qw-row-text" }, title, note ? h("small", {}, note) : null));
      const online = data.basemaps.some((b) => !b.blob);
      return h("section", { class: "qw-group" }, h("h2", {}, QW.t("basemap")), row("", QW.t("basemap_none")),
        data.basemaps.map((b) => row(b.key, b.title, b.blob ? QW.t("basemap_inside") : "")), ask,
        online ? h("p", { class: "qw-dim" }, QW.t("basemap_note")) : null);
    };
  };
})(window.QW);
