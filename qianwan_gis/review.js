"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words;
const $ = (id) => document.getElementById(id);
const canvas = $("map"), pen = canvas.getContext("2d");
// Degrees of latitude and longitude differ on the ground by this factor at the county's middle.
const squash = Math.cos((data.bounds[1] + data.bounds[3]) / 2 * Math.PI / 180);
const METRES_PER_DEGREE = 111320;
const stored = "qianwan-review-" + data.key;
let answers = {}, shown = [], at = 0, pin = null, cursor = null, view = null;

try { answers = JSON.parse(localStorage.getItem(stored) || "{}"); } catch { answers = {}; }
function keep() {
  // A page opened from a file may have no storage; the saved CSV is what counts.
  try { localStorage.setItem(stored, JSON.stringify(answers)); } catch { /* see above */ }
}

function fit(box, part) {
  const w = canvas.clientWidth, h = canvas.clientHeight;
  const dx = Math.max((box[2] - box[0]) * squash, 1e-4), dy = Math.max(box[3] - box[1], 1e-4);
  view = { lon: (box[0] + box[2]) / 2, lat: (box[1] + box[3]) / 2,
    scale: part * Math.min(w / dx, h / dy) };
}
const px = (lon) => canvas.clientWidth / 2 + (lon - view.lon) * squash * view.scale;
const py = (lat) => canvas.clientHeight / 2 - (lat - view.lat) * view.scale;
const lonAt = (x) => view.lon + (x - canvas.clientWidth / 2) / squash / view.scale;
const latAt = (y) => view.lat - (y - canvas.clientHeight / 2) / view.scale;

function trace(lines, close) {
  pen.beginPath();
  for (const line of lines) {
    line.forEach((p, i) => i ? pen.lineTo(px(p[0]), py(p[1])) : pen.moveTo(px(p[0]), py(p[1])));
    if (close) pen.closePath();
  }
}
function dot(lon, lat, r, fill, edge) {
  pen.beginPath();
  pen.arc(px(lon), py(lat), r, 0, 2 * Math.PI);
  if (fill) { pen.fillStyle = fill; pen.fill(); }
  if (edge) { pen.strokeStyle = edge; pen.lineWidth = 1.5; pen.stroke(); }
}
function label(text, lon, lat, size, colour) {
  pen.font = `${size}px "Noto Sans CJK SC","Microsoft YaHei",sans-serif`;
  pen.lineWidth = 3; pen.strokeStyle = "#ffffffd0"; pen.fillStyle = colour;
  pen.strokeText(text, px(lon) + 7, py(lat) + 4);
  pen.fillText(text, px(lon) + 7, py(lat) + 4);
}
function draw() {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * ratio; canvas.height = canvas.clientHeight * ratio;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const village = shown[at];
  if (village) {
    for (const [index, , density] of village.regions) {
      trace(data.polygons[index], true);
      pen.fillStyle = `rgba(214,106,18,${0.05 + 0.43 * density})`;
      pen.fill("evenodd");
    }
    if (village.circle) {
      // Known by its township only: the circle that holds 90 %, never the computing cell.
      dot(village.circle[0], village.circle[1], village.circle[2] / METRES_PER_DEGREE * view.scale, "rgba(214,106,18,0.16)", "#d66a12");
    }
  }
  trace(data.boundary, true);
  pen.strokeStyle = "#7a2f8f"; pen.lineWidth = 2; pen.setLineDash([8, 4]); pen.stroke(); pen.setLineDash([]);
  trace(data.roads, false);
  pen.strokeStyle = "#8b939c"; pen.lineWidth = 1.3; pen.stroke();
  for (const v of data.known) {
    dot(v[1], v[2], 2.5, "#3d7d4e");
    if (view.scale > 6000) label(v[0], v[1], v[2], 11, "#2c5f3a");
  }
  for (const s of data.seats) {
    pen.fillStyle = "#222"; pen.fillRect(px(s[1]) - 4, py(s[2]) - 4, 8, 8);
    label(s[0], s[1], s[2], 13, "#111");
  }
  for (const v of data.villages) {
    const a = answers[v.code];
    if (a && a.decision === "placed" && v !== village) dot(a.lon, a.lat, 4, "#0b5cad", "#fff");
  }
  if (village && village.point) {
    const r = village.uncertainty_m / METRES_PER_DEGREE * view.scale;
    dot(village.point[0], village.point[1], Math.max(r, 3), "#d66a1226", "#d66a12");
    dot(village.point[0], village.point[1], 3, "#d66a12");
  }
  const mark = pin || (village && answers[village.code] && answers[village.code].decision === "placed"
    ? [answers[village.code].lon, answers[village.code].lat] : null);
  if (mark) {
    const r = Number($("radius").value) / METRES_PER_DEGREE * view.scale;
    dot(mark[0], mark[1], Math.max(r, 4), "#0b5cad33", "#0b5cad");
    dot(mark[0], mark[1], 4, "#0b5cad", "#fff");
  }
  if (cursor) {
    const x = px(cursor[0]), y = py(cursor[1]);
    pen.strokeStyle = "#0b5cad"; pen.lineWidth = 1.5;
    pen.beginPath(); pen.moveTo(x - 14, y); pen.lineTo(x + 14, y); pen.moveTo(x, y - 14); pen.lineTo(x, y + 14); pen.stroke();
  }
  scaleBar();
}
function scaleBar() {
  const perPixel = METRES_PER_DEGREE / view.scale;
  let metres = 100;
  for (const m of [100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000]) if (m / perPixel <= 130) metres = m;
  const w = metres / perPixel, x = canvas.clientWidth - w - 14, y = canvas.clientHeight - 40;
  pen.fillStyle = "#222"; pen.fillRect(x, y, w, 3);
  pen.font = "12px sans-serif";
  pen.fillText(metres < 1000 ? `${metres} m` : `${metres / 1000} km`, x, y - 4);
}

