/* Start the page on a map that folium made. */
(function (QW) {
  "use strict";
  const { h } = QW;

  QW.start = function (map, data) {
    QW.data = data;
    QW.map = map;
    document.title = data.title;
    document.documentElement.lang = data.lang === "en" ? "en" : "zh-CN";
    const root = h("div", { class: "qw-root" });
    document.body.append(root);
    const container = map.getContainer();
    container.setAttribute("role", "application");
    container.setAttribute("aria-label", data.title);
    map.attributionControl && map.attributionControl.setPrefix(false);
    QW.prepare(map, data);
    QW.buildBasemaps(map, data);
    QW.buildTimeline(root, map, data);
    QW.buildPanel(root, map, data);
    QW.buildCard(root, map, data);
    QW.buildTools(root, map, data);
    // The review number and the watermark belong at the lower left of an internet map.
    const review = data.box[data.box.length - 1];
    const marks = h("div", { class: "qw-marks" }, data.marks.map((m) => h("strong", {}, m)), h("span", {}, review[0] + QW.t("colon") + review[1]));
    root.append(marks);
    // On a phone the timeline stands on top of them, however many lines they take.
    new ResizeObserver(() => root.style.setProperty("--marks", marks.offsetHeight + "px")).observe(marks);
    L.control.scale({ imperial: false, maxWidth: 130, position: "bottomright" }).addTo(map);
    const chosen = QW.recall();
    if (QW.drawTime) QW.drawTime();
    QW.start_layers();
    QW.refresh();
    QW.ready();
    if (chosen) QW.select(chosen);
    map.on("click", (event) => { if (!QW.hitTiles(event.latlng)) QW.closeCard(); });
    QW.redraw(); // names keep clear of panels, and all of them stand now
    root.dataset.ready = "true";
  };
})(window.QW);
