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

  /** Tiles in GCJ-02 moved under data in WGS84: the tiles move, the data never do. */
  QW.ShiftedTiles = L.TileLayer.extend({
    _shifted: (center) => { const [lon, lat] = QW.gcj02(center.lng, center.lat); return L.latLng(lat, lon); },
    _getTiledPixelBounds: function (center) {
      return L.TileLayer.prototype._getTiledPixelBounds.call(this, this._shifted(center));
    },
    _setZoomTransform: function (level, center, zoom) {
      return L.TileLayer.prototype._setZoomTransform.call(this, level, this._shifted(center), zoom);
    },
    // The shift changes slowly over the ground: place the tiles anew after each move.
    getEvents: function () {
      const events = L.TileLayer.prototype.getEvents.call(this);
      const moved = events.moveend;
      events.moveend = function (event) { moved.call(this, event); this._resetView(); };
      return events;
    },
  });

  QW.buildBasemaps = function (map, data) {
    let layers = [];
    const keys = {};
    map.createPane("qwtiles").style.zIndex = 255;
    function clear() {
      layers.forEach((l) => l.remove());
      layers = [];
    }
    function draw(basemap, tk) {
      for (const url of basemap.urls) {
        const options = { pane: "qwtiles", maxNativeZoom: basemap.max, maxZoom: 18, attribution: basemap.attribution, subdomains: basemap.subdomains || "a", tk: tk || "" };
        layers.push(new (basemap.gcj02 ? QW.ShiftedTiles : L.TileLayer)(url, options).addTo(map));
      }
      map.getContainer().classList.add("leaflet-has-tiles");
    }
    /** Switch to a basemap by its key, or to none. */
    QW.setBasemap = function (key, tk) {
      const basemap = data.basemaps.find((b) => b.key === key);
      if (basemap && basemap.asks && !tk && !keys[key]) return false;
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
      const ask = h("form", { class: "qw-ask", hidden: true },
        h("input", { type: "text", placeholder: QW.t("basemap_key"), "aria-label": QW.t("basemap_key"), autocomplete: "off" }),
        h("button", { type: "submit" }, QW.t("basemap_use")), h("small", {}, QW.t("basemap_key_note")));
      let pending = "";
      ask.addEventListener("submit", (event) => {
        event.preventDefault();
        const value = ask.querySelector("input").value.trim();
        if (value && QW.setBasemap(pending, value)) ask.hidden = true;
      });
      const row = (key, title) => h("label", { class: "qw-row" },
        h("input", { type: "radio", name: "qw-basemap", value: key || "none", checked: QW.state.basemap === key, on: { change: () => {
          pending = key;
          ask.hidden = QW.setBasemap(key);
          if (!ask.hidden) ask.querySelector("input").focus();
        } } }), h("span", { class: "qw-row-text" }, title));
      return h("section", { class: "qw-group" }, h("h2", {}, QW.t("basemap")), row("", QW.t("basemap_none")), data.basemaps.map((b) => row(b.key, b.title)), ask,
        h("p", { class: "qw-dim" }, QW.t("basemap_note")));
    };
  };
})(window.QW);