function fill() {
  const wanted = $("find").value.trim();
  shown = data.villages.filter((v) => !wanted || (v.township + v.name + v.code).includes(wanted));
  const list = $("list");
  list.replaceChildren();
  shown.forEach((v, i) => {
    const item = document.createElement("li");
    item.id = "v" + i; item.setAttribute("role", "option");
    const name = document.createElement("span");
    name.textContent = `${i + 1}. ${v.name}`;
    const done = document.createElement("span");
    const a = answers[v.code];
    if (a) { done.className = a.decision === "placed" ? "done" : "done bad"; done.textContent = words[a.decision]; }
    const what = document.createElement("span");
    what.className = "what"; what.textContent = `${v.township} · ${v.match}${v.lists ? " · " + v.lists : ""}`;
    item.append(name, done, what);
    item.addEventListener("click", () => choose(i));
    list.append(item);
  });
  count();
}
function count() {
  const done = data.villages.filter((v) => answers[v.code]).length;
  $("count").textContent = words.count.replace("{done}", done).replace("{all}", data.villages.length);
}
function choose(i) {
  if (!shown.length) return;
  at = Math.max(0, Math.min(i, shown.length - 1));
  pin = null; cursor = null;
  const v = shown[at], a = answers[v.code];
  for (const item of $("list").children) item.setAttribute("aria-selected", item.id === "v" + at ? "true" : "false");
  $("list").setAttribute("aria-activedescendant", "v" + at);
  $("v" + at).scrollIntoView({ block: "nearest" });
  $("name").textContent = `${v.township} ${v.name}`;
  $("facts").textContent = v.facts;
  $("evidence").replaceChildren(...v.evidence.map((text) => {
    const li = document.createElement("li");
    li.textContent = text;
    if (text.startsWith(words.conflict)) li.className = "conflict";
    return li;
  }));
  $("note").value = a ? a.note : "";
  if (a && a.decision === "placed") $("radius").value = String(a.uncertainty_m);
  coordinates(a && a.decision === "placed" ? [a.lon, a.lat] : null);
  fit(v.box, 0.8);
  buttons(); draw();
}
function coordinates(place) {
  $("lon").value = place ? place[0].toFixed(5) : "";
  $("lat").value = place ? place[1].toFixed(5) : "";
}
function buttons() {
  const v = shown[at];
  $("yes").disabled = !(pin || (v && v.point));
  $("no").disabled = !(v && v.point);
  $("undo").disabled = !(v && answers[v.code]);
}
function put(lon, lat) {
  pin = [lon, lat]; coordinates(pin); buttons(); draw();
  $("where").textContent = `${lon.toFixed(5)}, ${lat.toFixed(5)}`;
}
function answer(decision) {
  const v = shown[at];
  if (!v) return;
  const place = pin || v.point;
  if (decision === "placed" && !place) return;
  if (decision === "rejected" && !v.point) return;
  answers[v.code] = { decision, note: $("note").value, reviewer: $("who").value, date: new Date().toISOString().slice(0, 10) };
  if (decision === "placed") {
    Object.assign(answers[v.code], { lon: Number(place[0].toFixed(6)), lat: Number(place[1].toFixed(6)), uncertainty_m: Number($("radius").value) });
  }
  keep();
  $("say").textContent = `${v.name}: ${words[decision]}`;
  const i = at;
  fill(); choose(i + 1);
}
function undo() {
  const v = shown[at];
  if (v) { delete answers[v.code]; keep(); const i = at; fill(); choose(i); }
}
function cell(value) {
  let text = value === undefined || value === null ? "" : String(value);
  // A spreadsheet must not take a name for a formula.
  if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
  return '"' + text.replaceAll('"', '""').replaceAll(/[\r\n]+/g, " ") + '"';
}
function save() {
  const columns = ["code", "name", "township", "decision", "lon", "lat", "uncertainty_m", "note", "reviewer", "date"];
  const rows = data.villages.filter((v) => answers[v.code])
    .map((v) => columns.map((c) => cell(c in v && c !== "uncertainty_m" ? v[c] : answers[v.code][c])).join(","));
  const blob = new Blob(["\ufeff" + [columns.join(","), ...rows].join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob); link.download = "review.csv";
  document.body.append(link); link.click(); link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  $("say").textContent = words.saved;
}

let drag = null;
canvas.addEventListener("pointerdown", (e) => { drag = { x: e.offsetX, y: e.offsetY, lon: view.lon, lat: view.lat, moved: false }; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointermove", (e) => {
  $("where").textContent = `${lonAt(e.offsetX).toFixed(5)}, ${latAt(e.offsetY).toFixed(5)}`;
  if (!drag) return;
  const dx = e.offsetX - drag.x, dy = e.offsetY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 5) return;
  drag.moved = true;
  view.lon = drag.lon - dx / squash / view.scale; view.lat = drag.lat + dy / view.scale;
  draw();
});
canvas.addEventListener("pointerup", (e) => { if (drag && !drag.moved) put(lonAt(e.offsetX), latAt(e.offsetY)); drag = null; });
canvas.addEventListener("pointercancel", () => { drag = null; });
canvas.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(-e.deltaY * 0.0015), e.offsetX, e.offsetY); }, { passive: false });
function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const lon = lonAt(x), lat = latAt(y);
  view.scale = Math.max(200, Math.min(view.scale * factor, 2e6));
  view.lon += lon - lonAt(x); view.lat += lat - latAt(y);
  draw();
}
canvas.addEventListener("keydown", (e) => {
  const step = (e.shiftKey ? 4 : 24) / view.scale;
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[e.key];
  if (move) {
    e.preventDefault();
    cursor = cursor || pin || [view.lon, view.lat];
    cursor = [cursor[0] + move[0] * step / squash, cursor[1] + move[1] * step];
    $("where").textContent = `${cursor[0].toFixed(5)}, ${cursor[1].toFixed(5)}`;
    draw();
  } else if (e.key === "Enter" || e.key === " ") {
    e.preventDefault();
    if (cursor) put(cursor[0], cursor[1]);
  }
});
$("list").addEventListener("keydown", (e) => {
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1, PageDown: at + 10, PageUp: at - 10 }[e.key];
  if (to !== undefined) { e.preventDefault(); choose(to); }
  if (e.key === "Enter") { e.preventDefault(); canvas.focus(); }
});
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey && e.key === "s") { e.preventDefault(); save(); return; }
  if (e.ctrlKey || e.altKey || e.metaKey || ["INPUT", "SELECT", "TEXTAREA"].includes(e.target.tagName)) return;
  const act = { a: () => answer("placed"), r: () => answer("rejected"), n: () => choose(at + 1), p: () => choose(at - 1), u: undo,
    "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "/": () => { e.preventDefault(); $("find").focus(); } }[e.key];
  if (act) act();
});
for (const id of ["lon", "lat"]) $(id).addEventListener("change", () => {
  const lon = Number($("lon").value), lat = Number($("lat").value);
  if ($("lon").value && $("lat").value && Number.isFinite(lon) && Number.isFinite(lat) && lon > 72 && lon < 138 && lat > 0 && lat < 56) put(lon, lat);
});
$("find").addEventListener("input", () => { fill(); choose(0); });
$("radius").addEventListener("change", draw);
$("yes").addEventListener("click", () => answer("placed"));
$("no").addEventListener("click", () => answer("rejected"));
$("undo").addEventListener("click", undo);
$("next").addEventListener("click", () => choose(at + 1));
$("save").addEventListener("click", save);
$("in").addEventListener("click", () => zoom(1.5));
$("out").addEventListener("click", () => zoom(1 / 1.5));
$("fit").addEventListener("click", () => { fit(data.bounds, 0.95); draw(); });
for (const [colour, text] of words.key) {
  const span = document.createElement("span"), box = document.createElement("i");
  box.style.background = colour;
  span.append(box, text); $("key").append(span);
}
window.addEventListener("resize", draw);
window.addEventListener("beforeunload", (e) => { if (Object.keys(answers).length) e.preventDefault(); });
fit(data.bounds, 0.95);
fill(); choose(0);
if (!shown.length) { $("name").textContent = words.none; draw(); }
