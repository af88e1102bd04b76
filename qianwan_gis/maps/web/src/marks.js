/* Point symbols on Leaflet's canvas, and names placed without overlap. */
(function (QW) {
  "use strict";

  function trace(ctx, shape, x, y, r) {
    ctx.beginPath();
    if (shape === "diamond") {
      const d = r * 1.22;
      ctx.moveTo(x, y - d); ctx.lineTo(x + d, y); ctx.lineTo(x, y + d); ctx.lineTo(x - d, y); ctx.closePath();
    } else if (shape === "triangle") {
      const d = r * 1.3;
      ctx.moveTo(x, y - d); ctx.lineTo(x + d * 0.94, y + d * 0.72); ctx.lineTo(x - d * 0.94, y + d * 0.72); ctx.closePath();
    } else if (shape === "square") {
      ctx.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
    } else if (shape === "cross") {
      const a = r * 1.05, b = r * 0.38;
      [[-b, -a], [b, -a], [b, -b], [a, -b], [a, b], [b, b], [b, a], [-b, a], [-b, b], [-a, b], [-a, -b], [-b, -b]]
        .forEach(([dx, dy], i) => (i ? ctx.lineTo(x + dx, y + dy) : ctx.moveTo(x + dx, y + dy)));
      ctx.closePath();
    } else {
      ctx.arc(x, y, r, 0, Math.PI * 2);
    }
  }

  /** Draw one symbol; legends use the same function, so that they cannot differ from the map. */
  QW.drawMark = function (ctx, x, y, o) {
    const r = o.radius;
    ctx.lineJoin = "round";
    ctx.setLineDash([]); // Leaflet leaves the dashes of the line drawn before
    if (o.selected) {
      ctx.beginPath(); ctx.arc(x, y, r + 6, 0, Math.PI * 2);
      ctx.fillStyle = "rgba(18,101,107,.16)"; ctx.fill();
      ctx.lineWidth = 2; ctx.strokeStyle = "#12656b"; ctx.stroke();
    }
    if (o.count) {
      ctx.beginPath(); ctx.arc(x, y, r, 0, Math.PI * 2); ctx.fillStyle = "#fff"; ctx.fill();
      const total = o.parts.reduce((s, p) => s + p[1], 0);
      let from = -Math.PI / 2;
      ctx.lineWidth = 3.4;
      for (const [color, n, edge] of o.parts) {
        const to = from + (n / total) * Math.PI * 2;
        ctx.beginPath(); ctx.arc(x, y, r - 1.2, from, to);
        ctx.strokeStyle = color === "#ffffff" ? edge : color; ctx.stroke();
        from = to;
      }
      ctx.beginPath(); ctx.arc(x, y, r + 0.9, 0, Math.PI * 2);
      ctx.lineWidth = 1; ctx.strokeStyle = "rgba(29,43,50,.55)"; ctx.stroke();
      ctx.fillStyle = "#1d2b32"; ctx.font = "700 11px system-ui, sans-serif";
      ctx.textAlign = "center"; ctx.textBaseline = "middle";
      ctx.fillText(String(o.count), x, y + 0.5);
      return;
    }
    trace(ctx, o.shape, x, y, r);
    if (o.ring) {
      ctx.fillStyle = "#fff"; ctx.fill();
      ctx.lineWidth = 2.6; ctx.strokeStyle = o.color === "#ffffff" ? o.edge : o.color; ctx.stroke();
    } else {
      // White and pale symbols show by their rim, all others by a white one.
      ctx.lineWidth = o.color === "#ffffff" || o.rim ? 3.2 : o.minor ? 1.2 : 2.4;
      ctx.strokeStyle = o.rim || (o.color === "#ffffff" ? o.edge : "#fff");
      ctx.stroke();
      ctx.fillStyle = o.color; ctx.fill();
    }
  };

  L.Canvas.include({
    _qwMark: function (layer) {
      if (!this._drawing || layer._empty()) return;
      const o = layer.options;
      this._ctx.save();
      this._ctx.globalAlpha = o.dim ? 0.35 : 1;
      QW.drawMark(this._ctx, layer._point.x, layer._point.y, o);
      this._ctx.restore();
    },
  });

  /** A point symbol: options shape, color, edge, ring, radius; or count and parts. */
  QW.Mark = L.CircleMarker.extend({
    _updatePath: function () { this._renderer._qwMark(this); },
    _clickTolerance: function () { return L.Browser.mobile ? 10 : 4; },
    _updateBounds: function () {
      const r = this._radius + 9;
      this._pxBounds = new L.Bounds(this._point.subtract([r, r]), this._point.add([r, r]));
    },
  });

  /** The same symbol as a small canvas for legends and lists. */
  QW.swatch = function (options, size) {
    const side = size || 22, ratio = 2;
    const canvas = QW.h("canvas", { width: side * ratio, height: side * ratio, class: "qw-swatch", "aria-hidden": "true" });
    canvas.style.width = canvas.style.height = side + "px";
    const ctx = canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    QW.drawMark(ctx, side / 2, side / 2, Object.assign({ shape: "circle", edge: "#707070", radius: 6 }, options));
    return canvas;
  };

  QW.lineSwatch = function (options) {
    const svg = QW.svg("svg", { width: 30, height: 14, viewBox: "0 0 30 14", "aria-hidden": "true", class: "qw-swatch" });
    if (options.area) {
      svg.append(QW.svg("rect", { x: 2, y: 2, width: 26, height: 10, rx: 2, fill: options.color,
        "fill-opacity": options.opacity === undefined ? 0.14 : options.opacity, stroke: options.outline || options.color, "stroke-width": 1, "stroke-dasharray": options.dashed ? "4 3" : "none" }));
    } else {
      if (options.casing) svg.append(QW.svg("line", { x1: 2, x2: 28, y1: 7, y2: 7, stroke: options.casing, "stroke-width": options.width + 1.6, "stroke-linecap": "round" }));
      svg.append(QW.svg("line", { x1: 2, x2: 28, y1: 7, y2: 7, stroke: options.color, "stroke-width": options.width,
        "stroke-dasharray": options.dashed || "none", "stroke-linecap": options.dashed ? "butt" : "round" }));
    }
    return svg;
  };

  /**
   * Names on one canvas above the map. Items: {at: [lat, lng], text, rank, color, weight, gap}.
   * Lower ranks are placed first; what would overlap is left out.
   */
  QW.Labels = L.Layer.extend({
    onAdd: function (map) {
      const pane = map.getPane("qwlabels") || map.createPane("qwlabels");
      pane.style.zIndex = 640;
      pane.style.pointerEvents = "none";
      this._canvas = L.DomUtil.create("canvas", "leaflet-zoom-hide", pane);
      this._canvas.setAttribute("aria-hidden", "true");
      map.on("moveend zoomend resize", this.redraw, this);
      this.redraw();
    },
    onRemove: function (map) {
      map.off("moveend zoomend resize", this.redraw, this);
      this._canvas.remove();
      this._canvas = null;
    },
    setSource: function (source) { this._source = source; this.redraw(); },
    redraw: function () {
      if (!this._canvas || !this._map || !this._source) return;
      const map = this._map, size = map.getSize(), ratio = L.Browser.retina ? 2 : 1;
      const origin = map.containerPointToLayerPoint([0, 0]);
      L.DomUtil.setPosition(this._canvas, origin);
      this._canvas.width = size.x * ratio;
      this._canvas.height = size.y * ratio;
      this._canvas.style.width = size.x + "px";
      this._canvas.style.height = size.y + "px";
      const ctx = this._canvas.getContext("2d");
      ctx.scale(ratio, ratio);
      ctx.textBaseline = "middle";
      ctx.lineJoin = "round";
      const { items, taken } = this._source(map);
      const boxes = taken.slice(), bounds = map.getBounds().pad(0.05);
      const hits = (b) => boxes.some((a) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]);
      const visible = items.filter((i) => bounds.contains(i.at)).sort((a, b) => a.rank - b.rank);
      for (const item of visible) {
        const p = map.latLngToContainerPoint(item.at), font = item.size || 12;
        ctx.font = `${item.weight || 400} ${font}px "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",system-ui,sans-serif`;
        const width = ctx.measureText(item.text).width, gap = item.gap, half = font * 0.62;
        const places = [
          [p.x + gap, p.y], [p.x - gap - width, p.y], [p.x - width / 2, p.y + gap + 4], [p.x - width / 2, p.y - gap - 4],
        ];
        for (const [x, y] of places) {
          const box = [x - 2, y - half - 1, x + width + 2, y + half + 1];
          if (hits(box)) continue;
          boxes.push(box);
          ctx.lineWidth = 3.5;
          ctx.strokeStyle = "rgba(255,255,255,.94)";
          ctx.strokeText(item.text, x, y);
          ctx.fillStyle = item.color;
          ctx.fillText(item.text, x, y);
          break;
        }
      }
    },
  });
})(window.QW);
