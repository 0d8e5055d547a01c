"""Plots as SVG, written by hand: readable on light and on dark pages, with the colours of each chosen by the viewer's
own preference."""

import dataclasses
import math
import pathlib
from collections.abc import Callable

from .forms import Form

# Distinct for eyes that see few colours as well; each form has a mark and a dash pattern of its own besides.
STYLES = {
    "process": ("#d55e00", "#ff8a3d", "square", ""),
    "thread": ("#a87000", "#f0c040", "triangle", "6 3"),
    "needletail": ("#0060a8", "#5cb8ff", "circle", ""),
    "loop": ("#008060", "#3ddca8", "diamond", "2 3"),
    "loop-slow": ("#b03080", "#ff8ac8", "cross", ""),
    "loop-slow-behind": ("#606060", "#b8b8b8", "plus", "8 3 2 3"),
}
WIDTH, HEIGHT = 300, 240  # of a panel, with its titles
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 40
LEGEND = 22  # height of a line


@dataclasses.dataclass
class Panel:
    title: str
    unit: str
    value: Callable[[dict], float]
    load: str = "all"
    is_logarithmic: bool = True
    forms: tuple[str, ...] = ("process", "thread", "needletail", "loop")


def memory_bytes(row: dict) -> float:
    return sum(float(row[name]) for name in ("private_bytes", "page_table_bytes", "kernel_stack_bytes"))


MAIN = [
    Panel("Requests a second, all ask", "", lambda row: float(row["requests_per_second"]), is_logarithmic=False),
    Panel("p99 at a steady rate", "us", lambda row: float(row["p99_us"]), "paced"),
    Panel("Memory a connection", "B", memory_bytes),
]
COSTS = [
    Panel("Processor time a request", "us", lambda row: float(row["cpu_us_per_request"]), is_logarithmic=False),
    Panel("Context switches a request", "", lambda row: float(row["switches_per_request"])),
    Panel("Connections a second", "", lambda row: float(row["connects_per_second"])),
]
SLOW_FORMS = ("loop", "loop-slow", "loop-slow-behind")
SLOW = [
    Panel("Requests a second, all ask", "", lambda row: float(row["requests_per_second"]), is_logarithmic=False, forms=SLOW_FORMS),
    Panel("p50 at a steady rate", "us", lambda row: float(row["p50_us"]), "paced", forms=SLOW_FORMS),
    Panel("p99 at a steady rate", "us", lambda row: float(row["p99_us"]), "paced", forms=SLOW_FORMS),
]


def draw(rows: list[dict], forms: list[Form], directory: pathlib.Path) -> None:
    for name, panels in (("concurrency", MAIN), ("concurrency-costs", COSTS), ("concurrency-slow", SLOW)):
        if text := figure(panels, rows, forms):
            (directory / f"{name}.svg").write_text(text)


def figure(panels: list[Panel], rows: list[dict], forms: list[Form]) -> str:
    keys = {row["form"] for row in rows}
    shown = [form for form in forms if form.key in keys and any(form.key in panel.forms for panel in panels)]
    if not shown:
        return ""
    width, height = WIDTH * len(panels), HEIGHT + LEGEND * ((len(shown) + 1) // 2) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{'; '.join(escape(panel.title) for panel in panels)}, by connections</title>",
        stylesheet(shown),
        f'<rect class="page" width="{width}" height="{height}"/>',
    ]
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({number * WIDTH} 0)">{draw_panel(panel, rows, shown)}</g>')
    parts.append(legend(shown, width))
    return "\n".join([*parts, "</svg>\n"])


