"""The figures as tables and as CSV."""

import csv
import dataclasses
import pathlib

from .forms import Form
from .measure import Results, Row


def table(header: list[str], rows: list[list[str]], markdown: bool) -> str:
    if markdown:
        lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(zip(row, widths)))
        for row in [header, *rows]
    )


LOADS = {
    "all": "All connections ask, each again when it is answered",
    "paced": "{rate:,} requests a second, spread over all connections",
    "few": "Ten connections ask, the others are idle",
}


def render(results: Results, forms: list[Form], rate: int, markdown: bool) -> str:
    labels = {form.key: form.label for form in forms}
    parts = []

    def part(title: str, text: str) -> None:
        parts.append(f"{'### ' if markdown else '== '}{title}\n\n{text}")

    for load, title in LOADS.items():
        rows = [row for row in results.rows if row.load == load]
        part(title.format(rate=rate), table(LOAD_HEADER, [load_row(row, labels) for row in rows], markdown))
    header = ["form", "connections", "private bytes each", "page tables each", "kernel stack each", "shared MB once", "connects/s"]
    rows = [
        [
            labels[cost.form],
            f"{cost.connections:,}",
            # Pages given back may outweigh what few connections take.
            f"{max(0, cost.private_bytes):,.0f}",
            f"{cost.page_table_bytes:,.0f}",
            f"{cost.kernel_stack_bytes:,.0f}",
            f"{cost.shared_bytes / 1e6:.1f}",
            f"{cost.connects_per_second:,.0f}",
        ]
        for cost in results.costs
    ]
    part("Idle connections, and how fast they come", table(header, rows, markdown))
    rows = [[labels[end.form], f"{end.connections:,}", end.reason, following(end.next_limits)] for end in results.ends]
    part("Where each stops", table(["form", "connections", "why", "limits, and where they would stop it"], rows, markdown))
    if results.left_out:
        part("Not measured for lack of time", ", ".join(labels[key] for key in results.left_out))
    return "\n\n".join(parts)


LOAD_HEADER = ["form", "connections", "requests/s", "p50 us", "p99 us", "max us", "CPU us each", "switches each", "generator"]


def load_row(row: Row, labels: dict[str, str]) -> list[str]:
    return [
        labels[row.form],
        f"{row.connections:,}",
        f"{row.requests_per_second:,.0f}",
        f"{row.p50_us:,.0f}",
        f"{row.p99_us:,.0f}",
        f"{row.max_us:,.0f}",
        f"{row.cpu_us_per_request:.1f}",
        f"{row.switches_per_request:.2f}",
        f"{100 * row.generator_core_share:.0f} %",
    ]


def following(found: list) -> str:
    return ", ".join(f"{limit.name} {rounded(limit.connections)}" for limit in found) or "-"


def rounded(count: float) -> str:
    """Three digits: more than such a forecast is worth."""
    value = int(count)
    step = 10 ** max(0, len(str(value)) - 3)
    return f"{value // step * step:,}"


def write_csv(results: Results, path: pathlib.Path) -> None:
    """One line a form, number of connections and load; what idle connections cost stands in each of them."""
    costs = {(cost.form, cost.connections): dataclasses.asdict(cost) for cost in results.costs}
    with open(path, "w", newline="") as file:
        writer = None
        for row in results.rows:
            line = dataclasses.asdict(row) | costs[row.form, row.connections]
            line = {name: f"{value:.3f}" if isinstance(value, float) else value for name, value in line.items()}
            if writer is None:
                writer = csv.DictWriter(file, list(line), lineterminator="\n")
                writer.writeheader()
            writer.writerow(line)


def read_csv(path: pathlib.Path) -> list[dict]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
