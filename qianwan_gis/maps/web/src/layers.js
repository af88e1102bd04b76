/* The state of the page and everything drawn on the map. */
(function (QW) {
  "use strict";

  const { h } = QW;
  const CASED = { motorway: "#7d2c26", trunk: "#9c5a12", primary: "#a87a1e" };
  const RINGED = new Set(["seat", "settlement"]);
  const BEST_FIRST = ["reviewed", "exact", "landmark", "provider", "seat", "settlement", "described", "township", "none"];

  /** Build the list of layers: key, theme, title, on, make() -> Leaflet layer, legend() -> rows. */
  QW.prepare = function (map, data) {
    const state = (QW.state = {
      by: "category",
      on: {},
      filter: { category: [], list: [], town: [], cover: [], place: [], zone: [] },
      selected: null,
      circles: new Set(),
      areas: new Set(),
      basemap: "",
      time: { axis: "", at: null, only: false },
    });
    const canvas = L.canvas({ padding: 0.3, tolerance: 3 });
    map.createPane("qwbase").style.zIndex = 250;
    map.createPane("qwzones").style.zIndex = 300;
    // The veil lies above the roads, so that what is beyond the county steps back.
    map.createPane("qwmask").style.zIndex = 410;
    for (const name of ["qwbase", "qwzones", "qwmask"]) map.getPane(name).style.pointerEvents = "none";

    data.villages.forEach((v, i) => {
      v.index = i;
      v.town = v.town < 0 ? null : data.townships[v.town];
      v.state = (s) => (v.cover[s] ? v.cover[s][0] : 2);
    });
    data.townships.forEach((t) => {
      t.villages = data.villages.filter((v) => v.town === t);
    });
    QW.groups = new Map(); // villages on one and the same point
    for (const v of data.villages) {
      if (!v.at) continue;
      const key = v.at.join();
      if (!QW.groups.has(key)) QW.groups.set(key, []);
      QW.groups.get(key).push(v);
    }

    /** The villages whose point is within 30 m of a place. */
    QW.villagesAt = (at) => [...QW.groups.values()].filter((g) => map.distance(g[0].at, at) < 30).flat();

    // --- what a village looks like ------------------------------------------------------

    /** Symbols shrink with the view, so that a whole county on a phone stays legible. */
    const scale = () => Math.min(1.1, Math.max(0.62, 0.62 + (map.getZoom() - 9) * 0.16));
    let drawnAt = 0;
    map.on("zoomend", () => { if (Math.abs(scale() - drawnAt) > 0.04) { drawMarks(); front(); } });

    QW.symbol = function (v) {
      const styles = data.styles;
      const ring = RINGED.has(v.match);
      if (state.by === "match") {
        const s = styles.match.find((m) => m.value === v.match) || styles.match[styles.match.length - 1];
        return { shape: "circle", color: s.color, edge: "#707070", ring, radius: 6.2, title: s.title };
      }
      if (covering()) {
        const s = styles.coverage[[1, 0, 2][state.by === "whatif" ? QW.whatState(v) : v.state(serviceIndex())]];
        return { shape: s.shape, color: s.color, edge: "#707070", ring: false, radius: s.value === "unknown" ? 4.6 : 6, title: s.title };
      }
      const s = styles.category.find((c) => c.value === v.category) || styles.category[styles.category.length - 1];
      const radius = { diamond: 6.2 }[s.shape] || (s.value ? 6 : 4);
      // In a whole county villages on no list step back behind those that are.
      const minor = !s.value && !ring && map.getZoom() < 11.5;
      return { shape: s.shape, color: s.color, edge: "#707070", ring, radius: minor ? 3.4 : radius, minor, title: s.title };
    };
    function serviceIndex() {
      return data.services.findIndex((s) => "s:" + s.key === state.by);
    }
    QW.serviceIndex = serviceIndex;
    /** Whether villages are coloured by coverage: of a service, or of a scenario. */
    const covering = () => state.by === "whatif" || state.by.startsWith("s:");
    QW.colouring = () => {
      const i = serviceIndex();
      return i >= 0 ? data.services[i].title : QW.t({ match: "by_match", whatif: "tab_whatif" }[state.by] || "by_category");
    };

    /** Counts of a set of villages by the present colouring: [color, n, edge, title]. */
    QW.parts = function (villages) {
      const counts = new Map();
      for (const v of villages) {
        const s = QW.symbol(v);
        const key = s.title;
        if (!counts.has(key)) counts.set(key, [s.color, 0, s.edge, s.title]);
        counts.get(key)[1] += 1;
      }
      const order = legendOrder();
      return [...counts.values()].sort((a, b) => order.indexOf(a[3]) - order.indexOf(b[3]));
    };
    function legendOrder() {
      const s = data.styles;
      return (state.by === "match" ? s.match : covering() ? s.coverage : s.category).map((x) => x.title);
    }

    // --- filters ------------------------------------------------------------------------

    const datedVillages = data.villages.some((v) => v.year);
    QW.matches = function (v) {
      const f = state.filter, has = (key, value) => !f[key].length || f[key].includes(value);
      if (state.time.at !== null && !QW.due("year", v.year) && (v.year || datedVillages)) return false;
      if (!has("category", v.category || "-")) return false;
      if (!has("town", v.town ? v.town.name : "-")) return false;
      if (!has("place", v.at ? "located" : "pending")) return false;
      if (f.list.length && !(v.lists.length ? v.lists.some((l) => f.list.includes(l)) : f.list.includes("-"))) return false;
      if (f.zone.length && !(v.chainage && v.chainage[4] && f.zone.some((w) => v.chainage[4] <= Number(w)))) return false;
      if (f.cover.length) {
        return f.cover.every((entry) => {
          const cut = entry.lastIndexOf(":"), at = data.services.findIndex((s) => s.key === entry.slice(0, cut));
          return v.state(at) === Number(entry.slice(cut + 1));
        });
      }
      return true;
    };
    QW.filtered = () => data.villages.filter(QW.matches);
    QW.isFiltered = () => Object.values(state.filter).some((values) => values.length);

    // --- layers -------------------------------------------------------------------------

    const layers = (QW.layers = []);
    const add = (key, theme, title, on, make, legend, extra) =>
      layers.push(Object.assign({ key, theme, title, on, make, legend }, extra));

    // villages
    const marks = L.layerGroup();
    QW.marks = new Map();
    function drawMarks() {
      marks.clearLayers();
      QW.marks.clear();
      const factor = (drawnAt = scale());
      // Villages on a list above the others, shared points above all.
      const weight = (g) => (g.length > 1 ? 2 : g[0].category ? 1 : 0);
      for (const members of [...QW.groups.values()].sort((a, b) => weight(a) - weight(b))) {
        const shown = members.filter(QW.matches);
        if (!shown.length) continue;
        const chosen = shown.some((v) => v === state.selected);
        const single = members.length === 1;
        const options = single
          ? QW.symbol(shown[0])
          : { count: shown.length, parts: QW.parts(shown), radius: 11, shape: "circle" };
        options.radius *= single ? factor : Math.max(0.9, factor);
        const mark = new QW.Mark(members[0].at, Object.assign({ renderer: canvas, selected: chosen }, options));
        mark.on("click", (event) => {
          L.DomEvent.stopPropagation(event);
          single ? QW.select(shown[0]) : QW.showGroup(shown);
        });
        mark.bindTooltip(() => tip(shown), { direction: "top", offset: [0, -8], className: "qw-tip" });
        shown.forEach((v) => QW.marks.set(v, mark));
        marks.addLayer(mark);
      }
    }
    function tip(members) {
      const v = members[0];
      if (members.length > 1) return h("div", {}, h("b", {}, QW.t("shared_point", { n: members.length })), h("span", {}, members.map((m) => m.title).join(QW.t("comma"))));
      return h("div", {}, h("b", {}, v.title), h("span", {}, [v.town && v.town.title, QW.symbol(v).title].filter(Boolean).join(" · ")));
    }
    add("points", "villages", QW.t("layer_points"), true, () => marks, villageLegend, {
      count: data.villages.filter((v) => v.at).length, draw: drawMarks,
    });
    function villageLegend() {
      const located = data.villages.filter((v) => v.at && QW.matches(v));
      const all = QW.filtered();
      const used = new Map(all.map((v) => [QW.symbol(v).title, QW.symbol(v)]));
      const rows = legendOrder().filter((t) => used.has(t)).map((t) => ({
        swatch: () => QW.swatch(Object.assign({}, used.get(t), { ring: false })),
        text: t, count: all.filter((v) => QW.symbol(v).title === t).length,
      }));
      if (!covering() && located.some((v) => RINGED.has(v.match))) {
        rows.push({ swatch: () => QW.swatch({ color: "#4b5960", ring: true, radius: 5.5 }), text: QW.t("legend_ring"), note: true });
      }
      if (located.some((v) => QW.groups.get(v.at.join()).length > 1)) {
        rows.push({ swatch: () => QW.swatch({ count: 4, parts: [["#4b5960", 1]], radius: 9 }), text: QW.t("legend_group"), note: true });
      }
      if (state.areas.size) rows.push({ swatch: () => h("span", { class: "qw-soft-key" }), text: QW.t("legend_area"), note: true });
      return rows;
    }

    // villages that are not located: counts at the seats
    const seats = L.layerGroup();
    const chips = [];
    function drawSeats() {
      seats.clearLayers();
      chips.length = 0;
      for (const town of data.townships) {
        if (!town.at) continue;
        const pending = town.villages.filter((v) => !v.at && QW.matches(v));
        const showCount = pending.length > 0 && state.on.pending;
        const bar = h("span", { class: "qw-bar" }, QW.parts(pending).map(([color, n, edge]) =>
          h("i", { style: { "flex-grow": n, background: color, "box-shadow": color === "#ffffff" ? "inset 0 0 0 1px " + edge : "none" } })));
        const node = h("button", { type: "button", class: "qw-seat", "aria-label": town.title },
          h("span", { class: "qw-seat-dot" }),
          h("span", { class: "qw-seat-text" },
            h("b", {}, town.label),
            showCount ? h("em", {}, bar, h("span", {}, h("span", { class: "qw-word" }, QW.t("pending") + " "), pending.length)) : null));
        node.addEventListener("click", (event) => { event.stopPropagation(); QW.showTown(town); });
        const marker = L.marker(town.at, {
          icon: L.divIcon({ className: "qw-seat-icon", html: node, iconSize: [0, 0] }),
          keyboard: false, zIndexOffset: 10 * pending.length, pane: "markerPane",
        });
        chips.push({ town, marker, node, weight: pending.length });
        seats.addLayer(marker);
      }
      placeSeats();
    }
    /** Try four places for each name; where none is free try a smaller form, at last the dot alone. */
    function placeSeats() {
      if (!map.hasLayer(seats)) return;
      const taken = QW.covered();
      const hits = (b) => taken.some((a) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]);
      const size = map.getSize();
      const order = [...chips].sort((a, b) => b.weight - a.weight || a.town.name.localeCompare(b.town.name));
      // Where villages are drawn on the seat itself their symbol takes the place of the seat's dot.
      const shown = state.on.points ? [...QW.groups.values()].filter((g) => g.some(QW.matches)).map((g) => map.latLngToContainerPoint(g[0].at)) : [];
      for (const { town, node } of chips) {
        const p = map.latLngToContainerPoint(town.at);
        node.dataset.quiet = String(shown.some((q) => q.distanceTo(p) < 9));
        taken.push([p.x - 5, p.y - 5, p.x + 5, p.y + 5]);
      }
      for (const chip of order) {
        const p = map.latLngToContainerPoint(chip.town.at);
        const text = chip.node.querySelector(".qw-seat-text"), gap = chip.node.dataset.quiet === "true" ? 14 : 8;
        chip.node.style.setProperty("--gap", gap + "px");
        let done = false;
        for (const form of ["full", "line", "count"]) {
          chip.node.dataset.size = form;
          const w = text.offsetWidth, h = text.offsetHeight;
          if (!w) break;
          const boxes = {
            right: [p.x + gap, p.y - h / 2, p.x + gap + w, p.y + h / 2],
            left: [p.x - gap - w, p.y - h / 2, p.x - gap, p.y + h / 2],
            below: [p.x - w / 2, p.y + gap, p.x + w / 2, p.y + gap + h],
            above: [p.x - w / 2, p.y - gap - h, p.x + w / 2, p.y - gap],
          };
          // Of the free places, the one that hides the fewest villages.
          const hidden = (b) => shown.filter((q) => q.x > b[0] - 5 && q.x < b[2] + 5 && q.y > b[1] - 5 && q.y < b[3] + 5).length;
          const open = Object.entries(boxes).filter(([, b]) => !hits(b) && b[1] >= 2 && b[0] >= 2 && b[2] <= size.x - 2 && b[3] <= size.y - 2).sort((a, b) => hidden(a[1]) - hidden(b[1]));
          if (open.length) {
            [chip.node.dataset.side, chip.box] = open[0];
            taken.push(chip.box);
            done = true;
          }
          if (done) break;
        }
        if (!done) { chip.node.dataset.size = "dot"; chip.box = null; }
      }
    }
    map.on("zoomend moveend resize", placeSeats);
    add("seats", "base", QW.t("card_seat"), true, () => seats, () => [
      { swatch: () => h("span", { class: "qw-seat-dot" }), text: QW.t("card_seat") },
    ], { draw: drawSeats });
    const pendingCount = data.villages.filter((v) => !v.at).length;
    if (pendingCount) {
      add("pending", "villages", QW.t("layer_pending"), true, () => L.layerGroup(), () => [
        { swatch: () => h("span", { class: "qw-pending-key" }, "n"), text: QW.t("legend_pending"), note: true },
      ], { count: pendingCount, draw: drawSeats });
    }

    // where a described village may be: soft, without an edge, because it is no boundary
    map.createPane("qwsoft").style.zIndex = 290;
    map.getPane("qwsoft").style.pointerEvents = "none";
    const softRenderer = L.svg({ pane: "qwsoft", padding: 0.4 });
    const areas = L.layerGroup().addTo(map);
    QW.drawAreas = function () {
      areas.clearLayers();
      for (const v of state.areas) {
        for (const [strength, rings] of v.area[1]) {
          areas.addLayer(L.polygon(rings.map(QW.decode), { pane: "qwsoft", renderer: softRenderer, interactive: false, stroke: false, fillColor: "#6a4fa3", fillOpacity: 0.34 * strength }));
        }
      }
    };
    QW.areaBounds = (v) => L.latLngBounds(v.area[1].flatMap(([, rings]) => rings.flatMap(QW.decode)));

    // uncertainty
    const circles = L.layerGroup();
    function drawCircles() {
      circles.clearLayers();
      for (const v of data.villages) {
        if (!v.at || !v.radius || !QW.matches(v)) continue;
        if (!state.on.circles && !state.circles.has(v)) continue;
        circles.addLayer(L.circle(v.at, {
          radius: v.radius, pane: "qwzones", interactive: false, renderer: zonesRenderer,
          color: "#12656b", weight: 1.4, dashArray: "5 4", fillColor: "#12656b", fillOpacity: 0.08,
        }));
      }
    }
    const zonesRenderer = L.svg({ pane: "qwzones", padding: 0.4 });
    circles.addTo(map);
    add("circles", "villages", QW.t("layer_circles"), false, () => L.layerGroup(), () => [
      { swatch: () => QW.lineSwatch({ area: true, color: "#12656b", dashed: true }), text: QW.t("legend_circle"), note: true },
    ], { draw: drawCircles });
    QW.drawCircles = drawCircles;

    // facilities
    const FACILITY = { clinic: ["cross", "#b3286b"], sewage: ["square", "#6b4c2a"], water: ["triangle", "#1f8a9c"] };
    // Services of the county's own take the next of these, so that no two look alike.
    const SPARE = [["diamond", "#882255"], ["square", "#44aa99"], ["triangle", "#999933"], ["circle", "#aa4499"], ["diamond", "#332288"], ["square", "#cc6677"]];
    const SIZE = { village: 4.4, station: 4.6, county: 8, plant: 7 };
    let spare = 0, room = 40; // as many facilities as a first view bears, the first kinds first
    for (const kind of data.facilities.kinds) {
      const [shape, color] = FACILITY[kind.service] || SPARE[spare++ % SPARE.length];
      const points = data.facilities.points.filter((p) => p.kind === kind.key);
      const look = { shape, color, edge: "#555", radius: SIZE[kind.tier] || 6 };
      const group = L.layerGroup();
      const fill = () => {
        group.clearLayers();
        for (const p of points) {
          if (!QW.due("year", p.year)) continue;
          const mark = new QW.Mark(p.at, Object.assign({ renderer: canvas }, look, { ring: p.assumed }));
          mark.on("click", (event) => { L.DomEvent.stopPropagation(event); QW.showFacility(p, kind); });
          mark.bindTooltip(() => h("div", {}, h("b", {}, p.name), h("span", {}, kind.title + " · " + p.basis)), { direction: "top", offset: [0, -7], className: "qw-tip" });
          group.addLayer(mark);
        }
        return group;
      };
      const shown = kind.assumed < kind.count && kind.count <= room;
      if (shown) room -= kind.count;
      add("f:" + kind.key, "facilities", kind.title, shown, fill, () => {
        const rows = [];
        if (kind.count > kind.assumed) rows.push({ swatch: () => QW.swatch(look), text: kind.title });
        if (kind.assumed) rows.push({ swatch: () => QW.swatch(Object.assign({}, look, { ring: true })), text: kind.title + QW.aside(QW.t("assumed")) });
        return rows;
      }, { count: kind.count, note: kind.assumed ? QW.t("assumed_n", { n: kind.assumed }) : "", dated: points.some((p) => p.year), draw: points.some((p) => p.year) ? fill : null });
    }

    // corridor
    const c = data.corridor;
    if (c) {
      const CORRIDOR = "#882255";
      add("corridor", "corridor", c.name, !c.presumed, () => {
        const group = L.layerGroup();
        for (const [branch, parts] of c.lines) {
          const path = parts.map(QW.decode);
          if (!c.presumed) group.addLayer(L.polyline(path, { renderer: canvas, color: "#fff", weight: 7, opacity: 0.9, interactive: false }));
          const line = L.polyline(path, { renderer: canvas, color: CORRIDOR, weight: c.presumed ? 3 : 4, dashArray: c.presumed ? "9 7" : null, opacity: 0.95 });
          line.on("click", (event) => { L.DomEvent.stopPropagation(event); QW.showCorridor(); });
          line.bindTooltip(() => h("div", {}, h("b", {}, c.name), h("span", {}, c.presumed ? QW.t("corridor_presumed") : branch)), { sticky: true, className: "qw-tip" });
          group.addLayer(line);
        }
        return group;
      }, () => [{ swatch: () => QW.lineSwatch({ color: CORRIDOR, width: 3.4, dashed: c.presumed ? "7 4" : null }), text: c.name + (c.presumed ? QW.aside(c.basis) : "") }], {
        note: c.presumed ? QW.t("corridor_presumed") : c.basis,
      });
      if (c.stakes.length) {
        add("stakes", "corridor", QW.t("layer_stakes"), true, () => {
          const group = L.layerGroup();
          for (const [lat, lon] of c.stakes) {
            group.addLayer(L.circleMarker([lat, lon], { renderer: canvas, radius: 3, color: CORRIDOR, weight: 1.6, fillColor: "#fff", fillOpacity: 1, interactive: false }));
          }
          return group;
        }, () => [{ swatch: () => QW.swatch({ color: CORRIDOR, ring: true, radius: 3.4 }), text: QW.t("layer_stakes") }]);
      }
      for (const zone of c.zones) {
        const title = QW.t("layer_zone", { km: QW.number(zone.width / 1000, 1) });
        add("z:" + zone.width, "corridor", title, false, () =>
          L.polygon(zone.rings.map((rings) => rings.map(QW.decode)), {
            pane: "qwzones", renderer: zonesRenderer, interactive: false, color: CORRIDOR, weight: 1, dashArray: "4 4", fillColor: CORRIDOR, fillOpacity: 0.07,
          }), () => [{ swatch: () => QW.lineSwatch({ area: true, color: CORRIDOR, dashed: true }), text: title }]);
      }
    }

    QW.preparePlanning(map, data, add, canvas);
    /** Draw again what has a date. */
    QW.redrawPlanning = () => layers.forEach((l) => { if (l.draw && (l.planning || l.dated)) l.draw(); });
    /** Show the card of what lies under a click in a layer of tiles; whether there was anything. */
    QW.hitTiles = (at) => [...layers].reverse().some((l) => l.hit && state.on[l.key] && l.hit(at));

    // roads
    const tiled = data.roads.tiles ? new QW.RoadTiles(map, data.roads) : null;
    for (const kind of data.roads.kinds) {
      const lines = data.roads.lines.filter((l) => l[0] === kind.key);
      add("r:" + kind.key, "roads", kind.title, kind.key !== "link", () => {
        if (tiled) return tiled.layer(kind);
        const group = L.layerGroup();
        const named = new Map();
        for (const [, label, planned, steps] of lines) {
          const key = label + "\u0000" + planned;
          if (!named.has(key)) named.set(key, { label, planned, paths: [] });
          named.get(key).paths.push(QW.decode(steps));
        }
        const style = { renderer: canvas, smoothFactor: 1.2, lineCap: kind.dashed ? "butt" : "round" };
        if (CASED[kind.key]) {
          const all = [...named.values()].filter((n) => !n.planned).flatMap((n) => n.paths);
          group.addLayer(L.polyline(all, Object.assign({ color: CASED[kind.key], weight: kind.width + 1.4, opacity: 0.6, interactive: false }, style)));
        }
        for (const { label, planned, paths } of named.values()) {
          const line = L.polyline(paths, Object.assign({
            color: kind.color, weight: kind.width, opacity: kind.dashed ? 0.75 : 1,
            dashArray: kind.dashed ? "2 5" : planned ? "8 6" : null, interactive: Boolean(label),
          }, style));
          if (label) line.bindTooltip(() => h("div", {}, h("b", {}, label), h("span", {}, kind.title + (planned ? " · " + QW.t("planned") : ""))), { sticky: true, className: "qw-tip" });
          group.addLayer(line);
        }
        return group;
      }, () => [{ swatch: () => QW.lineSwatch({ color: kind.color, width: kind.width, dashed: kind.dashed ? "2 4" : null, casing: CASED[kind.key] }), text: kind.title }], {
        count: kind.count, note: kind.basis.join(QW.t("comma")), hit: tiled ? tiled.hit(kind) : null,
      });
    }

    // base
    const baseRenderer = L.svg({ pane: "qwbase", padding: 0.6 });
    const maskRenderer = L.svg({ pane: "qwmask", padding: 0.6 });
    add("boundary", "base", QW.t("layer_boundary"), true, () => {
      const rings = data.boundary.rings.map(QW.decode);
      const world = [[-85, -360], [85, -360], [85, 360], [-85, 360]];
      return L.layerGroup([
        L.polygon(rings, { renderer: baseRenderer, pane: "qwbase", interactive: false, stroke: false, fillColor: "#fdfcf8", fillOpacity: 1 }),
        L.polygon([world, ...rings], { renderer: maskRenderer, pane: "qwmask", interactive: false, stroke: false, fillColor: "#eef1ef", fillOpacity: 0.62 }),
        L.polygon(rings, { renderer: maskRenderer, pane: "qwmask", interactive: false, fill: false, color: "#fff", weight: 5, opacity: 0.9 }),
        L.polygon(rings, { renderer: maskRenderer, pane: "qwmask", interactive: false, fill: false, color: "#59666b", weight: 1.5, dashArray: "10 3 2 3" }),
      ]);
    }, () => [{ swatch: () => QW.lineSwatch({ color: "#59666b", width: 1.6, dashed: "8 3 2 3" }), text: QW.t("layer_boundary") }]);
    add("grid", "base", QW.t("layer_grid"), false, () => new QW.Grid(), () => []);
    add("labels", "villages", QW.t("layer_labels"), true, () => names, () => []);

    // names
    const names = new QW.Labels();
    names.setSource((m) => {
      const zoom = m.getZoom(), items = [], taken = [...QW.covered(), ...chips.map((chip) => chip.box).filter(Boolean)];
      if (state.on.labels && state.on.points) {
        for (const members of QW.groups.values()) {
          const shown = members.filter(QW.matches);
          if (!shown.length) continue;
          const v = shown.find((x) => x === state.selected) || shown[0];
          const listed = Boolean(v.category), chosen = v === state.selected;
          if (!chosen && zoom < (listed ? 10 : 12)) continue;
          const p = m.latLngToContainerPoint(v.at), r = members.length > 1 ? 12 : 7;
          taken.push([p.x - r, p.y - r, p.x + r, p.y + r]);
          const text = shown.length > 1 && !chosen ? v.title + "…" : v.title;
          items.push({ at: v.at, text, rank: chosen ? 0 : listed ? 1 : 3, color: "#1d2b32", weight: chosen || listed ? 600 : 400, size: listed ? 12.5 : 12, gap: r + 3 });
        }
      }
      if (c && state.on.stakes) {
        const every = zoom >= 13 ? 1 : zoom >= 12 ? 2 : zoom >= 11 ? 5 : 10;
        c.stakes.forEach(([lat, lon, label], i) => {
          if (i % every === 0) items.push({ at: [lat, lon], text: label, rank: 2, color: "#7a1d4b", weight: 600, size: 11, gap: 7 });
        });
      }
      // What is named like the village it stands at needs no second name.
      const named = items.map((item) => [m.latLngToContainerPoint(item.at), item]);
      for (const source of QW.labelSources) {
        for (const item of source(zoom)) {
          const p = m.latLngToContainerPoint(item.at), there = named.filter(([q]) => q.distanceTo(p) < 16).map(([, own]) => own);
          if (there.some((own) => own.text.includes(item.text))) continue;
          // “2 马寨” says more than “马寨”.
          for (const own of there) if (item.text.includes(own.text)) items.splice(items.indexOf(own), 1, Object.assign(own, { text: item.text }));
          if (!there.some((own) => own.text === item.text)) items.push(item);
        }
      }
      return { items, taken };
    });
    QW.names = names;

    for (const layer of layers) state.on[layer.key] = layer.on;

    /** Redraw what depends on the colouring, the filter or the selection. */
    QW.redraw = function () {
      drawMarks();
      drawSeats();
      drawCircles();
      names.redraw();
      front();
    };
    function front() {
      // One canvas holds lines and points, so that each can be pointed at; points come last, and
      // those of a plan above the villages at which they stand: who switched them on wants to see them.
      const there = layers.filter((l) => l.made && map.hasLayer(l.made));
      const above = (l) => l.planning && l.planning.geometry === "point";
      for (const layer of there) {
        if (layer.front && !above(layer)) layer.front();
        if (layer.key.startsWith("f:")) layer.made.eachLayer((l) => l.bringToFront());
      }
      if (map.hasLayer(marks)) marks.eachLayer((l) => l.bringToFront());
      for (const layer of there) if (above(layer)) layer.front();
      if (state.selected && QW.marks.has(state.selected)) {
        const mark = QW.marks.get(state.selected);
        if (map.hasLayer(mark)) mark.bringToFront();
      }
    }
    QW.show = function (key, on) {
      const layer = layers.find((l) => l.key === key);
      if (!layer) return;
      state.on[key] = on;
      layer.made = layer.made || layer.make();
      on ? map.addLayer(layer.made) : map.removeLayer(layer.made);
      if (layer.draw) layer.draw();
      names.redraw();
      front();
      if (QW.drawTime) QW.drawTime();
    };
    // Roads least important first, so that motorways lie on top.
    QW.start_layers = function () {
      const order = ["boundary", ...layers.filter((l) => l.key.startsWith("r:")).map((l) => l.key).reverse()];
      const rest = layers.map((l) => l.key).filter((k) => !order.includes(k));
      for (const key of [...order, ...rest]) if (state.on[key]) QW.show(key, true);
      QW.redraw();
    };
    QW.bestFirst = (a, b) =>
      BEST_FIRST.indexOf(a.match) - BEST_FIRST.indexOf(b.match) || a.code.localeCompare(b.code);
  };

  /** Very many roads: vector tiles that ride in the page, one drawing for all kinds shown. */
  QW.RoadTiles = function (map, roads) {
    const shown = new Set();
    const rule = (kind) => {
      const number = roads.kinds.indexOf(kind);
      return {
        dataLayer: "layer",
        filter: (_, feature) => feature.props.s === number,
        symbolizer: new protomapsL.LineSymbolizer({
          color: kind.color, opacity: kind.dashed ? 0.75 : 1, lineCap: "round", lineJoin: "round",
          // Minor roads thin out with the view.
          width: (zoom) => kind.width * Math.min(1.15, Math.max(0.3, 0.3 + (zoom - 9) * 0.2)),
          ...(kind.dashed ? { dash: [2, 5], dashColor: kind.color, dashWidth: kind.width } : {}),
        }),
      };
    };
    const tiles = QW.tileLayer(map, roads.tiles, 350, () => roads.kinds.filter((k) => shown.has(k.key)).reverse().map(rule));
    this.layer = (kind) => {
      const layer = L.layerGroup();
      layer.on("add", () => { shown.add(kind.key); tiles.show(true); });
      layer.on("remove", () => { shown.delete(kind.key); tiles.change(); });
      return layer;
    };
    /** Show the card of a named road under a click. */
    this.hit = (kind) => (at) => {
      const number = roads.kinds.indexOf(kind), found = tiles.query(at).find((f) => f.props.s === number);
      if (!found) return false;
      QW.unpack(roads.table).then(([labels]) => QW.showRoad(labels[found.props.i], kind));
      return true;
    };
  };

  /** Meridians and parallels at round degrees, labelled at the edge. */
  QW.Grid = L.LayerGroup.extend({
    initialize: function () { L.LayerGroup.prototype.initialize.call(this); },
    onAdd: function (map) {
      this._owner = map;
      this._renderer = this._renderer || L.svg({ pane: "qwzones", padding: 0 });
      map.on("moveend zoomend resize", this.fill, this);
      L.LayerGroup.prototype.onAdd.call(this, map);
      this.fill();
    },
    onRemove: function (map) {
      map.off("moveend zoomend resize", this.fill, this);
      L.LayerGroup.prototype.onRemove.call(this, map);
    },
    fill: function () {
      const map = this._owner, b = map.getBounds();
      this.clearLayers();
      const step = [1, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01, 0.005].find((s) => (b.getEast() - b.getWest()) / s >= 3) || 0.005;
      const style = { renderer: this._renderer, pane: "qwzones", color: "#3b6d86", weight: 0.8, opacity: 0.45, dashArray: "2 4", interactive: false };
      const label = (at, text, side) => this.addLayer(L.marker(at, { interactive: false, keyboard: false,
        icon: L.divIcon({ className: "qw-grid-label qw-grid-" + side, html: h("span", {}, text), iconSize: [0, 0] }) }));
      const digits = step < 0.01 ? 3 : step < 0.1 ? 3 : 2;
      for (let x = Math.ceil(b.getWest() / step) * step; x < b.getEast(); x += step) {
        this.addLayer(L.polyline([[b.getSouth(), x], [b.getNorth(), x]], style));
        label([b.getSouth(), x], x.toFixed(digits) + "°E", "bottom");
      }
      for (let y = Math.ceil(b.getSouth() / step) * step; y < b.getNorth(); y += step) {
        this.addLayer(L.polyline([[y, b.getWest()], [y, b.getEast()]], style));
        label([y, b.getEast()], y.toFixed(digits) + "°N", "right");
      }
    },
  });
})(window.QW);
