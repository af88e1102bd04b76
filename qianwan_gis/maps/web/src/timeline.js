/* Years and phases: one control for every layer that says when its things are built. */
(function (QW) {
  "use strict";
  const { h } = QW;

  /** Whether something due at `moment` (or that has no date) is to be seen. */
  QW.due = function (axis, moment) {
    const time = QW.state.time;
    if (time.at === null || axis !== time.axis) return true;
    if (moment === null || moment === undefined) return !time.only;
    return time.only ? moment === time.at : moment <= time.at;
  };
  const word = (axis, n) => QW.t(axis === "year" ? "time_year" : "time_phase", { n });
  QW.moment = word;

  QW.buildTimeline = function (root, map, data) {
    const time = QW.state.time, axes = { year: new Set(), phase: new Set() };
    for (const layer of data.layers) if (layer.axis) layer.periods.forEach((p) => axes[layer.axis].add(p));
    for (const thing of [...data.villages, ...data.facilities.points]) if (thing.year) axes.year.add(thing.year);
    const periods = {};
    for (const [axis, found] of Object.entries(axes)) if (found.size) periods[axis] = [...found].sort((a, b) => a - b);
    const names = Object.keys(periods);
    QW.periods = periods;
    /** Set the time; `at` null shows everything. */
    QW.setTime = function (axis, at, only, quiet) {
      if (!periods[axis] || (at !== null && !periods[axis].includes(at))) return;
      Object.assign(time, { axis, at, only: Boolean(only) });
      if (!quiet) { draw(); QW.redrawPlanning(); QW.redraw(); QW.refresh(); }
    };
    if (!names.length) return;
    time.axis = names[0];

    const slider = h("input", { type: "range", min: 0, step: 1, class: "qw-time-range", "aria-label": QW.t("time") });
    const output = h("output", { class: "qw-time-now" });
    const ticks = h("div", { class: "qw-time-ticks", "aria-hidden": "true" });
    const segment = (entries, current, set) => h("div", { class: "qw-segment", role: "group" }, entries.map(([value, text, title]) =>
      h("button", { type: "button", title: title || text, "data-value": value, "aria-pressed": "false", on: { click: () => set(value) } }, text)));
    const how = segment([["until", QW.t("time_until"), QW.t("time_until_long")], ["only", QW.t("time_only"), QW.t("time_only_long")]], null,
      (value) => QW.setTime(time.axis, time.at === null ? periods[time.axis][0] : time.at, value === "only"));
    const which = names.length > 1 ? segment([["year", QW.t("time_years")], ["phase", QW.t("time_phases")]], null, (value) => { stop(); QW.setTime(value, null, time.only); }) : null;
    // Moving the time would show nothing while all that has one is switched off: offer to show it.
    const dated = (axis) => QW.layers.filter((l) => (l.planning ? l.planning.axis === axis : l.dated && axis === "year"));
    const open = h("button", { type: "button", class: "qw-link qw-time-open", hidden: true, on: { click: () => {
      dated(time.axis).forEach((l) => QW.show(l.key, true));
      QW.refresh();
    } } }, QW.t("time_open"));
    let timer = 0;
    const play = QW.button(QW.t("time_play"), "play", () => (timer ? stop() : start()), { class: "qw-time-play", "aria-pressed": "false" });
    const bar = h("section", { class: "qw-time", "aria-label": QW.t("time") },
      play, h("div", { class: "qw-time-middle" }, h("div", { class: "qw-time-head" }, which, output, open), slider, ticks), how);
    root.append(bar);
    root.classList.add("qw-timed");
    slider.addEventListener("input", () => {
      stop();
      const n = Number(slider.value);
      QW.setTime(time.axis, n ? periods[time.axis][n - 1] : null, time.only);
    });
    // Arrow keys on the slider are its own; single letters stay shortcuts of the page.
    slider.addEventListener("keydown", (event) => { if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") event.stopPropagation(); });
    function start() {
      play.setAttribute("aria-pressed", "true");
      const own = periods[time.axis];
      const step = () => {
        const at = time.at === null ? -1 : own.indexOf(time.at);
        if (at + 1 >= own.length) return stop();
        QW.setTime(time.axis, own[at + 1], time.only);
        return undefined;
      };
      if (time.at === own[own.length - 1]) QW.setTime(time.axis, own[0], time.only); else step();
      timer = setInterval(step, 1200);
    }
    function stop() {
      clearInterval(timer);
      timer = 0;
      play.setAttribute("aria-pressed", "false");
    }
    function draw() {
      const own = periods[time.axis], n = time.at === null ? 0 : own.indexOf(time.at) + 1;
      const layers = dated(time.axis), villages = time.axis === "year" && data.villages.some((v) => v.year);
      open.hidden = villages || !layers.length || layers.some((l) => QW.state.on[l.key]);
      open.title = layers.map((l) => l.title).join(QW.t("comma"));
      slider.max = own.length;
      slider.value = n;
      const text = time.at === null ? QW.t("time_all") : word(time.axis, time.at);
      output.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      const every = Math.ceil((own.length + 1) / 7); // labels that fit
      QW.fill(ticks, [QW.t("time_all"), ...own.map((p) => (time.axis === "year" ? String(p) : word(time.axis, p)))].map((label, i) =>
        h("span", { class: i === n ? "qw-now" : "", style: { left: (100 * i) / own.length + "%" } }, i % every === 0 ? label : "")));
      for (const b of how.children) b.setAttribute("aria-pressed", String(time.at !== null && (b.dataset.value === "only") === time.only));
      if (which) for (const b of which.children) b.setAttribute("aria-pressed", String(b.dataset.value === time.axis));
    }
    QW.drawTime = draw;
    draw();
  };
})(window.QW);
