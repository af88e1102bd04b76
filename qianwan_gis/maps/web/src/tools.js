/* Buttons on the map: zoom, whole county, measure, full screen, link, print; and the state in the address. */
(function (QW) {
  "use strict";
  const { h } = QW;

  QW.buildTools = function (root, map, data) {
    const state = QW.state, home = L.latLngBounds(data.boundary.bounds);
    /** The part of the map that panel, card, legend and sheet leave free, in pixels. */
    QW.free = () => {
      const { x, y } = map.getSize(), small = QW.small(), open = root.classList.contains("qw-card-open");
      const timed = root.classList.contains("qw-timed");
      if (small) return { left: 20, right: x - 20, top: 74, bottom: open ? y * 0.42 : y - (timed ? 200 : 120) };
      const legend = root.querySelector(".qw-legend");
      return {
        left: root.classList.contains("qw-folded") ? 60 : 388,
        right: x - (open ? 430 : legend.open ? 264 : 76),
        top: 24, bottom: y - (timed ? 140 : 44),
      };
    };
    QW.goHome = () => {
      const free = QW.free(), size = map.getSize();
      map.fitBounds(home, { paddingTopLeft: [free.left, free.top], paddingBottomRight: [size.x - free.right, size.y - free.bottom], animate: false });
    };
    const bar = h("div", { class: "qw-tools", role: "toolbar" },
      QW.button(QW.t("zoom_in"), "plus", () => map.zoomIn()),
      QW.button(QW.t("zoom_out"), "minus", () => map.zoomOut()),
      QW.button(QW.t("home"), "home", QW.goHome),
      QW.button(QW.t("measure"), "measure", () => QW.measure(), { class: "qw-measure-button", "aria-pressed": "false" }),
      document.fullscreenEnabled ? QW.button(QW.t("full"), "full", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen())) : null,
      QW.button(QW.t("share"), "share", () => QW.copyLink()),
      QW.button(QW.t("print"), "print", () => QW.printView(), { class: "qw-print-button" }));
    root.append(bar);

    const toast = h("div", { class: "qw-toast", role: "status", hidden: true });
    root.append(toast);
    let timer = 0;
    QW.say = function (text) {
      toast.textContent = text;
      toast.hidden = false;
      clearTimeout(timer);
      timer = setTimeout(() => (toast.hidden = true), 2600);
    };

    // --- address ------------------------------------------------------------------------

    const filters = { category: "fc", list: "fl", town: "ft", cover: "fs", place: "fp", zone: "fz" };
    let ready = false;
    /** Write the view into the address, so that a copied link shows the same map. */
    QW.remember = function () {
      if (!ready) return;
      const c = map.getCenter(), q = new URLSearchParams();
      q.set("z", [map.getZoom(), c.lat.toFixed(5), c.lng.toFixed(5)].join("/"));
      if (state.by !== "category" && state.by !== "whatif") q.set("by", state.by);
      const changed = QW.layers.filter((l) => state.on[l.key] !== l.on).map((l) => (state.on[l.key] ? "+" : "-") + l.key);
      if (changed.length) q.set("l", changed.join(","));
      for (const [key, short] of Object.entries(filters)) if (state.filter[key].length) q.set(short, state.filter[key].join(","));
      if (state.time.at !== null) q.set("t", (state.time.axis === "year" ? "" : "p") + state.time.at + (state.time.only ? "!" : ""));
      if (state.basemap) q.set("b", state.basemap);
      if (state.selected) q.set("v", state.selected.code);
      try {
        history.replaceState(null, "", "#" + q.toString());
      } catch {
        ready = false; // inside a notebook the page has no address of its own
      }
    };
    /** Take the view from the address; what does not exist there is passed over. */
    QW.recall = function () {
      const q = new URLSearchParams(location.hash.slice(1));
      const view = (q.get("z") || "").split("/").map(Number);
      if (view.length === 3 && view.every(Number.isFinite) && Math.abs(view[1]) <= 85) map.setView([view[1], view[2]], view[0], { animate: false });
      else QW.goHome();
      const by = q.get("by");
      if (by === "match" || data.services.some((s) => "s:" + s.key === by)) state.by = by;
      for (const entry of (q.get("l") || "").split(",")) {
        const key = entry.slice(1);
        if (QW.layers.some((l) => l.key === key)) state.on[key] = entry[0] === "+";
      }
      for (const [key, short] of Object.entries(filters)) state.filter[key] = (q.get(short) || "").split(",").filter(Boolean);
      const due = /^(p?)(\d{1,4})(!?)$/.exec(q.get("t") || "");
      if (due) QW.setTime(due[1] ? "phase" : "year", Number(due[2]), Boolean(due[3]), true);
      if (q.get("b")) QW.setBasemap(q.get("b"));
      return data.villages.find((v) => v.code === q.get("v")) || null;
    };
    QW.ready = () => { ready = true; };
    map.on("moveend", () => QW.remember());
    QW.copyLink = async function () {
      QW.remember();
      try {
        await navigator.clipboard.writeText(location.href);
        QW.say(QW.t("copied"));
      } catch {
        QW.say(QW.t("copy_failed"));
      }
    };

    // --- picking places: a click then means a place, whatever lies there ---

    QW.pick = null;
    map.getContainer().addEventListener("click", (event) => {
      if (!QW.pick || (map.dragging && map.dragging.moved())) return;
      event.stopPropagation();
      QW.pick(map.mouseEventToLatLng(event));
    }, true);

    // --- measure ------------------------------------------------------------------------

    let tool = null;
    QW.measure = function () { tool ? tool.stop() : (tool = measuring()); };
    function measuring() {
      const points = [], group = L.layerGroup().addTo(map), renderer = L.svg({ pane: "qwzones" });
      const button = bar.querySelector(".qw-measure-button");
      const out = h("div", { class: "qw-readout" });
      root.append(out);
      button.setAttribute("aria-pressed", "true");
      map.getContainer().classList.add("qw-crosshair");
      map.doubleClickZoom.disable();
      let done = false;
      function draw(hover) {
        const line = hover && !done ? [...points, hover] : points;
        group.clearLayers();
        const style = { renderer, pane: "qwzones", interactive: false, color: "#12656b", weight: 2.4 };
        if (line.length > 2) group.addLayer(L.polygon(line, Object.assign({}, style, { stroke: false, fillOpacity: 0.1 })));
        if (line.length > 1) group.addLayer(L.polyline(line, Object.assign({ dashArray: done ? null : "6 5" }, style)));
        points.forEach((p) => group.addLayer(L.circleMarker(p, Object.assign({}, style, { radius: 4, fillColor: "#fff", fillOpacity: 1 }))));
        const length = line.slice(1).reduce((s, p, i) => s + QW.distance(line[i], p), 0), area = QW.area(line);
        out.replaceChildren(...(line.length < 2 ? [QW.t("measure_hint")] : [
          h("b", {}, QW.t("measure_line") + " " + exact(length)),
          line.length > 2 ? h("b", {}, QW.t("measure_area") + " " + (area >= 1e6 ? QW.number(area / 1e6, 2) + " " + QW.t("square_kilometre") : QW.number(area / 1e4, 2) + " " + QW.t("hectare"))) : "",
          h("small", {}, QW.t("measure_hint"))]));
        out.dataset.metres = length.toFixed(1);
        out.dataset.area = area.toFixed(0);
      }
      const exact = (m) => (m >= 1000 ? QW.number(m / 1000, 2) + " " + QW.t("kilometre") : QW.number(m) + " " + QW.t("metre"));
      QW.pick = (at) => {
        if (done) { points.length = 0; done = false; }
        const last = points[points.length - 1];
        // The second click of a double click adds nothing.
        if (!last || map.latLngToContainerPoint(last).distanceTo(map.latLngToContainerPoint(at)) > 3) points.push(at);
        draw();
      };
      const move = (event) => points.length && draw(event.latlng);
      const finish = () => { done = true; draw(); };
      const key = (event) => { if (event.key === "Enter") finish(); };
      map.on("mousemove", move).on("dblclick", finish);
      document.addEventListener("keydown", key);
      draw();
      return {
        stop() {
          map.off("mousemove", move).off("dblclick", finish);
          document.removeEventListener("keydown", key);
          map.doubleClickZoom.enable();
          map.getContainer().classList.remove("qw-crosshair");
          group.remove();
          out.remove();
          button.setAttribute("aria-pressed", "false");
          tool = null;
          QW.pick = null;
        },
      };
    }

    // --- print --------------------------------------------------------------------------

    const PAPER = { A4: [297, 210], A3: [420, 297] };
    /** A sheet with title, map, legend and particulars, at the true size of the paper. */
    QW.printView = function () {
      if (root.classList.contains("qw-printing")) return;
      QW.closeCard();
      if (tool) tool.stop();
      const element = map.getContainer(), place = h("div"), free = QW.free();
      const before = [map.getCenter(), map.getZoom()];
      const seen = L.latLngBounds(map.containerPointToLatLng([free.left, free.bottom]), map.containerPointToLatLng([free.right, free.top]));
      const bounds = seen.contains(home) ? home : seen; // the whole county fills the sheet
      const retina = L.Browser.retina;
      let size = "A4", wide = true;
      element.replaceWith(place);
      const slot = h("div", { class: "qw-paper-map" }, element);
      const north = QW.svg("svg", { viewBox: "0 0 30 44", width: 30, height: 44, class: "qw-north" },
        QW.svg("path", { d: "M15 2 23 34 15 28 7 34z", fill: "none", stroke: "#1d2b32", "stroke-width": 1.4 }),
        QW.svg("path", { d: "M15 2 15 28 7 34z", fill: "#1d2b32" }));
      const ratio = h("p", { class: "qw-ratio" });
      const paper = h("div", { class: "qw-paper" },
        h("header", {}, h("h1", {}, data.title), data.marks.map((m) => h("p", { class: "qw-mark" }, m))),
        slot,
        h("footer", {}, h("div", { class: "qw-paper-legend" }, h("h2", {}, QW.t("legend")), QW.legendRows()),
          h("div", { class: "qw-paper-box" }, QW.infoBox(state.time.at === null ? null : [QW.t("time"), QW.t(state.time.only ? "time_only" : "time_until") + " " + QW.moment(state.time.axis, state.time.at)]), ratio), h("div", { class: "qw-paper-north" }, north, h("span", {}, QW.t("north")))));
      const page = h("style", {});
      const choice = (value, word, current, set) => h("button", { type: "button", "aria-pressed": String(current() === value), on: { click: (event) => {
        set(value);
        [...event.currentTarget.parentNode.children].forEach((b) => b.setAttribute("aria-pressed", String(b === event.currentTarget)));
        fit();
      } } }, word);
      const bench = h("div", { class: "qw-bench" },
        h("div", { class: "qw-bench-bar" },
          h("div", { class: "qw-segment" }, Object.keys(PAPER).map((s) => choice(s, s, () => size, (v) => (size = v)))),
          h("div", { class: "qw-segment" }, [[true, "print_landscape"], [false, "print_portrait"]].map(([v, w]) => choice(v, QW.t(w), () => wide, (x) => (wide = x)))),
          h("button", { type: "button", class: "qw-primary", on: { click: () => window.print() } }, QW.icon("print"), QW.t("print_now")),
          h("button", { type: "button", on: { click: close } }, QW.t("print_back"))),
        h("div", { class: "qw-bench-stage" }, paper));
      document.body.append(page, bench);
      root.classList.add("qw-printing");
      document.documentElement.classList.add("qw-printing");
      L.Browser.retina = true; // twice the pixels: canvases print sharp
      function fit() {
        const [long, short] = PAPER[size], w = wide ? long : short, t = wide ? short : long;
        page.textContent = `@page{size:${size} ${wide ? "landscape" : "portrait"};margin:0}`;
        paper.style.width = w + "mm";
        paper.style.height = t + "mm";
        paper.dataset.wide = String(wide);
        paper.dataset.size = size;
        const stage = bench.querySelector(".qw-bench-stage");
        paper.style.transform = "none";
        const scale = Math.min(1, (stage.clientWidth - 32) / paper.offsetWidth);
        paper.style.transform = `scale(${scale})`;
        // A scaled element keeps its full size in the layout: take the rest away again.
        paper.style.marginBottom = -(1 - scale) * paper.offsetHeight + "px";
        paper.style.marginLeft = Math.max(0, (stage.clientWidth - 32 - scale * paper.offsetWidth) / 2) + "px";
        map.invalidateSize({ animate: false });
        map.fitBounds(bounds, { animate: false, padding: bounds === home ? [16, 24] : [0, 0] });
        const c = map.getCenter(), p = map.latLngToContainerPoint(c);
        const ground = QW.distance(c, map.containerPointToLatLng(p.add([100, 0]))) / 100; // metres a CSS pixel
        ratio.textContent = QW.t("scale_about", { n: QW.number(Math.round((ground / 0.0002645833) / 1000) * 1000) });
        QW.redraw();
      }
      function close() {
        place.replaceWith(element);
        bench.remove();
        page.remove();
        root.classList.remove("qw-printing");
        document.documentElement.classList.remove("qw-printing");
        document.removeEventListener("keydown", escape, true);
        L.Browser.retina = retina;
        map.invalidateSize({ animate: false });
        map.setView(before[0], before[1], { animate: false });
        QW.redraw();
      }
      const escape = (event) => { if (event.key === "Escape") { event.stopPropagation(); close(); } };
      document.addEventListener("keydown", escape, true);
      fit();
    };

    // --- keys ---------------------------------------------------------------------------

    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || root.classList.contains("qw-printing")) return;
      if (event.target.matches && event.target.matches("input[type=search],input[type=text],textarea,select")) return;
      const act = {
        "/": QW.focusSearch, l: () => QW.tab("layers", true), f: () => QW.tab("filter", true), s: () => QW.tab("summary", true),
        h: QW.goHome, m: QW.measure, p: QW.printView,
        Escape: () => (tool ? tool.stop() : root.classList.contains("qw-sheet-open") ? QW.tab(state.tab, true) : QW.closeCard()),
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  };
})(window.QW);
