/* What-if: a search of the road network in the page, with the numbers of the Python network. */
(function (QW) {
  "use strict";
  const { h } = QW;
  const { sin, cos, tan, sqrt, atan2, atanh, asinh, sinh, cosh, PI, hypot } = Math;

  /** Transverse Mercator both ways by Krüger's series (fourth order: well below a millimetre). */
  QW.projection = function (p) {
    const n = p.f / (2 - p.f), A = (p.a / (1 + n)) * (1 + n ** 2 / 4 + n ** 4 / 64), k = p.scale * A;
    const alpha = [n / 2 - (2 * n ** 2) / 3 + (5 * n ** 3) / 16 + (41 * n ** 4) / 180, (13 * n ** 2) / 48 - (3 * n ** 3) / 5 + (557 * n ** 4) / 1440, (61 * n ** 3) / 240 - (103 * n ** 4) / 140, (49561 * n ** 4) / 161280];
    const beta = [n / 2 - (2 * n ** 2) / 3 + (37 * n ** 3) / 96 - n ** 4 / 360, n ** 2 / 48 + n ** 3 / 15 - (437 * n ** 4) / 1440, (17 * n ** 3) / 480 - (37 * n ** 4) / 840, (4397 * n ** 4) / 161280];
    const e = sqrt(p.f * (2 - p.f)), rad = PI / 180;
    const conformal = (lat) => sinh(atanh(sin(lat)) - e * atanh(e * sin(lat)));
    function raw(lat, lon) {
      const t = conformal(lat), xi = atan2(t, cos(lon)), eta = asinh(sin(lon) / hypot(t, cos(lon)));
      let x = eta, y = xi;
      alpha.forEach((a, j) => { const m = 2 * (j + 1); x += a * cos(m * xi) * sinh(m * eta); y += a * sin(m * xi) * cosh(m * eta); });
      return [x * k, y * k];
    }
    const base = raw(p.lat * rad, 0)[1];
    return {
      forward: (lat, lon) => { const [x, y] = raw(lat * rad, (lon - p.lon) * rad); return [p.east + x, p.north + y - base]; },
      inverse: (east, north) => {
        const eta0 = (east - p.east) / k, xi0 = (north - p.north + base) / k;
        let xi = xi0, eta = eta0;
        beta.forEach((b, j) => { const m = 2 * (j + 1); xi -= b * sin(m * xi0) * cosh(m * eta0); eta -= b * cos(m * xi0) * sinh(m * eta0); });
        const chi = Math.asin(sin(xi) / cosh(eta)), target = tan(chi);
        let lat = chi;
        for (let i = 0; i < 6; i++) {
          const t = conformal(lat), slope = (sqrt(1 + t * t) * (1 - e * e)) / ((1 - e * e * sin(lat) ** 2) * cos(lat));
          lat -= (t - target) / slope;
        }
        return [lat / rad, p.lon + atan2(sinh(eta), cos(xi)) / rad];
      },
    };
  };

  /** Unpack the network and build what a search needs. */
  QW.loadNetwork = async function (w) {
    const buffer = await QW.inflated("network");
    const kinds = { i4: Int32Array, f8: Float64Array, u1: Uint8Array };
    const get = (name) => (w.arrays[name] ? new kinds[w.arrays[name][0]](buffer, w.arrays[name][1], w.arrays[name][2]) : null);
    const net = { u: get("u"), v: get("v"), metres: get("metres"), pointer: get("pointer"), snappable: get("snappable"), village: get("village"), nodes: w.nodes, modes: {}, projection: QW.projection(w.projection) };
    const steps = get("xy"), xy = (net.xy = new Float64Array(steps.length));
    let x = 0, y = 0;
    for (let i = 0; i < steps.length; i += 2) {
      x += steps[i]; y += steps[i + 1];
      xy[i] = w.origin[0] + x / w.units; xy[i + 1] = w.origin[1] + y / w.units;
    }
    // Edges by the node they end in, for the search from the facilities backwards.
    const m = net.u.length, start = (net.start = new Int32Array(w.nodes + 1));
    for (let e = 0; e < m; e++) { start[net.u[e] + 1]++; start[net.v[e] + 1]++; }
    for (let i = 0; i < w.nodes; i++) start[i + 1] += start[i];
    const fill = start.slice(), half = (net.half = new Int32Array(2 * m));
    for (let e = 0; e < m; e++) { half[fill[net.u[e]]++] = 2 * e + 1; half[fill[net.v[e]]++] = 2 * e; }
    for (const mode of w.modes) {
      const forward = get(mode + ":forward");
      net.modes[mode] = { forward, backward: get(mode + ":backward") || forward, node: get(mode + ":node"), edge: get(mode + ":edge"), fraction: get(mode + ":fraction"), leg: get(mode + ":leg") };
    }
    net.grid = grid(net);
    net.access = w.access;
    net.reach = w.reach === null ? Infinity : w.reach;
    return net;
  };

  /** Segments by square cells, for the nearest place on a road. */
  function grid(net) {
    const { xy, pointer } = net, cell = 500, cells = new Map();
    let west = Infinity, south = Infinity, east = -Infinity, north = -Infinity;
    for (let i = 0; i < xy.length; i += 2) { west = Math.min(west, xy[i]); east = Math.max(east, xy[i]); south = Math.min(south, xy[i + 1]); north = Math.max(north, xy[i + 1]); }
    const wide = Math.floor((east - west) / cell) + 1, high = Math.floor((north - south) / cell) + 1;
    for (let e = 0; e < pointer.length - 1; e++) {
      for (let i = pointer[e]; i < pointer[e + 1] - 1; i++) {
        const a = 2 * i, x0 = Math.min(xy[a], xy[a + 2]), x1 = Math.max(xy[a], xy[a + 2]), y0 = Math.min(xy[a + 1], xy[a + 3]), y1 = Math.max(xy[a + 1], xy[a + 3]);
        for (let cx = Math.floor((x0 - west) / cell); cx <= Math.floor((x1 - west) / cell); cx++)
          for (let cy = Math.floor((y0 - south) / cell); cy <= Math.floor((y1 - south) / cell); cy++) {
            const key = cy * wide + cx;
            if (!cells.has(key)) cells.set(key, []);
            cells.get(key).push(e, i);
          }
      }
    }
    return { cell, cells, west, south, wide, high };
  }

  /** The nearest place on an edge that the mode may use: {node, edge, fraction, leg}. */
  QW.snap = function (net, mode, px, py) {
    const { xy, pointer, grid: g } = net, { forward, backward } = net.modes[mode];
    let best = Infinity, edge = -1, at = -1, share = 0;
    const cx = Math.floor((px - g.west) / g.cell), cy = Math.floor((py - g.south) / g.cell);
    const furthest = Math.max(Math.abs(cx), Math.abs(cx - g.wide), Math.abs(cy), Math.abs(cy - g.high)) + 1;
    const visit = (x, y) => {
      if (x < 0 || y < 0 || x >= g.wide || y >= g.high) return;
      const list = g.cells.get(y * g.wide + x);
      if (!list) return;
      for (let i = 0; i < list.length; i += 2) {
        const e = list[i], a = 2 * list[i + 1];
        if (!net.snappable[e] || (forward[e] === Infinity && backward[e] === Infinity)) continue;
        const dx = xy[a + 2] - xy[a], dy = xy[a + 3] - xy[a + 1], length = dx * dx + dy * dy;
        const t = length > 0 ? Math.min(1, Math.max(0, ((px - xy[a]) * dx + (py - xy[a + 1]) * dy) / length)) : 0;
        const d = hypot(xy[a] + t * dx - px, xy[a + 1] + t * dy - py);
        if (d < best) { best = d; edge = e; at = list[i + 1]; share = t; }
      }
    };
    for (let ring = 0; ring <= furthest; ring++) {
      if (best <= (ring - 1) * g.cell) break;
      for (let x = cx - ring; x <= cx + ring; x++) { visit(x, cy - ring); if (ring) visit(x, cy + ring); }
      for (let y = cy - ring + 1; y < cy + ring; y++) { visit(cx - ring, y); visit(cx + ring, y); }
    }
    if (edge < 0 || best > net.reach) return { node: -1, edge: -1, fraction: 0, leg: NaN };
    let before = 0, total = 0;
    for (let i = pointer[edge]; i < pointer[edge + 1] - 1; i++) {
      const d = hypot(xy[2 * i + 2] - xy[2 * i], xy[2 * i + 3] - xy[2 * i + 1]);
      if (i < at) before += d; else if (i === at) before += d * share;
      total += d;
    }
    const fraction = total > 0 ? before / total : 0;
    const node = fraction <= 0 ? net.u[edge] : fraction >= 1 ? net.v[edge] : -1;
    return { node, edge: node >= 0 ? -1 : edge, fraction, leg: best };
  };

  /** Seconds, metres and facility for every village; facilities are places from `snap`. */
  QW.search = function (net, mode, places) {
    const { forward, backward, node, edge, fraction, leg } = net.modes[mode], n = net.nodes;
    const cost = new Float64Array(n).fill(Infinity), far = new Float64Array(n), label = new Int32Array(n).fill(-1);
    // A binary heap of (cost, node) with old entries skipped when they come up.
    let heapCost = new Float64Array(1024), heapNode = new Int32Array(1024), size = 0;
    function push(c, i) {
      if (size === heapCost.length) {
        const a = new Float64Array(2 * size), b = new Int32Array(2 * size);
        a.set(heapCost); b.set(heapNode); heapCost = a; heapNode = b;
      }
      let at = size++;
      while (at) {
        const up = (at - 1) >> 1;
        if (heapCost[up] <= c) break;
        heapCost[at] = heapCost[up]; heapNode[at] = heapNode[up];
        at = up;
      }
      heapCost[at] = c; heapNode[at] = i;
    }
    function pop() {
      const c = heapCost[--size], i = heapNode[size];
      let at = 0;
      for (;;) {
        let down = 2 * at + 1;
        if (down >= size) break;
        if (down + 1 < size && heapCost[down + 1] < heapCost[down]) down++;
        if (heapCost[down] >= c) break;
        heapCost[at] = heapCost[down]; heapNode[at] = heapNode[down];
        at = down;
      }
      heapCost[at] = c; heapNode[at] = i;
    }
    function reach(i, c, m, f) {
      if (c < cost[i]) { cost[i] = c; far[i] = m; label[i] = f; push(c, i); }
    }
    const onEdge = new Map();
    places.forEach((p, f) => {
      const l = p.leg / net.access;
      if (p.node >= 0) reach(p.node, l, p.leg, f);
      else if (p.edge >= 0) {
        reach(net.u[p.edge], l + forward[p.edge] * p.fraction, p.leg + net.metres[p.edge] * p.fraction, f);
        reach(net.v[p.edge], l + backward[p.edge] * (1 - p.fraction), p.leg + net.metres[p.edge] * (1 - p.fraction), f);
        if (!onEdge.has(p.edge)) onEdge.set(p.edge, []);
        onEdge.get(p.edge).push(f);
      }
    });
    while (size) {
      const c = heapCost[0], i = heapNode[0];
      pop();
      if (c > cost[i]) continue;
      for (let k = net.start[i]; k < net.start[i + 1]; k++) {
        // half: edge * 2 when i is its end v (travel u to v), + 1 when i is its start (v to u)
        const e = net.half[k] >> 1, other = net.half[k] & 1 ? net.v[e] : net.u[e];
        const w = net.half[k] & 1 ? backward[e] : forward[e];
        if (c + w < cost[other]) reach(other, c + w, far[i] + net.metres[e], label[i]);
      }
    }
    const count = net.village.length, seconds = new Float64Array(count).fill(Infinity), metres = new Float64Array(count), facility = new Int32Array(count).fill(-1);
    for (let r = 0; r < count; r++) {
      const l = leg[r] / net.access;
      const take = (c, m, f) => { if (c + l < seconds[r]) { seconds[r] = c + l; metres[r] = m + leg[r]; facility[r] = f; } };
      if (node[r] >= 0) {
        if (label[node[r]] >= 0) take(cost[node[r]], far[node[r]], label[node[r]]);
      } else if (edge[r] >= 0) {
        const e = edge[r], t = fraction[r], a = net.u[e], b = net.v[e];
        if (label[a] >= 0) take(cost[a] + backward[e] * t, far[a] + net.metres[e] * t, label[a]);
        if (label[b] >= 0) take(cost[b] + forward[e] * (1 - t), far[b] + net.metres[e] * (1 - t), label[b]);
        for (const f of onEdge.get(e) || []) {
          const p = places[f], d = p.fraction - t, w = d >= 0 ? forward[e] * d : backward[e] * -d;
          take(w + p.leg / net.access, net.metres[e] * Math.abs(d) + p.leg, f);
        }
      }
    }
    return { seconds, metres, facility };
  };

  // --- the panel ------------------------------------------------------------------------------

  QW.buildWhatif = function (root, map, data, body) {
    const w = data.whatif;
    if (!w) return;
    const state = (QW.what = { service: 0, limit: w.services[0].limit, mode: w.services[0].mode, list: [], added: 0, on: false, base: null, result: null, adding: false });
    const group = L.layerGroup();
    let net = null, loading = null;
    const load = () => (loading = loading || QW.loadNetwork(w).then((made) => (net = QW.net = made)));
    const service = () => w.services[state.service];

    /** Take the recorded facilities of the chosen service. */
    function reset() {
      const s = service();
      state.limit = s.limit;
      state.mode = s.mode;
      state.list = s.facilities.map((f) => ({ id: f.id, name: f.name, x: f.x, y: f.y, status: "existing", open: true, from: [f.x, f.y] }));
      state.added = 0;
      state.base = null;
    }
    /** The place of a facility on the roads, kept until it moves or the mode changes. */
    function snapped(f) {
      const key = state.mode + " " + f.x + " " + f.y;
      if (f.key !== key) { f.key = key; f.place = QW.snap(net, state.mode, f.x, f.y); }
      return f.place;
    }
    function compute() {
      const started = performance.now();
      const open = state.list.filter((f) => f.open);
      const found = QW.search(net, state.mode, open.map(snapped));
      const limit = state.limit * 60 * (1 + 1e-12), covered = new Map(), minutes = new Map();
      let n = 0, people = 0, all = 0;
      for (let r = 0; r < net.village.length; r++) {
        const v = data.villages[net.village[r]], ok = found.seconds[r] <= limit;
        covered.set(v, ok);
        minutes.set(v, [found.seconds[r] / 60, found.facility[r] < 0 ? "" : open[found.facility[r]].name, found.metres[r]]);
        n += ok;
        if (v.people) { all += v.people[0]; if (!ok) people += v.people[0]; }
      }
      state.result = { covered, minutes, n, total: net.village.length, uncoveredPeople: people, people: all, milliseconds: performance.now() - started, seconds: found.seconds, metres: found.metres };
      state.base = state.base || { n, uncoveredPeople: people };
    }
    QW.whatState = (v) => (state.result && state.result.covered.has(v) ? Number(state.result.covered.get(v)) : 2);
    QW.recompute = function () {
      compute();
      QW.redraw();
      draw();
      QW.refreshLegend();
    };

    function markers() {
      group.clearLayers();
      if (!state.on) return;
      const many = state.list.length > 40 && map.getZoom() < 12.5, view = map.getBounds().pad(0.2);
      for (const f of state.list) {
        const [lat, lon] = net.projection.inverse(f.x, f.y);
        if (state.list.length > 400 && f.status === "existing" && !view.contains([lat, lon])) continue;
        const dot = many && f.status === "existing";
        const node = dot ? h("span", { class: "qw-site-dot" + (f.open ? "" : " qw-site-closed") }) : h("span", { class: "qw-site qw-site-" + f.status + (f.open ? "" : " qw-site-closed") });
        const marker = L.marker([lat, lon], { draggable: true, autoPan: true, title: f.name, icon: L.divIcon({ className: "qw-site-icon", html: node, iconSize: dot ? [12, 12] : [26, 26] }), zIndexOffset: dot ? 0 : 1000 });
        marker.on("drag", () => { place(f, marker.getLatLng()); schedule(); });
        marker.on("dragend", () => { place(f, marker.getLatLng()); QW.recompute(); });
        marker.on("click", (event) => { L.DomEvent.stopPropagation(event); toggle(f); });
        group.addLayer(marker);
      }
    }
    map.on("zoomend", markers);
    map.on("moveend", () => { if (state.list.length > 400) markers(); });
    let frame = 0;
    function schedule() {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => { compute(); QW.redraw(); totals(); });
    }
    function place(f, at) {
      [f.x, f.y] = net.projection.forward(at.lat, at.lng);
      if (f.status === "existing") f.status = "moved";
    }
    function toggle(f) {
      if (f.status === "added") state.list.splice(state.list.indexOf(f), 1);
      else f.open = !f.open;
      markers();
      QW.recompute();
    }
    QW.addSite = function (at) {
      state.added += 1;
      const [x, y] = net.projection.forward(at.lat, at.lng);
      state.list.push({ id: "new-" + state.added, name: QW.t("what_new") + " " + state.added, x, y, status: "added", open: true });
      markers();
      QW.recompute();
    };
    function adding(on) {
      state.adding = on;
      QW.pick = on ? (at) => { adding(false); QW.addSite(at); } : null;
      map.getContainer().classList.toggle("qw-crosshair", on);
      draw();
    }

    /** Switch what-if on or off. */
    QW.whatif = async function (on) {
      if (on && !net) await load();
      state.on = on;
      if (on) {
        if (!state.list.length) reset();
        QW.colourBy("whatif", true);
        group.addTo(map);
        compute();
      } else {
        adding(false);
        group.remove();
        if (QW.state.by === "whatif") QW.colourBy("category");
      }
      markers();
      QW.redraw();
      QW.refresh();
      draw();
    };

    /** The scenario as `qianwan site --scenario` reads it. */
    QW.scenario = () => ({
      format: w.format, crs: w.crs, title: data.title, service: service().service, tier: service().tier, mode: state.mode, limit_minutes: state.limit,
      facilities: state.list.filter((f) => f.open).map((f) => { const [lat, lon] = net.projection.inverse(f.x, f.y); return { id: f.id, name: f.name, status: f.status, x: f.x, y: f.y, lon: Number(lon.toFixed(8)), lat: Number(lat.toFixed(8)) }; }),
      closed: state.list.filter((f) => !f.open).map((f) => f.id),
      result: { covered: state.result.n, assessed: state.result.total },
    });
    function save() {
      const link = h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(QW.scenario(), null, 1)], { type: "application/json" })), download: "scenario.json" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }

    const numbers = h("div", {});
    function totals() {
      const r = state.result, change = r.n - state.base.n;
      QW.fill(numbers, h("div", { class: "qw-figures qw-figures-what" },
        h("div", { class: "qw-figure" }, h("b", {}, QW.number(r.n)), h("span", {}, QW.t("what_covered", { n: r.total }))),
        h("div", { class: "qw-figure" }, h("b", { class: change > 0 ? "qw-up" : change < 0 ? "qw-down" : "" }, (change > 0 ? "+" : "") + QW.number(change)), h("span", {}, QW.t("what_change"))),
        data.people ? h("div", { class: "qw-figure" }, h("b", {}, QW.number(r.uncoveredPeople)), h("span", {}, QW.t("what_people"))) : null));
    }
    function draw() {
      if (!state.on) {
        QW.fill(body, h("section", { class: "qw-group" }, h("h2", {}, QW.t("tab_whatif")), h("p", {}, QW.t("what_intro")),
          h("div", { class: "qw-actions" }, h("button", { type: "button", class: "qw-what-start", on: { click: () => QW.whatif(true) } }, QW.icon("play"), QW.t("what_start")))));
        return;
      }
      if (!state.result) return;
      totals();
      const output = h("output", {}, state.limit + " " + QW.t("minute"));
      QW.fill(body,
        numbers,
        h("section", { class: "qw-group" },
          w.services.length > 1 ? h("label", { class: "qw-field" }, QW.t("what_service"), h("select", { class: "qw-what-service", on: { change: (e) => { state.service = Number(e.target.value); reset(); compute(); markers(); QW.recompute(); } } },
            w.services.map((s, i) => h("option", { value: i, selected: i === state.service }, s.title)))) : null,
          w.modes.length > 1 ? h("label", { class: "qw-field" }, QW.t("what_mode"), h("select", { class: "qw-what-mode", on: { change: (e) => { state.mode = e.target.value; state.base = null; QW.recompute(); } } },
            w.modes.map((m) => h("option", { value: m, selected: m === state.mode }, QW.t("mode_" + m))))) : null,
          h("label", { class: "qw-field" }, QW.t("what_limit"), h("input", { type: "range", min: 1, max: Math.max(60, service().limit * 2), step: 1, value: state.limit, on: {
            input: (e) => { state.limit = Number(e.target.value); output.textContent = state.limit + " " + QW.t("minute"); state.base = null; schedule(); }, change: () => QW.recompute() } }), output)),
        h("div", { class: "qw-actions" },
          h("button", { type: "button", class: "qw-what-add", "aria-pressed": String(state.adding), on: { click: () => adding(!state.adding) } }, QW.icon("plus"), QW.t(state.adding ? "what_click" : "what_add")),
          h("button", { type: "button", on: { click: save } }, QW.icon("share"), QW.t("what_save")),
          h("button", { type: "button", on: { click: () => { reset(); markers(); QW.recompute(); } } }, QW.t("what_reset")),
          h("button", { type: "button", class: "qw-what-stop", on: { click: () => QW.whatif(false) } }, QW.t("what_stop"))),
        h("section", { class: "qw-group" }, h("h2", {}, service().title + " " + state.list.filter((f) => f.open).length), h("div", { class: "qw-list" },
          [...state.list].sort((a, b) => Number(a.status === "existing") - Number(b.status === "existing")).slice(0, 60).map((f) => h("button", { type: "button", class: "qw-item" + (f.open ? "" : " qw-closed"), title: QW.t("what_toggle"), on: { click: () => toggle(f) } },
            h("span", { class: "qw-site qw-site-" + f.status + (f.open ? "" : " qw-site-closed") }), h("b", {}, f.name), h("small", {}, QW.t(f.open ? "what_" + f.status : "what_closed")))))),
        h("p", { class: "qw-dim" }, QW.t("what_note")));
    }
    draw();
  };
})(window.QW);