def stylesheet(forms: list[Form]) -> str:
    light = [".page{fill:#fff}", "text{fill:#1f2328}", ".grid{stroke:#d8dee4}", ".axis{stroke:#57606a}"]
    dark = [".page{fill:#0d1117}", "text{fill:#e6edf3}", ".grid{stroke:#30363d}", ".axis{stroke:#8b949e}"]
    for form in forms:
        for rules, colour in ((light, STYLES[form.key][0]), (dark, STYLES[form.key][1])):
            rules.append(f".{form.key}{{stroke:{colour};fill:{colour}}}")
    return f"<style>{' '.join(light)} .line{{fill:none;stroke-width:2}} @media (prefers-color-scheme:dark){{{' '.join(dark)} .line{{fill:none}}}}</style>"


def draw_panel(panel: Panel, rows: list[dict], forms: list[Form]) -> str:
    series = {}
    for form in forms:
        if form.key in panel.forms:
            points = [(int(row["connections"]), panel.value(row)) for row in rows if row["form"] == form.key and row["load"] == panel.load]
            series[form.key] = sorted((count, value) for count, value in points if value > 0)
    counts = sorted({count for points in series.values() for count, _ in points})
    values = [value for points in series.values() for _, value in points]
    if not values:
        return ""
    across = Scale(counts[0], counts[-1], LEFT, WIDTH - RIGHT, True)
    down = Scale(*bounds(values, panel.is_logarithmic), HEIGHT - BOTTOM, TOP, panel.is_logarithmic)
    title = f"{panel.title} ({panel.unit})" if panel.unit else panel.title
    parts = [f'<text x="{LEFT}" y="20" font-weight="600">{escape(title)}</text>']
    for value in ticks(down.low, down.high, panel.is_logarithmic):
        y = down(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for count in counts:
        x = across(count)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{short(count)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">connections</text>')
    for key, points in series.items():
        places = [(across(count), down(value)) for count, value in points]
        parts.append(line(key, places))
        parts += [mark(key, x, y) for x, y in places]
    return "".join(parts)


@dataclasses.dataclass
class Scale:
    low: float
    high: float
    start: float
    end: float
    is_logarithmic: bool

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.is_logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def bounds(values: list[float], is_logarithmic: bool) -> tuple[float, float]:
    if not is_logarithmic:
        return 0, max(values) * 1.08
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    return low, high if high > low else low * 10


def ticks(low: float, high: float, is_logarithmic: bool) -> list[float]:
    if is_logarithmic:
        return [10**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]
    step = 10 ** math.floor(math.log10(high))
    step = next(step * part for part in (0.1, 0.2, 0.5, 1, 2) if high / (step * part) <= 6)
    return [step * number for number in range(int(high / step) + 1)]


def short(value: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def line(key: str, places: list[tuple[float, float]]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dash = f' stroke-dasharray="{STYLES[key][3]}"' if STYLES[key][3] else ""
    return f'<polyline class="{key} line" points="{points}"{dash}/>'


def mark(key: str, x: float, y: float) -> str:
    x, y = round(x, 1), round(y, 1)
    match STYLES[key][2]:
        case "square":
            return f'<rect class="{key}" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"/>'
        case "triangle":
            return f'<path class="{key}" d="M{x} {y - 5:.1f}l4.5 8h-9z"/>'
        case "diamond":
            return f'<path class="{key}" d="M{x} {y - 5:.1f}l4.5 5l-4.5 5l-4.5-5z"/>'
        case "cross":
            return f'<path class="{key} line" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0-8l-8 8"/>'
        case "plus":
            return f'<path class="{key} line" d="M{x - 5:.1f} {y}h10m-5-5v10"/>'
        case _:
            return f'<circle class="{key}" cx="{x}" cy="{y}" r="4"/>'


def legend(forms: list[Form], width: int) -> str:
    parts = []
    for number, form in enumerate(forms):
        x, y = 40 + number % 2 * width / 2, HEIGHT + 8 + number // 2 * LEGEND
        parts.append(line(form.key, [(x, y), (x + 36, y)]) + mark(form.key, x + 18, y))
        parts.append(f'<text x="{x + 46}" y="{y + 4}">{escape(form.label)}</text>')
    return "".join(parts)


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
