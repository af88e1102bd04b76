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
    QW.buildPanel(root, map, data);
    QW.buildCard(root, map, data);
    QW.buildTools(root, map, data);
    // The review number and the watermark belong at the lower left of an internet map.
    const review = data.box[data.box.length - 1];
    root.append(h("div", { class: "qw-marks" }, data.marks.map((m) => h("strong", {}, m)), h("span", {}, review[0] + QW.t("colon") + review[1])));
    L.control.scale({ imperial: false, maxWidth: 130, position: "bottomright" }).addTo(map);
    const chosen = QW.recall();
    QW.start_layers();
    QW.refresh();
    QW.ready();
    if (chosen) QW.select(chosen);
    map.on("click", () => { QW.closeCard(); });
    root.dataset.ready = "true";
  };
})(window.QW);
