/* Every other planning layer, drawn from its registered style; very large ones from vector tiles. */
(function (QW) {
  "use strict";
  const { h } = QW;
  const CSS_MM = 3.78; // CSS pixels a millimetre

  const radius = (s) => Math.max(2.4, (s.size * CSS_MM) / 2);
  const width = (s) => Math.max(1.2, s.size * 3.2);
  const point = (s) => ({ shape: s.shape, color: s.color, edge: s.outline === "#ffffff" ? "#707070" : s.outline, rim: s.outline === "#ffffff" ? null : s.outline, radius: radius(s) });
  const line = (s) => ({ color: s.color, weight: width(s), opacity: s.opacity, dashArray: s.dashed ? "7 5" : null, lineCap: s.dashed ? "butt" : "round" });
  const area = (s) => ({ fillColor: s.color, fillOpacity: s.opacity, color: s.outline, weight: Math.max(0.8, s.size * 3), dashArray: s.dashed ? "6 4" : null });

  function swatch(kind, s) {
    if (kind === "point") return QW.swatch(Object.assign(point(s), { radius: Math.min(8, radius(s)) }));
    if (kind === "line") return QW.lineSwatch({ color: s.color, width: Math.min(6, width(s)), dashed: s.dashed ? "6 3" : null });
    return QW.lineSwatch({ area: true, color: s.color, outline: s.outline, opacity: s.opacity, dashed: s.dashed });
  }

  /** The planning layers of the data, as entries of the layer list. `add` is that of `QW.prepare`. */
  QW.preparePlanning = function (map, data, add, canvas) {
    QW.labelSources = [];
    for (const layer of data.layers) {
      const shown = () => QW.state.on["p:" + layer.key];
      const made = layer.tiles ? tiled(map, layer) : drawn(map, layer, canvas);
      add("p:" + layer.key, layer.theme, layer.title, layer.on, () => made.group, () => {
        const used = layer.legend.map((i) => [layer.symbols[i], i]);
        return used.map(([s, i]) => ({
          swatch: () => swatch(layer.geometry, s), text: (used.length > 1 && s.title) || layer.title,
          count: used.length > 1 && layer.look ? layer.look.filter((l) => l === i).length : undefined,
        }));
      }, { count: layer.count, note: layer.note, planning: layer, draw: () => shown() && made.redraw(), front: made.front, hit: made.hit });
      // Names belong to the whole county; numbers are for who has come close.
      const close = layer.geometry === "point" && layer.label >= 0 && layer.values && !layer.values[layer.label].some((v) => typeof v === "number") ? 11.5 : 13;
      if (layer.label >= 0 && layer.shapes) QW.labelSources.push((zoom) => (shown() && zoom >= close ? labels(layer) : []));
    }
  };

  function labels(layer) {
    const items = [];
    layer.shapes.forEach((parts, i) => {
      const value = layer.values[layer.label][i], unit = layer.columns[layer.label].unit;
      const text = typeof value === "number" && unit ? QW.number(value, Math.abs(value) < 100 ? 1 : 0) + " " + unit : value;
      if (text === null || text === "" || !parts.length || !QW.due(layer.axis, layer.times[i])) return;
      const at = layer.geometry === "point" ? parts[0] : middle(layer, i);
      items.push({ at, text: String(text), rank: 3.5, color: layer.symbols[layer.look[i]].color === "#ffffff" ? "#1d2b32" : "#243b45", weight: 500, size: 11.5, gap: layer.geometry === "point" ? 9 : 4 });
    });
    return items;
  }
  function middle(layer, i) {
    layer.middles = layer.middles || [];
    if (!layer.middles[i]) {
      const path = QW.decode(layer.geometry === "line" ? layer.shapes[i][0] : layer.shapes[i][0][0], layer.scale);
      layer.middles[i] = layer.geometry === "line" ? path[path.length >> 1] : Object.values(L.latLngBounds(path).getCenter());
    }
    return layer.middles[i];
  }

  /** A layer small enough to be drawn feature by feature. */
  function drawn(map, layer, canvas) {
    const group = L.layerGroup();
    function fill() {
      group.clearLayers();
      layer.shapes.forEach((parts, i) => {
        if (!parts.length || !QW.due(layer.axis, layer.times[i])) return;
        const s = layer.symbols[layer.look[i]];
        const features = layer.geometry === "point"
          ? parts.map((at) => new QW.Mark(at, Object.assign({ renderer: canvas }, point(s))))
          : layer.geometry === "line"
            ? [L.polyline(parts.map((p) => QW.decode(p, layer.scale)), Object.assign({ renderer: canvas, smoothFactor: 1 }, line(s)))]
            : [L.polygon(parts.map((rings) => rings.map((r) => QW.decode(r, layer.scale))), Object.assign({ renderer: canvas, smoothFactor: 1 }, area(s)))];
        for (const feature of features) {
          feature.on("click", (event) => {
            if (QW.pick) return;
            L.DomEvent.stopPropagation(event);
            QW.showFeature(layer, i, layer.values);
          });
          feature.bindTooltip(() => h("div", {}, h("b", {}, name(layer, i, layer.values)), h("span", {}, [layer.title, s.title].filter((w, n, all) => w && all.indexOf(w) === n).join(" · "))), { sticky: layer.geometry !== "point", direction: layer.geometry === "point" ? "top" : "auto", offset: [0, layer.geometry === "point" ? -7 : 0], className: "qw-tip" });
          group.addLayer(feature);
        }
      });
    }
    return {
      group, redraw: fill,
      // Areas below the roads, points above them.
      front: () => group.eachLayer((l) => (layer.geometry === "area" ? l.bringToBack() : layer.geometry === "point" ? l.bringToFront() : null)),
    };
  }

  /** What to call a feature: its label, else its first text, else the layer. */
  function name(layer, i, values) {
    const own = layer.label >= 0 ? values[layer.label][i] : null;
    const found = own !== null && own !== "" ? own : (values.find((column) => typeof column[i] === "string" && column[i]) || [])[i];
    return found === undefined || found === null ? layer.title : String(found);
  }
  QW.featureName = name;

  /** A layer in tiles that ride in the page. */
  function tiled(map, layer) {
    const { CircleSymbolizer, LineSymbolizer, PolygonSymbolizer } = protomapsL;
    const thin = (zoom) => Math.min(1.1, Math.max(0.35, 0.35 + (zoom - 9) * 0.18));
    const symbolizer = (s) =>
      layer.geometry === "point"
        ? new CircleSymbolizer({ radius: (zoom) => radius(s) * thin(zoom), fill: s.color, stroke: s.outline, width: 1, opacity: s.opacity })
        : layer.geometry === "line"
          ? new LineSymbolizer(Object.assign({ color: s.color, width: (zoom) => width(s) * thin(zoom), opacity: s.opacity, lineCap: "round", lineJoin: "round" },
            s.dashed ? { dash: [5, 4], dashColor: s.color, dashWidth: width(s) } : {}))
          : new PolygonSymbolizer({ fill: s.color, opacity: s.opacity, stroke: s.outline, width: Math.max(0.5, s.size) });
    const seen = (feature) => QW.due(layer.axis, feature.props.t);
    const rules = layer.symbols.map((s, i) => ({ dataLayer: "layer", symbolizer: symbolizer(s), filter: (_, feature) => feature.props.s === i && seen(feature) }));
    const tiles = QW.tileLayer(map, layer.tiles, layer.geometry === "area" ? 280 : 352, () => rules);
    const group = L.layerGroup();
    group.on("add", () => tiles.show(true)).on("remove", () => tiles.show(false));
    return {
      group, front: () => {}, redraw: tiles.redraw,
      hit: (at) => {
        const found = tiles.query(at).find((f) => seen(f));
        if (!found) return false;
        QW.unpack(layer.table).then((values) => QW.showFeature(layer, found.props.i, values));
        return true;
      },
    };
  }

  /** Draw an archive of vector tiles by rules; nothing is read before it is shown. */
  QW.tileLayer = function (map, blob, zIndex, rules) {
    const pane = "qw-" + blob;
    map.createPane(pane).style.zIndex = zIndex;
    map.getPane(pane).style.pointerEvents = "none";
    let archive = null, drawn = null, on = false;
    const draw = () => {
      if (drawn) drawn.remove();
      drawn = null;
      if (!on || !rules().length) return;
      archive = archive || QW.archive(blob);
      drawn = protomapsL.leafletLayer({ url: archive, pane, paintRules: rules(), labelRules: [], maxDataZoom: 13, attribution: "", noWrap: true }).addTo(map);
    };
    let waiting = 0;
    const soon = () => { waiting = waiting || requestAnimationFrame(() => { waiting = 0; QW.parsed.then(draw); }); };
    return {
      show: (value) => { on = value; soon(); },
      // New rules need a new layer; a new time only another drawing of the tiles at hand.
      change: soon,
      redraw: () => { if (drawn) drawn.rerenderTiles(); },
      query: (at) => (drawn ? [...drawn.queryTileFeaturesDebug(at.lng, at.lat, 6).values()].flat().map((f) => f.feature) : []),
    };
  };
})(window.QW);
