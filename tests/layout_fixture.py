"""An automated look at a page: panels inside the window and apart, texts inside their panels."""

from __future__ import annotations

from typing import Any

_CHECK = r"""() => {
  const faults = [], small = innerWidth <= 720;
  const seen = (e) => e && e.getClientRects().length && e.checkVisibility({ visibilityProperty: true });
  const box = (e) => e.getBoundingClientRect();
  const name = (e) => '.' + (e.className.baseVal ?? e.className).toString().split(' ').join('.');
  const kinds = small
    ? ['.qw-search', '.qw-tabs', '.qw-bodies', '.qw-card', '.qw-tools', '.qw-marks', '.qw-time', '.qw-readout', '.leaflet-control-scale']
    : ['.qw-panel', '.qw-legend', '.qw-card', '.qw-tools', '.qw-marks', '.qw-time', '.qw-readout', '.leaflet-control-scale', '.qw-unfold'];
  const panels = kinds.map((k) => document.querySelector(k)).filter(seen);
  for (const p of panels) {
    const b = box(p);
    if (b.left < -1 || b.top < -1 || b.right > innerWidth + 1 || b.bottom > innerHeight + 1) faults.push(name(p) + ' leaves the window');
  }
  // On a phone card and sheet lie over the foot of the map, as they are meant to.
  const sheet = (e) => small && (e.matches('.qw-card') || e.matches('.qw-bodies'));
  panels.forEach((p, i) => panels.slice(i + 1).forEach((q) => {
    if (sheet(p) || sheet(q)) return;
    const a = box(p), b = box(q);
    const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (w > 1 && h > 1) faults.push(name(p) + ' and ' + name(q) + ' overlap by ' + Math.round(w) + 'x' + Math.round(h));
  }));
  const root = document.querySelector('.qw-root').classList.contains('qw-printing') ? document.querySelector('.qw-paper') : document.querySelector('.qw-root');
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), texts = [];
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || !seen(e) || e.closest('option') || e.closest('.leaflet-container')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const rects = [...range.getClientRects()].filter((r) => r.width > 0.5);
    if (!rects.length) continue;
    let shown = true, cut = false, scrolled = false;
    for (let a = e; a && a !== document.body; a = a.parentElement) {
      const style = getComputedStyle(a), b = box(a);
      const clamped = style.webkitLineClamp !== 'none' || style.textOverflow === 'ellipsis';
      if (clamped) { cut = true; continue; }
      const inside = rects.every((r) => r.left >= b.left - 1 && r.right <= b.right + 1);
      if (style.overflowX !== 'visible' && !inside && !cut) faults.push('clipped: ' + node.data.slice(0, 30) + ' in ' + name(a));
      if (['auto', 'scroll'].includes(style.overflowY)) scrolled = true;
      if (scrolled && rects.some((r) => r.bottom < b.top + 1 || r.top > b.bottom - 1)) shown = false;
      if (style.overflowY === 'hidden' && !scrolled && !rects.every((r) => r.top >= b.top - 2 && r.bottom <= b.bottom + 2)) faults.push('cut off: ' + node.data.slice(0, 30) + ' in ' + name(a));
      if (panels.includes(a)) {
        if (!inside && !cut) faults.push('outside: ' + node.data.slice(0, 30) + ' of ' + name(a));
        break;
      }
    }
    if (shown && !cut) texts.push([node.data.trim().slice(0, 24), rects, panels.find((p) => p.contains(e))]);
  }
  texts.forEach(([t, rects, panel], i) => texts.slice(i + 1).forEach(([u, others, other]) => {
    if (panel !== other || !panel) return;
    for (const a of rects) for (const b of others) {
      const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // line boxes are taller than the letters in them
      if (w > 1.5 && h > 0.45 * Math.min(a.height, b.height)) { faults.push('texts overlap: ' + t + ' | ' + u); return; }
    }
  }));
  return [...new Set(faults)];
}"""


def layout_faults(page: Any) -> list[str]:
    """Return what is clipped, overlaps or leaves the window."""
    found: list[str] = page.evaluate(_CHECK)
    return found


def walk(page: Any, *, small: bool) -> dict[str, list[str]]:
    """Open tab after tab, cards, timeline and measuring, and return the faults of each view."""
    found: dict[str, list[str]] = {}

    def look(view: str) -> None:
        page.wait_for_timeout(20)
        if faults := layout_faults(page):
            found[view] = faults

    look("first view")
    for tab in page.eval_on_selector_all("[data-tab]", "all => all.map(e => e.dataset.tab)"):
        if not page.locator(f"[data-tab={tab}]").is_visible():
            continue
        page.click(f"[data-tab={tab}]")
        look(f"tab {tab}")
        if small:
            page.click(f"[data-tab={tab}]")
    if not small:
        page.click("[data-tab=layers]")
        page.eval_on_selector_all(
            "[data-layer]:not(:checked)", "all => all.forEach(e => e.click())"
        )
        look("all layers on")
    page.evaluate("QW.select(QW.data.villages.find(v => v.at), true)")
    page.eval_on_selector_all(".qw-card details", "all => all.forEach(d => { d.open = true })")
    look("village")
    page.evaluate("QW.select(QW.data.villages.find(v => !v.at) || QW.data.villages[0], true)")
    look("village to locate")
    page.evaluate("QW.showTown(QW.data.townships[0], true)")
    look("township")
    if page.evaluate("Boolean(QW.data.corridor)"):
        page.evaluate("QW.showCorridor(true)")
        look("corridor")
    if page.evaluate("QW.data.layers.some(l => l.values)"):
        page.evaluate(
            "(() => { const l = QW.data.layers.find(x => x.values); QW.showFeature(l, 0, l.values) })()"
        )
        look("feature")
    page.evaluate("QW.closeCard()")
    page.evaluate("QW.measure()")
    look("measuring")
    page.evaluate("QW.measure()")
    if page.evaluate("Boolean(QW.data.whatif)"):
        page.evaluate("QW.whatif(true)")
        page.evaluate("QW.tab('whatif', true)")
        page.wait_for_timeout(300)
        look("what-if")
        page.evaluate("QW.whatif(false)")
    return found
