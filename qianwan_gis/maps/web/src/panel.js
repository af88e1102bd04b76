/* The side panel: search, layer tree, filters, summary, about; and the legend. */
(function (QW) {
  "use strict";
  const { h } = QW;

  QW.buildPanel = function (root, map, data) {
    const state = QW.state;
    const panel = h("aside", { class: "qw-panel", "aria-label": QW.t("tab_layers") });
    const tabs = [
      ["layers", "tab_layers", "layers"], ["filter", "tab_filter", "filter"],
      ["summary", "tab_summary", "chart"], ...(data.whatif ? [["whatif", "tab_whatif", "move"]] : []), ["legend", "legend", "list"], ["about", "tab_about", "info"],
    ];
    const bodies = {}, buttons = {};
    const strip = h("div", { class: data.lang === "en" && tabs.length > 5 ? "qw-tabs qw-tabs-many" : "qw-tabs", role: "tablist" });
    const sheet = h("div", { class: "qw-bodies" });
    // On a phone: tap or pull down to close the sheet.
    const handle = h("button", { type: "button", class: "qw-handle", title: QW.t("close"), "aria-label": QW.t("close"), on: { click: closeSheet } });
    let pulled = null;
    handle.addEventListener("touchstart", (event) => { pulled = event.touches[0].clientY; }, { passive: true });
    handle.addEventListener("touchmove", (event) => { if (pulled !== null && event.touches[0].clientY - pulled > 40) { pulled = null; closeSheet(); } }, { passive: true });
    sheet.append(handle);
    function closeSheet() {
      root.classList.remove("qw-sheet-open");
      if (buttons[state.tab]) buttons[state.tab].setAttribute("aria-selected", "false");
    }
    for (const [key, word, icon] of tabs) {
      buttons[key] = h("button", { type: "button", role: "tab", id: "qw-tab-" + key, "aria-controls": "qw-body-" + key, "data-tab": key,
        on: { click: () => QW.tab(key, true) } }, QW.icon(icon), h("span", {}, QW.t(word)));
      bodies[key] = h("div", { class: "qw-body", role: "tabpanel", id: "qw-body-" + key, "aria-labelledby": "qw-tab-" + key, tabIndex: -1 });
      strip.append(buttons[key]);
      sheet.append(bodies[key]);
    }
    strip.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const keys = tabs.map((t) => t[0]).filter((k) => buttons[k].offsetParent);
      const at = keys.indexOf(state.tab), step = event.key === "ArrowRight" ? 1 : keys.length - 1;
      const next = keys[(at + step) % keys.length];
      QW.tab(next);
      buttons[next].focus();
      event.stopPropagation();
    });
    const head = h("header", { class: "qw-head" },
      h("div", { class: "qw-title" }, h("h1", {}, data.title), h("p", {}, QW.t("subtitle"), " · ", h("time", {}, data.box[2][1]))),
      h("button", { type: "button", class: "qw-fold", title: QW.t("collapse"), "aria-label": QW.t("collapse"), on: { click: () => { root.classList.add("qw-folded"); QW.redraw(); } } }, QW.icon("left")));
    const search = buildSearch();
    panel.append(head, search, strip, sheet);
    const unfold = h("button", { type: "button", class: "qw-unfold", title: QW.t("expand"), "aria-label": QW.t("expand"), on: { click: () => { root.classList.remove("qw-folded"); QW.redraw(); } } }, QW.icon("right"));
    root.append(panel, unfold);

    /** Open a tab; on a phone a second press closes the sheet. */
    QW.tab = function (key, toggle) {
      const small = QW.small();
      if (small && toggle && state.tab === key && root.classList.contains("qw-sheet-open")) {
        closeSheet();
        return;
      }
      state.tab = key;
      freshen();
      for (const [name, body] of Object.entries(bodies)) {
        body.hidden = name !== key;
        buttons[name].setAttribute("aria-selected", String(name === key));
      }
      if (small && toggle) { root.classList.add("qw-sheet-open"); QW.closeCard(); }
      root.classList.remove("qw-folded");
    };

    // A tab is drawn when it is looked at, and again only when something has changed.
    const drawers = { layers: drawLayers, filter: drawFilter, summary: drawSummary };
    const stale = new Set();
    function freshen() {
      if (stale.delete(state.tab)) drawers[state.tab]();
    }

    // --- search -------------------------------------------------------------------------

    function buildSearch() {
      const list = h("ul", { class: "qw-hits", role: "listbox", id: "qw-hits", hidden: true });
      const input = h("input", { type: "search", placeholder: QW.t("search"), "aria-label": QW.t("search"), autocomplete: "off", spellcheck: "false",
        role: "combobox", "aria-controls": "qw-hits", "aria-expanded": "false", id: "qw-search" });
      const wipe = QW.button(QW.t("clear"), "close", () => { input.value = ""; update(); input.focus(); }, { class: "qw-wipe", hidden: true });
      let hits = [], at = -1;
      function score(v, q) {
        const name = v.name.toLowerCase(), [letters, initials] = v.py;
        if (name === q || v.code === q) return 0;
        if (name.startsWith(q)) return 1;
        if (initials === q) return 2;
        if (name.includes(q)) return 3;
        if (letters.startsWith(q)) return 4;
        if (initials.startsWith(q)) return 5;
        if (v.code.startsWith(q) || (q.length >= 3 && v.code.endsWith(q))) return 6;
        if (q.length >= 3 && letters.includes(q)) return 7;
        if (v.town && v.town.name.includes(q)) return 9;
        return -1;
      }
      function update() {
        const q = input.value.trim().toLowerCase().replace(/\s+/g, "");
        wipe.hidden = !q;
        list.replaceChildren();
        list.hidden = !q;
        input.setAttribute("aria-expanded", String(Boolean(q)));
        hits = [];
        at = -1;
        if (!q) return;
        const towns = data.townships.filter((t) => t.name.toLowerCase().includes(q)).slice(0, 3);
        const found = data.villages.map((v) => [score(v, q), v]).filter(([s]) => s >= 0)
          .sort((a, b) => a[0] - b[0] || Number(!a[1].category) - Number(!b[1].category) || a[1].code.localeCompare(b[1].code));
        const rows = [...towns.map((t) => ["town", t]), ...found.slice(0, 12).map(([, v]) => ["village", v])];
        rows.forEach(([kind, item], i) => {
          const row = kind === "town"
            ? h("li", { role: "option", id: "qw-hit-" + i }, h("span", { class: "qw-seat-dot" }), h("b", {}, item.title), h("small", {}, QW.t("card_town_all", { n: item.villages.length })))
            : h("li", { role: "option", id: "qw-hit-" + i }, QW.swatch(QW.symbol(item), 18), h("b", {}, item.title), h("small", {}, [item.town && item.town.title, item.at ? "" : QW.t("pending")].filter(Boolean).join(" · ")));
          row.addEventListener("mousedown", (event) => { event.preventDefault(); choose(i); });
          list.append(row);
          hits.push([kind, item]);
        });
        if (!rows.length) list.append(h("li", { class: "qw-none" }, QW.t("search_none")));
        if (found.length > 12) list.append(h("li", { class: "qw-none" }, QW.t("search_more", { n: found.length - 12 })));
        if (rows.length) mark(0);
      }
      function mark(i) {
        at = i;
        [...list.children].forEach((row, n) => row.setAttribute("aria-selected", String(n === i)));
        input.setAttribute("aria-activedescendant", "qw-hit-" + i);
        list.children[i].scrollIntoView({ block: "nearest" });
      }
      function choose(i) {
        const [kind, item] = hits[i];
        list.hidden = true;
        input.setAttribute("aria-expanded", "false");
        input.value = item.name;
        wipe.hidden = false;
        input.blur();
        kind === "town" ? QW.showTown(item, true) : QW.select(item, true);
      }
      input.addEventListener("input", update);
      input.addEventListener("focus", update);
      input.addEventListener("blur", () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); });
      input.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key === "ArrowDown" && hits.length) { mark((at + 1) % hits.length); event.preventDefault(); }
        else if (event.key === "ArrowUp" && hits.length) { mark((at + hits.length - 1) % hits.length); event.preventDefault(); }
        else if (event.key === "Enter" && at >= 0) choose(at);
        else if (event.key === "Escape") input.value ? ((input.value = ""), update()) : input.blur();
      });
      QW.focusSearch = () => { root.classList.remove("qw-folded"); input.focus(); input.select(); };
      return h("div", { class: "qw-search" }, QW.icon("search"), input, wipe, list);
    }

    // --- layer tree ---------------------------------------------------------------------

    function radios() {
      const entries = [
        ["category", QW.t("by_category"), ""], ["match", QW.t("by_match"), ""],
        ...data.services.map((s) => ["s:" + s.key, s.title, QW.t("inventory") + QW.t("colon") + s.inventory]),
      ];
      return entries.map(([value, title, note]) =>
        h("label", { class: "qw-row" },
          h("input", { type: "radio", name: "qw-by", value, checked: state.by === value, on: { change: () => QW.colourBy(value) } }),
          h("span", { class: "qw-row-text" }, title, note ? h("small", {}, note) : null)));
    }
    QW.colourBy = function (value, quiet) {
      if (value !== "whatif" && QW.what && QW.what.on) return QW.whatif(false).then(() => QW.colourBy(value));
      state.by = value;
      if (quiet) return undefined;
      QW.redraw();
      QW.refresh();
      return undefined;
    };
    const folded = new Map();
    const tally = (group, rows) => { group.querySelector(".qw-count").textContent = QW.number(rows.filter((l) => state.on[l.key]).length) + " / " + QW.number(rows.length); };
    function drawLayers() {
      const body = bodies.layers;
      QW.fill(body, h("section", { class: "qw-group" }, h("h2", {}, QW.t("colour_by")), radios()));
      const basemaps = QW.basemapRows();
      for (const [theme, title] of Object.entries(data.themes)) {
        const rows = QW.layers.filter((l) => l.theme === theme);
        if (!rows.length) continue;
        // What holds for several layers is said once, under them.
        const shared = new Set(rows.map((l) => l.note).filter((note, i, all) => note && rows[i].planning && all.indexOf(note) !== i));
        // Themes that hold planning layers alone stay folded until something in them is on.
        if (!folded.has(theme)) folded.set(theme, rows.length > 2 && rows.every((l) => l.planning && !state.on[l.key]));
        body.append(h("details", { class: "qw-group qw-theme", "data-theme": theme, open: !folded.get(theme), on: { toggle: (event) => folded.set(theme, !event.target.open) } },
          h("summary", {}, h("h2", {}, title), h("span", { class: "qw-count" }, QW.number(rows.filter((l) => state.on[l.key]).length) + " / " + QW.number(rows.length))), rows.map((layer) => {
          const sample = theme === "villages" ? null : (layer.legend()[0] || {}).swatch;
          return h("label", { class: "qw-row" },
            h("input", { type: "checkbox", checked: state.on[layer.key], "data-layer": layer.key,
              on: { change: (event) => { QW.show(layer.key, event.target.checked); drawLegend(); QW.remember(); tally(event.target.closest("details"), rows); } } }),
            h("span", { class: "qw-row-text" }, layer.title, layer.note && !shared.has(layer.note) ? h("small", {}, layer.note) : null),
            sample ? sample() : null,
            layer.count ? h("span", { class: "qw-count" }, QW.number(layer.count)) : null);
        }), [...shared].map((note) => h("p", { class: "qw-dim qw-theme-note" }, note))));
      }
      if (basemaps) body.append(basemaps);
    }

    // --- filters ------------------------------------------------------------------------

    function toggle(key, value) {
      const values = state.filter[key], at = values.indexOf(value);
      at < 0 ? values.push(value) : values.splice(at, 1);
      QW.redraw();
      QW.refresh();
    }
    function chipset(key, title, options) {
      return h("section", { class: "qw-group" }, h("h2", {}, title), h("div", { class: "qw-chips" }, options.filter((o) => o[2] !== 0).map(([value, label, count, swatch]) =>
        h("button", { type: "button", class: "qw-chip", "aria-pressed": String(state.filter[key].includes(value)), "data-filter": key + "=" + value,
          on: { click: () => { toggle(key, value); focusFilter(key + "=" + value); } } },
          swatch || null, label, count === null ? null : h("span", { class: "qw-count" }, QW.number(count))))));
    }
    function focusFilter(name) {
      const again = [...bodies.filter.querySelectorAll("[data-filter]")].find((b) => b.dataset.filter === name);
      if (again) again.focus({ preventScroll: true });
    }
    function drawFilter() {
      const count = (test) => data.villages.filter(test).length;
      const lists = [...new Set(data.villages.flatMap((v) => v.lists))];
      const shown = QW.filtered();
      const body = bodies.filter;
      const coverage = data.services.map((s, i) => h("div", { class: "qw-cover-filter" }, h("h3", {}, s.title), h("div", { class: "qw-chips" },
        [[1, "covered"], [0, "uncovered"], [2, "unknown"]].map(([value, word]) => {
          const n = count((v) => v.state(i) === value), key = s.key + ":" + value;
          if (!n) return null;
          return h("button", { type: "button", class: "qw-chip", "aria-pressed": String(state.filter.cover.includes(key)), "data-filter": "cover=" + key,
            on: { click: () => { toggle("cover", key); focusFilter("cover=" + key); } } },
            QW.swatch(coverLook(value), 16), QW.t(word), h("span", { class: "qw-count" }, QW.number(n)));
        }))));
      QW.fill(body,
        h("div", { class: "qw-shown" }, h("b", {}, QW.t("shown", { n: shown.length, all: data.villages.length })),
          h("button", { type: "button", class: "qw-link", disabled: !QW.isFiltered(), on: { click: () => { for (const k of Object.keys(state.filter)) state.filter[k] = []; QW.redraw(); QW.refresh(); } } }, QW.t("reset"))),
        chipset("category", QW.t("filter_category"), data.styles.category.map((c) => [c.value || "-", c.title, count((v) => v.category === c.value), QW.swatch({ shape: c.shape, color: c.color, radius: 5 }, 16)])),
        lists.length ? chipset("list", QW.t("filter_list"), [...lists.map((l) => [l, l, count((v) => v.lists.includes(l))]), ["-", QW.t("no_list"), count((v) => !v.lists.length)]]) : null,
        chipset("place", QW.t("filter_place"), [["located", QW.t("located"), count((v) => v.at)], ["pending", QW.t("pending"), count((v) => !v.at)]]),
        data.corridor && data.corridor.zones.length ? chipset("zone", data.corridor.name, [...data.corridor.zones].reverse().map((z) =>
          [String(z.width), QW.t("within", { km: QW.number(z.width / 1000, 1) }), count((v) => v.chainage && v.chainage[4] && v.chainage[4] <= z.width)])) : null,
        data.services.length ? h("section", { class: "qw-group" }, h("h2", {}, QW.t("filter_cover")), coverage) : null,
        chipset("town", QW.t("filter_town"), data.townships.map((t) => [t.name, t.title, t.villages.length])),
        h("section", { class: "qw-group" }, villageList(shown, 100)));
    }
    function coverLook(value) {
      const s = data.styles.coverage[[1, 0, 2][value]];
      return { shape: s.shape, color: s.color, edge: "#707070", radius: value === 2 ? 4 : 5 };
    }
    QW.coverLook = coverLook;

    /** Villages as buttons: the way to every village by keyboard. */
    function villageList(villages, limit, inTown) {
      const sorted = [...villages].sort((a, b) => Number(!a.category) - Number(!b.category) || a.code.localeCompare(b.code));
      return h("div", { class: "qw-list" },
        sorted.slice(0, limit).map((v) => h("button", { type: "button", class: "qw-item", on: { click: () => QW.select(v, true) } },
          QW.swatch(QW.symbol(v), 18), h("b", {}, v.title), h("small", {}, (inTown ? v.lists : [v.town && v.town.title, v.at ? "" : QW.t("pending")]).filter(Boolean).join(" · ")))),
        sorted.length > limit ? h("p", { class: "qw-dim" }, QW.t("and_more", { n: limit })) : null);
    }
    QW.villageList = villageList;

    // --- summary ------------------------------------------------------------------------

    function stack(counts, total) {
      return h("div", { class: "qw-stack", role: "img", "aria-label": counts.map(([w, n]) => w + " " + n).join(QW.t("comma")) },
        counts.filter(([, n]) => n).map(([, n, color, edge]) => h("i", { style: { width: (100 * n) / total + "%", background: color, "box-shadow": edge ? "inset 0 0 0 1px " + edge : "none" } })));
    }
    function states(villages, i) {
      const n = [0, 0, 0];
      villages.forEach((v) => (n[v.state(i)] += 1));
      const c = data.styles.coverage;
      return [[QW.t("covered"), n[1], c[0].color], [QW.t("uncovered"), n[0], c[1].color], [QW.t("unknown"), n[2], "#ffffff", "#a5adb0"]];
    }
    /** Coverage of a set of villages by each service: counts, and shares only where the data bear them. */
    QW.coverage = (villages) => data.services.map((s, i) => {
      const rows = states(villages, i), assessed = rows[0][1] + rows[1][1];
      return h("div", { class: "qw-service" },
        h("div", { class: "qw-service-head" }, h("b", {}, s.title), h("small", {}, QW.t("sum_assessed", { n: assessed, all: villages.length }))),
        stack(rows, villages.length || 1),
        h("div", { class: "qw-service-key" }, rows.filter(([, n]) => n).map(([w, n, color, edge]) =>
          h("span", {}, h("i", { style: { background: color, "box-shadow": edge ? "inset 0 0 0 1px " + edge : "none" } }), w + " " + QW.number(n),
            data.percent && w !== QW.t("unknown") && assessed ? " (" + Math.round((100 * n) / assessed) + "%)" : ""))));
    });
    function drawSummary() {
      const villages = QW.filtered(), body = bodies.summary;
      const figure = (n, word) => h("div", { class: "qw-figure" }, h("b", {}, QW.number(n)), h("span", {}, QW.t(word)));
      const cover = QW.coverage(villages);
      const towns = data.townships.map((t) => [t, t.villages.filter(QW.matches)]).filter(([, vs]) => vs.length);
      const widest = Math.max(1, ...towns.map(([, vs]) => vs.length));
      const along = villages.filter((v) => v.chainage).sort((a, b) => a.chainage[0].localeCompare(b.chainage[0]) || a.chainage[5] - b.chainage[5]);
      QW.fill(body,
        QW.isFiltered() ? h("div", { class: "qw-shown" }, h("b", {}, QW.t("shown", { n: villages.length, all: data.villages.length }))) : null,
        h("div", { class: "qw-figures" }, figure(villages.length, "sum_villages"), figure(villages.filter((v) => v.lists.length).length, "sum_listed"),
          figure(villages.filter((v) => v.at).length, "sum_located"), figure(villages.filter((v) => !v.at).length, "sum_pending")),
        cover.length ? h("section", { class: "qw-group" }, h("h2", {}, QW.t("card_coverage")), cover, h("p", { class: "qw-dim" }, QW.t("sum_note"))) : null,
        h("section", { class: "qw-group" }, h("h2", {}, QW.t("sum_by_town"), " · ", QW.colouring()),
          towns.map(([t, vs]) => h("button", { type: "button", class: "qw-townrow", on: { click: () => QW.showTown(t, true) } },
            h("span", { title: t.title }, t.label),
            h("div", { class: "qw-townbar", style: { "--w": (100 * vs.length) / widest + "%" } }, stack(QW.parts(vs).map(([color, n, edge, title]) => [title, n, color, color === "#ffffff" ? edge : null]), vs.length)),
            h("span", { class: "qw-count" }, vs.length)))),
        data.corridor ? h("section", { class: "qw-group" }, h("h2", {}, QW.t("card_corridor")), h("button", { type: "button", class: "qw-item qw-corridor-row", on: { click: () => QW.showCorridor(true) } },
          QW.lineSwatch({ color: "#882255", width: 3.4, dashed: data.corridor.presumed ? "7 4" : null }), h("b", {}, data.corridor.name), h("small", {}, data.corridor.presumed ? data.corridor.basis : QW.metres(data.corridor.metres)))) : null,
        along.length ? h("section", { class: "qw-group" }, h("h2", {}, QW.t("sum_along")), h("div", { class: "qw-list" },
          along.slice(0, 200).map((v) => h("button", { type: "button", class: "qw-item", on: { click: () => QW.select(v, true) } },
            QW.swatch(QW.symbol(v), 18), h("b", {}, v.title), h("small", {}, (v.chainage[1] || QW.metres(v.chainage[5])) + " · " + v.chainage[3] + " " + QW.metres(v.chainage[2]))))) ) : null,
        data.targets.length ? h("section", { class: "qw-group" }, h("details", {}, h("summary", {}, QW.t("sum_targets") + QW.aside(data.targets.length) + QW.inChinese(data.targets.map((t) => t[0]).join(""))), h("ul", { class: "qw-targets" }, data.targets.map(([topic, year, value, status, doubt]) =>
          h("li", {}, h("span", {}, topic, h("small", {}, [year, status, doubt].filter(Boolean).join(" · "))), h("b", {}, value)))))) : null,
        data.collect.length ? h("section", { class: "qw-group" }, h("h2", {}, QW.t("sum_collect")), collect()) : null);
    }
    function collect() {
      return h("ol", { class: "qw-collect" }, data.collect.map(([item, why, department]) =>
        h("li", {}, h("b", {}, item), h("small", {}, why), h("small", {}, department))));
    }

    // --- about --------------------------------------------------------------------------

    function drawAbout() {
      QW.fill(bodies.about,
        h("section", { class: "qw-group" }, h("h2", {}, QW.t("about_box")), QW.infoBox()),
        h("section", { class: "qw-group" }, h("h2", {}, QW.t("about_sources") + QW.inChinese(data.sources.map((s) => s.source || "").join(""))), data.sources.map((s) => h("div", { class: "qw-source" },
          h("b", {}, s.title || ""), h("span", {}, [s.source, s.licence].filter(Boolean).join(" · ")),
          h("small", {}, [s.basis, s.date, s.features === null ? "" : QW.t("features", { n: QW.number(s.features) })].filter(Boolean).join(" · "))))),
        data.hidden.length ? h("section", { class: "qw-group" }, h("h2", {}, QW.t("hidden")), h("ul", { class: "qw-problems" }, data.hidden.map((r) => h("li", {}, r)))) : null,
        data.problems.length ? h("section", { class: "qw-group" }, h("details", {}, h("summary", {}, QW.t("about_problems") + QW.aside(data.problems.length)), h("ul", { class: "qw-problems" }, data.problems.map((p) => h("li", {}, p))))) : null,
        h("section", { class: "qw-group" }, h("h2", {}, QW.t("about_keys")), h("p", { class: "qw-dim" }, QW.t("keys"))));
    }
    QW.infoBox = (more) => h("dl", { class: "qw-box" }, [...data.box, ...(more ? [more] : [])].flatMap(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));

    // --- legend -------------------------------------------------------------------------

    const legend = h("details", { class: "qw-legend", open: window.innerWidth > 1180 }, h("summary", {}, QW.t("legend")));
    const legendBody = h("div", { class: "qw-legend-body" });
    legend.append(legendBody);
    root.append(legend);
    legend.addEventListener("toggle", () => root.dataset.ready && QW.redraw());
    QW.legendRows = function () {
      const groups = [];
      for (const [theme, title] of Object.entries(data.themes)) {
        const rows = QW.layers.filter((l) => l.theme === theme && state.on[l.key]).flatMap((l) => {
          const own = l.legend();
          // Symbols such as “below 1,000” mean nothing without the name of their layer.
          return l.planning && own.length > 1 ? [{ head: l.title }, ...own] : own;
        });
        if (theme === "villages" && state.on.points) {
          groups.push([QW.colouring(), rows]);
        } else if (rows.length) groups.push([title, rows]);
      }
      return groups.filter(([, rows]) => rows.length).map(([title, rows]) => h("div", { class: "qw-legend-group" }, h("h3", {}, title),
        rows.map((r) => r.head ? h("h4", {}, r.head) : h("div", { class: r.note ? "qw-key qw-key-note" : "qw-key" }, r.swatch(), h("span", {}, r.text), r.count === undefined ? null : h("span", { class: "qw-count" }, QW.number(r.count))))));
    };
    function drawLegend() {
      legendBody.replaceChildren(...QW.legendRows());
      bodies.legend.replaceChildren(h("div", { class: "qw-legend-body" }, QW.legendRows()));
    }

    /** Rebuild what depends on colouring, filters or layers. */
    QW.refresh = function () {
      Object.keys(drawers).forEach((key) => stale.add(key));
      freshen();
      drawLegend();
      QW.remember();
    };
    QW.refreshLegend = () => { stale.add("summary"); freshen(); drawLegend(); };
    drawAbout();
    QW.buildWhatif(root, map, data, bodies.whatif);
    QW.tab("layers");
    if (QW.small()) buttons.layers.setAttribute("aria-selected", "false");
  };
})(window.QW);
