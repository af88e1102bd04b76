/* The card of a village, a township, a shared point or a facility. */
(function (QW) {
  "use strict";
  const { h } = QW;

  QW.buildCard = function (root, map, data) {
    const state = QW.state;
    const body = h("div", { class: "qw-card-body" });
    const card = h("section", { class: "qw-card", "aria-live": "polite", tabIndex: -1, hidden: true },
      QW.button(QW.t("close"), "close", () => QW.closeCard(), { class: "qw-card-close" }), body);
    root.append(card);

    function show(content, key) {
      body.replaceChildren(...content.filter(Boolean));
      card.hidden = false;
      body.scrollTop = 0; // a hidden card has no scroll position to set
      root.classList.add("qw-card-open");
      root.classList.remove("qw-sheet-open");
      card.dataset.key = key;
      card.focus({ preventScroll: true });
    }
    QW.closeCard = function () {
      if (card.hidden) return;
      card.hidden = true;
      root.classList.remove("qw-card-open");
      if (state.selected) {
        state.selected = null;
        QW.redraw();
        QW.remember();
      }
    };
    function row(label, ...value) {
      return h("div", { class: "qw-fact" }, h("dt", {}, label), h("dd", {}, value));
    }
    /** Show a place in the middle of what panel and card leave free. */
    function fly(at, zoom) {
      const target = Math.max(map.getZoom(), zoom), size = map.getSize();
      const free = QW.free();
      const shift = [size.x / 2 - (free.left + free.right) / 2, size.y / 2 - (free.top + free.bottom) / 2];
      map.setView(map.unproject(map.project(at, target).add(shift), target), target, { animate: false });
    }

    QW.select = function (v, zoom) {
      state.selected = v;
      show(village(v), v.code);
      if (zoom && v.at) fly(v.at, 13);
      else if (zoom && v.town && v.town.at) fly(v.town.at, 11);
      QW.redraw();
      QW.remember();
    };

    function heading(title, subtitle, tags) {
      return h("header", { class: "qw-card-head" }, h("h2", {}, title), subtitle ? h("p", {}, subtitle) : null, tags && tags.length ? h("div", { class: "qw-tags" }, tags) : null);
    }
    function village(v) {
      const category = data.styles.category.find((c) => c.value === v.category);
      const match = data.styles.match.find((m) => m.value === v.match);
      const tags = [];
      if (v.category && category) tags.push(h("span", { class: "qw-tag", style: { "--tag": category.color } }, QW.swatch({ shape: category.shape, color: category.color, radius: 4.4 }, 14), category.title));
      v.lists.forEach((l) => tags.push(h("span", { class: "qw-tag" }, l)));
      if (!v.lists.length) tags.push(h("span", { class: "qw-tag qw-tag-dim" }, QW.t("no_list")));
      const numeric = /^\d{12}$/.test(v.code);
      const content = [
        heading(v.title, [v.town && v.town.title, numeric ? v.code : QW.t("card_no_code")].filter(Boolean).join(" · "), tags),
        v.note ? h("p", { class: "qw-note" }, v.note) : null,
        position(v, match),
      ];
      if (data.services.length) content.push(h("section", { class: "qw-group" }, h("h3", {}, QW.t("card_coverage")), data.services.map((s, i) => coverage(v, s, i))));
      if (QW.what && QW.what.on && QW.what.result.minutes.has(v)) {
        const [minutes, name] = QW.what.result.minutes.get(v);
        content.push(h("section", { class: "qw-group" }, h("h3", {}, QW.t("tab_whatif")), h("div", { class: "qw-place" }, QW.swatch(QW.coverLook(QW.whatState(v)), 20),
          h("div", {}, h("b", {}, Number.isFinite(minutes) ? QW.number(minutes, 1) + " " + QW.t("minute") : "—"), h("small", {}, name)))));
      }
      if (v.chainage && data.corridor) {
        const [branch, stake, offset, side, within, along] = v.chainage;
        content.push(h("section", { class: "qw-group" }, h("h3", {}, QW.t("card_corridor")),
          h("p", {}, QW.t("along", { branch, stake: stake || QW.metres(along), side, offset: QW.metres(offset) })),
          within ? h("p", { class: "qw-dim" }, QW.t("within", { km: QW.number(within / 1000, 1) })) : null));
      }
      content.push(h("section", { class: "qw-group" }, h("h3", {}, QW.t("card_people")), people(v)));
      if (v.year) content.push(h("p", { class: "qw-dim" }, QW.t("time_batch") + QW.t("colon") + QW.moment("year", v.year)));
      content.push(h("div", { class: "qw-actions" },
        v.at ? h("button", { type: "button", on: { click: () => fly(v.at, 15) } }, QW.icon("target"), QW.t("card_zoom")) : null,
        v.town ? h("button", { type: "button", on: { click: () => QW.showTown(v.town) } }, QW.icon("list"), v.town.title) : null,
        h("button", { type: "button", on: { click: () => QW.copyLink() } }, QW.icon("share"), QW.t("card_copy"))));
      return content;
    }
    function position(v, match) {
      const facts = [];
      const on = state.circles.has(v);
      if (v.at) {
        const shared = QW.groups.get(v.at.join()).length;
        facts.push(h("div", { class: "qw-place" }, QW.swatch({ color: match.color, radius: 6, ring: ["seat", "settlement"].includes(v.match) }, 20), h("div", {}, h("b", {}, match.title),
          h("small", {}, v.at[0].toFixed(5) + "°N  " + v.at[1].toFixed(5) + "°E"))));
        if (shared > 1) facts.push(h("p", { class: "qw-note" }, QW.t("shared_point", { n: shared }) + QW.t("stop") + QW.t("shared_note")));
        if (v.radius) {
          facts.push(h("div", { class: "qw-inline" }, h("span", {}, QW.t("card_radius") + QW.t("colon") + QW.metres(v.radius)),
            h("button", { type: "button", class: "qw-link", "aria-pressed": String(on), on: { click: () => { on ? state.circles.delete(v) : state.circles.add(v); QW.drawCircles(); QW.select(v); if (!on) frame(v); } } }, QW.t(on ? "card_circle_off" : "card_circle"))));
        }
      } else {
        facts.push(h("div", { class: "qw-place" }, QW.h("span", { class: "qw-pending-key" }, "?"), h("div", {}, h("b", {}, match ? match.title : v.match), h("small", {}, v.radius ? QW.t("card_radius") + QW.t("colon") + QW.metres(v.radius) : ""))));
        facts.push(h("p", { class: "qw-note" }, QW.t("card_pending")));
        if (v.area) {
          const shown = state.areas.has(v);
          facts.push(h("button", { type: "button", class: "qw-link", "aria-pressed": String(shown), on: { click: () => {
            shown ? state.areas.delete(v) : state.areas.add(v);
            QW.drawAreas();
            QW.select(v);
            QW.refreshLegend();
            if (!shown) { const b = QW.areaBounds(v), free = QW.free(), size = map.getSize(); map.fitBounds(b, { paddingTopLeft: [free.left, free.top], paddingBottomRight: [size.x - free.right, size.y - free.bottom], maxZoom: 12, animate: false }); }
          } } }, shown ? QW.t("card_area_off") : QW.t("card_area", { n: Math.round(v.area[0] * 100) })));
        }
      }
      if (v.evidence) facts.push(h("details", { class: "qw-evidence", open: v.evidence.length < 90 }, h("summary", {}, QW.t("card_evidence") + QW.inChinese(v.evidence)), h("p", {}, v.evidence)));
      return h("section", { class: "qw-group" }, h("h3", {}, QW.t("card_position")), facts);
    }
    function frame(v) {
      const bounds = L.latLng(v.at).toBounds(v.radius * 2.4);
      if (!map.getBounds().contains(bounds)) map.fitBounds(bounds, { animate: false });
    }
    function coverage(v, service, i) {
      const c = v.cover[i];
      const state_ = c ? c[0] : 2;
      const [, reason, minutes, low, high, metres, limit, unit, facility, p, basis] = c || [2, "", null, null, null, null, null, "", "", null, ""];
      const facts = [];
      const unitWord = { min: QW.t("minute"), m: QW.t("metre") }[unit] || unit;
      if (reason) facts.push(row(QW.t("card_reason"), reason));
      if (facility) facts.push(row(QW.t("card_facility"), facility));
      if (low !== null && high !== null && low !== high) facts.push(row(QW.t("card_time"), QW.t("about") + " " + low + "–" + high + " " + QW.t("minute")));
      else if (minutes !== null) facts.push(row(QW.t("card_time"), minutes + " " + QW.t("minute")));
      if (metres !== null) facts.push(row(QW.t("card_distance"), QW.metres(metres)));
      if (limit !== null) facts.push(row(QW.t("card_limit"), "≤ " + limit + " " + unitWord));
      if (p !== null && p > 0.001 && p < 0.999) facts.push(row(QW.t("card_p"), Math.round(p * 100) + "%"));
      if (basis) facts.push(row(QW.t("card_basis"), basis));
      return h("details", { class: "qw-cover", open: state.by === "s:" + service.key },
        h("summary", {}, QW.swatch(QW.coverLook(state_), 18), h("span", {}, service.title), h("em", { class: "qw-state-" + state_ }, state_ === 2 && reason ? reason : QW.t(["uncovered", "covered", "unknown"][state_]))),
        h("dl", {}, facts));
    }
    function people(v) {
      if (!v.people) return h("p", { class: "qw-dim" }, QW.t("card_people_none"));
      const [n, kind, year, source] = v.people;
      return [h("p", {}, h("b", {}, QW.number(n) + " " + QW.t("persons")), QW.aside((kind ? QW.t(kind) : QW.t("kind_unstated")) + QW.t("comma") + (year ? QW.t("year", { n: year }) : QW.t("year_unstated")))),
        source ? h("p", { class: "qw-dim" }, source + QW.inChinese(source)) : null];
    }

    QW.showTown = function (town, zoom) {
      state.selected = null;
      const villages = town.villages.filter(QW.matches);
      const pending = villages.filter((v) => !v.at), located = villages.filter((v) => v.at);
      const parts = QW.parts(villages);
      show([
        heading(town.title, [town.at ? QW.t("card_seat") : QW.t("card_no_seat"), QW.t("card_town_all", { n: villages.length })].join(" · ")),
        h("section", { class: "qw-group" }, h("div", { class: "qw-stack qw-stack-tall" }, parts.map(([color, n, edge]) => h("i", { style: { "flex-grow": n, background: color, "box-shadow": color === "#ffffff" ? "inset 0 0 0 1px " + edge : "none" } }))),
          h("div", { class: "qw-service-key" }, parts.map(([color, n, edge, title]) => h("span", {}, h("i", { style: { background: color, "box-shadow": color === "#ffffff" ? "inset 0 0 0 1px " + edge : "none" } }), title + " " + n)))),
        data.services.length && villages.length ? h("section", { class: "qw-group" }, h("h3", {}, QW.t("card_coverage")), QW.coverage(villages)) : null,
        pending.length ? h("section", { class: "qw-group" }, h("h3", {}, QW.t("card_town_pending", { n: pending.length })), QW.villageList(pending, 400, true)) : null,
        located.length ? h("section", { class: "qw-group" }, h("h3", {}, QW.t("located") + " " + located.length), QW.villageList(located, 400, true)) : null,
      ], town.name);
      if (zoom && town.at) fly(town.at, 11);
      QW.redraw();
      QW.remember();
    };
    QW.showGroup = function (members) {
      show([
        heading(QW.t("shared_point", { n: members.length }), members[0].town ? members[0].town.title : ""),
        h("p", { class: "qw-note" }, QW.t("shared_note")),
        h("section", { class: "qw-group" }, QW.villageList(members, 400, true)),
      ], "group");
    };
    /** The corridor: its length, and how many villages lie within each distance with their coverage. */
    QW.showCorridor = function (zoom) {
      const c = data.corridor;
      const content = [heading(c.name, [c.basis, c.metres === null ? "" : QW.metres(c.metres)].filter(Boolean).join(" · "))];
      if (c.presumed) content.push(h("p", { class: "qw-note" }, QW.t("corridor_card_presumed")));
      for (const z of [...c.zones].reverse()) {
        const inside = data.villages.filter((v) => v.chainage && v.chainage[4] && v.chainage[4] <= z.width);
        content.push(h("section", { class: "qw-group" }, h("h3", {}, QW.t("layer_zone", { km: QW.number(z.width / 1000, 1) }) + " · " + QW.t("card_town_all", { n: inside.length })), inside.length ? QW.coverage(inside) : null));
      }
      show(content, "corridor");
      if (zoom) {
        if (!state.on.corridor) { QW.show("corridor", true); QW.refresh(); }
        frameAll(L.latLngBounds(c.lines.flatMap(([, parts]) => parts.flatMap((p) => QW.decode(p)))));
      }
    };
    function frameAll(bounds) {
      const free = QW.free(), size = map.getSize();
      map.fitBounds(bounds, { paddingTopLeft: [free.left, free.top], paddingBottomRight: [size.x - free.right, size.y - free.bottom], maxZoom: 15, animate: false });
    }
    /** A feature of any planning layer: its columns with titles and units. */
    QW.showFeature = function (layer, i, values) {
      const symbol = layer.look ? layer.symbols[layer.look[i]] : null, when = layer.times && layer.times[i];
      const here = layer.geometry === "point" && layer.shapes ? QW.villagesAt(layer.shapes[i][0]) : [];
      show([
        heading(QW.featureName(layer, i, values), [layer.title, symbol && symbol.title !== layer.title ? symbol.title : ""].filter(Boolean).join(" · ")),
        layer.note ? h("p", { class: "qw-note" }, layer.note) : null,
        h("section", { class: "qw-group" }, h("dl", {}, layer.columns.map((column, c) => {
          const value = values[c][i];
          if (value === null || value === "") return null;
          return row(column.title, typeof value === "number" && !/年|code|year/i.test(column.title + column.unit) ? QW.number(value, 2) + (column.unit ? " " + column.unit : "") : String(value) + (column.unit && typeof value === "number" ? " " + column.unit : ""));
        }))),
        when && !values.some((column) => column[i] === when) ? h("p", { class: "qw-dim" }, QW.t("time_due") + QW.t("colon") + QW.moment(layer.axis, when)) : null,
        h("div", { class: "qw-actions" }, h("button", { type: "button", on: { click: () => frameAll(L.latLngBounds(layer.box)) } }, QW.icon("layers"), QW.t("layer_zoom")),
          // The symbol lies on top of the village's own: the way to the village's card.
          here.map((v) => h("button", { type: "button", on: { click: () => QW.select(v) } }, QW.icon("target"), v.title))),
      ], layer.key + ":" + i);
    };
    QW.showRoad = function (label, kind) {
      show([heading(label || kind.title, label ? kind.title : ""), h("section", { class: "qw-group" }, h("dl", {}, row(QW.t("card_basis"), kind.basis.join(QW.t("comma")))))], "road");
    };
    QW.showFacility = function (p, kind) {
      show([
        heading(p.name, kind.title),
        h("section", { class: "qw-group" }, h("dl", {}, row(QW.t("card_basis"), p.basis),
          p.year ? row(QW.t("time_due"), QW.moment("year", p.year)) : null,
          p.capacity === null ? null : row(QW.t("card_capacity"), QW.number(p.capacity, 1)),
          p.radius === null ? null : row(QW.t("card_radius"), QW.metres(p.radius)),
          p.source ? row(QW.t("card_source"), p.source + QW.inChinese(p.source)) : null)),
      ], "facility");
    };
  };
})(window.QW);
