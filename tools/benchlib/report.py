"""The measurements as tables, as text for a terminal and as Markdown for README."""


COLLECTIONS = ("hashes", "lists")  # sections of one shape, one for each type


def table(header: list[str], rows: list[list[str]], markdown: bool) -> str:
    if markdown:
        lines = ["| " + " | ".join(header) + " |", "|" + "---|" + "---:|" * (len(header) - 1)]
        return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths)))
        for row in [header, *rows]
    )


def ratios(ours: float, by_server: dict[str, float], peers: list[str]) -> list[str]:
    return [f"{ours / by_server[peer]:.2f}" if by_server.get(peer) else "-" for peer in peers]


def throughput(results: dict, servers: list[str], markdown: bool) -> str:
    """Rates, processor time, and how ours compares with each peer's: below 1 is less work for a command."""
    ours, *peers = servers
    header = ["load"] + [f"{server} req/s" for server in servers] + [f"{server} µs (user)" for server in servers]
    header += [f"µs to {peer}" for peer in peers] + [f"user to {peer}" for peer in peers]
    rows = []
    for load, by_server in results.items():
        row = [load] + [f"{by_server[server]['rate']:,.0f}" for server in servers]
        row += [f"{by_server[server]['total']:.2f} ({by_server[server]['user']:.2f})" for server in servers]
        for field in ("total", "user"):
            values = {server: by_server[server][field] for server in servers}
            row += ratios(values[ours], values, peers)
        rows.append(row)
    return table(header, rows, markdown)


def sizes(results: dict, servers: list[str], markdown: bool, first: str) -> str:
    ours, *peers = servers
    header = [first, *servers, *(f"to {peer}" for peer in peers)]
    rows = []
    for measure, by_server in results.items():
        row = [measure] + [f"{by_server[server]:,.1f}" if server in by_server else "-" for server in servers]
        rows.append(row + ratios(by_server[ours], by_server, peers))
    return table(header, rows, markdown)


def fields(results: dict, markdown: bool, first: str) -> str:
    """One row a measure, whatever figures it holds."""
    return table([first, "figures"], [[name, pairs(values)] for name, values in results.items()], markdown)


def figures(by_server: dict[str, dict], servers: list[str], markdown: bool) -> str:
    """One row a figure, one column a server."""
    shown = [server for server in servers if server in by_server]
    names = dict.fromkeys(name for server in shown for name in by_server[server])
    rows = []
    for name in names:
        values = [by_server[server].get(name) for server in shown]
        row = [name, *("-" if value is None else f"{value:g}" for value in values)]
        rows.append(row + [f"{values[0] / value:.2f}" if value and values[0] is not None else "-" for value in values[1:]])
    return table(["", *shown, *(f"to {peer}" for peer in shown[1:])], rows, markdown)


def pairs(values: dict) -> str:
    return ", ".join(f"{field} {value}" for field, value in values.items()) or "-"


def render(data: dict, servers: list[str], markdown: bool) -> str:
    parts = []

    def part(title: str, text: str) -> None:
        parts.append(f"{'### ' if markdown else '== '}{title}\n\n{text}")

    if "throughput" in data:
        part("Throughput and processor time a command", throughput(data["throughput"], servers, markdown))
    if "memory" in data:
        part("Memory: resident bytes a key, or MB", sizes(data["memory"], servers, markdown, "keys"))
    if "connections" in data:
        found = data["connections"]
        idle = {f"idle, {found['count']:,}": found["idle"]}
        part("Connections: resident bytes", sizes(idle, servers, markdown, "connections"))
    if "active" in data:
        part("Active connections", throughput(data["active"]["loads"], servers, markdown))
    if "crowds" in data:
        part("Crowds: seconds", sizes(data["crowds"]["connecting"], servers, markdown, "crowd"))
        part("Fifty clients among idle and rude ones", fields(data["crowds"]["among"], markdown, "load"))
    if "latency" in data:
        part(f"The loop's own times ({servers[0]})", fields(data["latency"], markdown, "phase"))
    if "expiry" in data:
        flat = {f"{m}, {server}": v for m, by_server in data["expiry"].items() for server, v in by_server.items()}
        part("Expiry", fields(flat, markdown, "measure"))
    if "sets" in data:
        part("Sets: processor time a command", throughput(data["sets"]["speed"], servers, markdown))
        part("Sets: resident bytes", sizes(data["sets"]["memory"], servers, markdown, "measure"))
    if "sorted-sets" in data:
        part("Sorted sets: processor time a command", throughput(data["sorted-sets"]["speed"], servers, markdown))
        part("Sorted sets: resident bytes", sizes(data["sorted-sets"]["memory"], servers, markdown, "measure"))
    if "bitmaps" in data:
        part("Large bitmaps: milliseconds a command", sizes(data["bitmaps"]["large"], servers, markdown, "command"))
        part("Bitmaps: processor time a command", throughput(data["bitmaps"]["loads"], servers, markdown))
    if "persistence" in data:
        for measure, by_server in data["persistence"].items():
            part(f"Snapshots: {measure}", figures(by_server, servers, markdown))
    for found in data.get("eviction", []):
        part(found["title"], table(found["header"], found["rows"], markdown))
    if "huge-pages" in data:
        found = data["huge-pages"]
        variants = list(next(iter(found["loads"].values())))
        part("Huge pages: processor time a command", throughput(found["loads"], variants, markdown))
        part("Huge pages: costs", sizes(found["costs"], variants, markdown, "measure"))
    for name in filter(data.__contains__, COLLECTIONS):
        title = name.capitalize()
        part(f"{title}: throughput and processor time a command", throughput(data[name]["loads"], servers, markdown))
        part(f"{title}: resident bytes", sizes(data[name]["memory"], servers, markdown, "of"))
        if "latency" in data[name]:
            part(f"{title}: the loop's own times ({servers[0]})", fields(data[name]["latency"], markdown, "phase"))
    return "\n\n".join(parts)
