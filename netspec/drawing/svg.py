"""A drawing as SVG: one file that needs nothing else, text that stays text, for light and dark pages."""

from __future__ import annotations

from html import escape

from netspec.drawing.scene import Box, Drawing, Kind, Line

__all__ = ["colors", "svg"]

# Fill and border of each kind, light and dark. What a box is stands in it: the colors only help to find it.
_COLORS: dict[Kind, tuple[str, str, str, str]] = {
    "input": ("#ffffff", "#57606a", "#0d1117", "#8b949e"),
    "output": ("#ffffff", "#57606a", "#0d1117", "#8b949e"),
    "weights": ("#dbeafe", "#3b7dd8", "#12304f", "#4f94e8"),
    "norm": ("#d9f2e8", "#1b9e77", "#0f3a2d", "#2fb68c"),
    "activation": ("#fdebd0", "#d98e04", "#46310a", "#e0a32e"),
    "pool": ("#f7dbe6", "#c2527d", "#47182b", "#d9709a"),
    "merge": ("#ece3f7", "#8457b8", "#2f1d46", "#a07bd0"),
    "noise": ("#f3f1c9", "#9a9200", "#3a3809", "#b5ad2f"),
    "block": ("#e6edf3", "#57606a", "#21262d", "#8b949e"),
    "other": ("#f0f2f4", "#7d8590", "#1c2128", "#7d8590"),
}
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def svg(drawing: Drawing) -> str:
    """Return the text of the file."""
    width, height = round(drawing.width, 1), round(drawing.height, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="netspec-title netspec-desc">',
        f'<title id="netspec-title">{_text(drawing.title)}</title>',
        f'<desc id="netspec-desc">{_text(drawing.description)}</desc>',
        f"<style>{_style()}</style>",
        '<defs><marker id="netspec-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="head" d="M0 0.5L8 4L0 7.5z"/></marker></defs>',
        '<rect class="page" width="100%" height="100%"/>',
    ]
    for frame in drawing.frames:
        parts.append(
            f'<g class="frame"><title>{_text(frame.name)}</title>'
            f'<rect x="{frame.x:.1f}" y="{frame.y:.1f}" width="{frame.width:.1f}" height="{frame.height:.1f}" rx="8"/>'
            f'<text x="{frame.x + 9:.1f}" y="{frame.y + 15:.1f}">{_text(frame.title)}</text></g>'
        )
    parts += [_line(line) for line in drawing.lines]
    parts += [f'<text class="shape" x="{s.x:.1f}" y="{s.y:.1f}">{_text(s.text)}</text>' for s in drawing.labels]
    parts += [_box(box) for box in drawing.boxes]
    return "\n".join([*parts, "</svg>\n"])


def colors(kind: Kind) -> tuple[str, str]:
    """Return the fill and the border of a kind of box on a light page."""
    fill, border, _, _ = _COLORS[kind]
    return fill, border


def _style() -> str:
    light, dark = [], []
    for kind, (fill, border, dark_fill, dark_border) in _COLORS.items():
        light.append(f".{kind} rect{{fill:{fill};stroke:{border}}}")
        dark.append(f".{kind} rect{{fill:{dark_fill};stroke:{dark_border}}}")
    return (
        f"text{{font:11px {_FONT};fill:#1f2328}}.page{{fill:#fff}}.shape,.small{{fill:#57606a;font-size:10px}}"
        ".box text{text-anchor:middle}.line{fill:none;stroke:#8c959f;stroke-width:1.3}.head{fill:#8c959f}"
        ".dashed{stroke-dasharray:4 4}.frame rect{fill:#818b98;fill-opacity:.07;stroke:#b3bac2}"
        ".frame text{fill:#57606a}"
        f"{''.join(light)}"
        "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}"
        ".shape,.small,.frame text{fill:#9da7b1}"
        f".line{{stroke:#6e7681}}.head{{fill:#6e7681}}.frame rect{{stroke:#3d444d}}{''.join(dark)}}}"
    )


def _box(box: Box) -> str:
    radius = box.height / 2 if box.kind in ("input", "output") else 5
    center = box.x + box.width / 2
    lines = [f'<g class="box {box.kind}"><title>{_text(box.hint)}</title>']
    lines.append(
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius:g}"/>'
    )
    for number, text in enumerate(box.lines):
        y = box.y + box.height / 2 + 4 + (number - (len(box.lines) - 1) / 2) * 14
        small = ' class="small"' if number else ""
        lines.append(f'<text x="{center:.1f}" y="{y:.1f}"{small}>{_text(text)}</text>')
    return "".join([*lines, "</g>"])


def _line(line: Line) -> str:
    (x, y), *rest = line.points
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        if abs(to_x - x) < 0.5 or line.dashed:
            path.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            middle = (y + to_y) / 2
            path.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    end = ' marker-end="url(#netspec-arrow)"' if line.arrow else ""
    kind = "line dashed" if line.dashed else "line"
    return f'<path class="{kind}" d="{"".join(path)}"{end}/>'


def _text(text: str) -> str:
    return escape(text, quote=False)
