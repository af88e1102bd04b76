/* Shared helpers. Data reaches the page as text nodes only: nothing here parses HTML. */
window.QW = {};
(function (QW) {
  "use strict";

  /** Make an element: attributes by name, `on` for listeners, children as elements or text. */
  QW.h = function (tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "on") {
        for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
      } else if (name === "style") {
        for (const [property, v] of Object.entries(value)) element.style.setProperty(property, v);
      } else if (["checked", "value", "open", "disabled", "tabIndex"].includes(name)) {
        element[name] = value;
      } else {
        element.setAttribute(name, value === true ? "" : String(value));
      }
    }
    element.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false && c !== ""));
    return element;
  };

  /** Replace what an element holds; missing parts are left out. */
  QW.fill = (element, ...parts) =>
    element.replaceChildren(...parts.flat(3).filter((c) => c !== null && c !== undefined && c !== false && c !== ""));

  const SVG = "http://www.w3.org/2000/svg";
  QW.svg = function (tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, String(value));
    element.append(...children);
    return element;
  };

  const ICONS = {
    search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5 20 20",
    close: "M6 6l12 12M18 6 6 18",
    plus: "M12 5v14M5 12h14",
    minus: "M5 12h14",
    home: "M4 11.5 12 5l8 6.5M6.5 10v9h11v-9",
    measure: "M3.5 15.5l12-12 5 5-12 12zM7 12l2 2M10 9l2.6 2.6M13 6l2 2",
    full: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
    share: "M9.5 14.5l5-5M11 7l1.6-1.6a4 4 0 0 1 5.9 5.6L17 13M13 17l-1.6 1.6a4 4 0 0 1-5.9-5.6L7 11",
    print: "M7 8V4h10v4M7 17H4.500V9h15v8H17M7 14h10v6H7z",
    layers: "M12 4l8.500 4.500L12 13 3.500 8.500zM3.500 12.500 12 17l8.500-4.500M3.500 16.200 12 20.700l8.500-4.500",
    filter: "M4 5h16l-6.200 7.500V19l-3.600-2v-4.500z",
    chart: "M5 20V11M11 20V5M17 20v-6M3 20h18",
    info: "M12 11v6M12 7.500v.010M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17",
    list: "M8 6h12M8 12h12M8 18h12M4 6h.010M4 12h.010M4 18h.010",
    left: "M14.500 6l-6 6 6 6",
    right: "M9.500 6l6 6-6 6",
    target: "M12 3v4M12 17v4M3 12h4M17 12h4M12 8.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7",
    play: "M8 5.500v13l10.500-6.500z",
    move: "M12 3v18M3 12h18M12 3l-2.500 2.500M12 3l2.500 2.500M12 21l-2.500-2.500M12 21l2.500-2.500M3 12l2.500-2.500M3 12l2.500 2.500M21 12l-2.500-2.500M21 12l-2.500 2.500",
  };
  QW.icon = function (name) {
    return QW.svg(
      "svg",
      { viewBox: "0 0 24 24", width: 20, height: 20, fill: "none", stroke: "currentColor",
        "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" },
      QW.svg("path", { d: ICONS[name] })
    );
  };

  /** A word of the interface, with {placeholders} filled. */
  QW.t = function (key, values) {
    const text = QW.data.words[key] || key;
    return values ? text.replace(/\{(\w+)\}/g, (_, name) => String(values[name])) : text;
  };

  QW.aside = (text) => (QW.data.lang === "en" ? " (" + text + ")" : "（" + text + "）");

  /** In another language: says of a text as it is in the source that it is Chinese. */
  QW.inChinese = (text) => (QW.data.lang !== "zh" && /[\u3400-\u9fff]/.test(text) ? QW.aside(QW.t("in_chinese")) : "");

  QW.number = function (value, digits) {
    return Number(value).toLocaleString(QW.data.lang === "en" ? "en" : "zh-CN", {
      maximumFractionDigits: digits === undefined ? 0 : digits,
    });
  };

  QW.metres = function (value) {
    return value >= 1000
      ? QW.number(value / 1000, value < 10000 ? 1 : 0) + " " + QW.t("kilometre")
      : QW.number(value) + " " + QW.t("metre");
  };

  /** Differences in whole steps back to [latitude, longitude] pairs. */
  QW.decode = function (steps, fine) {
    const scale = fine || QW.data.scale, points = [];
    let lon = 0, lat = 0;
    for (let i = 0; i < steps.length; i += 2) {
      lon += steps[i];
      lat += steps[i + 1];
      points.push([lat / scale, lon / scale]);
    }
    return points;
  };

  // --- what rides in the page beside its data -------------------------------------------------

  /** Fulfilled when the whole page is there: what is large comes after the script that starts it. */
  QW.parsed = new Promise((done) => {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", done, { once: true });
    else done();
  });
  const texts = new Map();
  /** Bytes of a packed file; only the part asked for is decoded. */
  QW.bytes = async function (name, offset, length) {
    await QW.parsed;
    if (!texts.has(name)) texts.set(name, document.getElementById("qw-blob-" + name).textContent);
    const text = texts.get(name), first = Math.floor((offset || 0) / 3);
    const last = length === undefined ? text.length / 4 : Math.min(text.length / 4, Math.ceil((offset + length) / 3));
    const binary = atob(text.slice(4 * first, 4 * last)), skip = (offset || 0) - 3 * first;
    const bytes = new Uint8Array(Math.max(0, Math.min(binary.length - skip, length === undefined ? Infinity : length)));
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i + skip);
    return bytes;
  };
  const inflate = (bytes) => new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
  QW.inflated = async (name) => (await inflate(await QW.bytes(name))).arrayBuffer();
  const tables = new Map();
  /** A deflated table, unpacked at first need. */
  QW.unpack = function (name) {
    if (!tables.has(name)) tables.set(name, QW.bytes(name).then((bytes) => inflate(bytes).json()));
    return tables.get(name);
  };
  QW.archive = (name) => new pmtiles.PMTiles({ getKey: () => name, getBytes: async (offset, length) => ({ data: (await QW.bytes(name, offset, length)).buffer }) });

  /** Text for the one place where Leaflet takes HTML, the attribution. */
  QW.escape = (text) => String(text).replace(/[&<>"']/g, (c) => "&#" + c.charCodeAt(0) + ";");

  QW.button = function (label, icon, listener, extra) {
    return QW.h(
      "button",
      Object.assign({ type: "button", title: label, "aria-label": label, on: { click: listener } }, extra),
      icon ? QW.icon(icon) : label
    );
  };

  /** What panels lie over the map: boxes [left, top, right, bottom] in which no name is placed. */
  QW.covered = () => [...document.querySelectorAll(".qw-panel, .qw-legend, .qw-card, .qw-tools, .qw-time, .qw-marks, .qw-search, .qw-tabs")]
    .filter((e) => e.getClientRects().length && !(QW.small() && e.matches(".qw-panel")))
    .map((e) => { const b = e.getBoundingClientRect(); return [b.left - 2, b.top - 2, b.right + 2, b.bottom + 2]; });

  QW.small = () => window.matchMedia("(max-width: 720px)").matches;

  /** Length on the ellipsoid in metres, by the radii of curvature midway: exact enough in a county. */
  QW.distance = function (a, b) {
    const rad = Math.PI / 180, mid = ((a.lat + b.lat) / 2) * rad;
    const e2 = 0.00669438, w = 1 - e2 * Math.sin(mid) ** 2;
    const meridian = (6378137 * (1 - e2)) / w ** 1.5, normal = 6378137 / Math.sqrt(w);
    return Math.hypot((a.lat - b.lat) * rad * meridian, (a.lng - b.lng) * rad * normal * Math.cos(mid));
  };

  QW.area = function (points) {
    if (points.length < 3) return 0;
    const o = points[0], east = (p) => Math.sign(p.lng - o.lng) * QW.distance({ lat: p.lat, lng: o.lng }, p);
    const north = (p) => Math.sign(p.lat - o.lat) * QW.distance({ lat: o.lat, lng: p.lng }, p);
    let sum = 0;
    points.forEach((p, i) => {
      const q = points[(i + 1) % points.length];
      sum += east(p) * north(q) - east(q) * north(p);
    });
    return Math.abs(sum) / 2;
  };
})(window.QW);
