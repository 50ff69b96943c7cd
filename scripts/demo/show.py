"""What the demonstration shows: a line for each thing that happens, a table, a plot, and JSON."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import matplotlib as mpl
from rich.console import Console
from rich.table import Table

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Patch

WEI_PER_ETHER = 10**18
TABLE_COLUMNS = 120
COLOURS = {"paid": "tab:green", "declined": "tab:gray", "refunded": "tab:orange", "refused": "tab:red"}


@dataclass
class Sale:
    """One seller's story. Prices in wei, gains in nats of log loss, ``gas`` by step of the sale.

    ``blind_price`` is that of encrypted sums, before the oracle saw the data; None if they were offered in the clear.
    """

    name: str
    price: int = 0
    blind_price: int | None = None
    predicted_gain: float | None = None
    true_gain: float = 0.0
    status: str = ""
    gas: dict[str, int] = field(default_factory=dict)
    note: str = ""


class Story:
    """Prints what happens as it happens, with the seconds since the start, on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._start = time.monotonic()

    def say(self, who: str, what: str) -> None:
        """One line: who did what."""
        self._console.print(f"[dim]{time.monotonic() - self._start:5.1f} s[/]  [bold]{who:<18}[/] {what}")


def table(sales: list[Sale]) -> None:
    """Prints the table of all sales on stdout."""
    view = Table(title="What each data set was worth, and what happened")
    for heading in ("seller", "price (ETH)", "predicted gain", "true gain", "status", "gas"):
        view.add_column(heading, justify="left" if heading in ("seller", "status") else "right", no_wrap=True)
    view.add_column("", ratio=1)
    for sale in sales:
        view.add_row(
            sale.name,
            f"{sale.price / WEI_PER_ETHER:.4f}",
            "-" if sale.predicted_gain is None else f"{sale.predicted_gain:+.4f}",
            f"{sale.true_gain:+.4f}",
            sale.status,
            f"{sum(sale.gas.values()):,}" if sale.gas else "-",
            sale.note,
        )
    console = Console()
    console.width = max(console.width, TABLE_COLUMNS)
    console.print(view)


def plot(sales: list[Sale], path: Path) -> None:
    """Draws price by seller, and predicted against true gain, into a PNG."""
    figure, (prices, gains) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    colours = [COLOURS[sale.status] for sale in sales]
    bars = prices.barh([sale.name for sale in sales], [sale.price / WEI_PER_ETHER for sale in sales], color=colours)
    prices.bar_label(bars, labels=["" if sale.price else sale.status for sale in sales], padding=4, fontsize=8)
    prices.invert_yaxis()
    prices.set_xlabel("price (ETH)")
    prices.set_title("Price before anything changed hands")
    prices.legend(
        handles=[Patch(color=colour, label=status) for status, colour in COLOURS.items()],
        loc="lower right",
    )
    floor = -0.2  # harmful offers go far below; their exact place says nothing about prices
    named: dict[tuple[float, float], list[str]] = {}
    for sale, colour in zip(sales, colours, strict=True):
        if sale.predicted_gain is not None:
            x, y = max(sale.true_gain, floor), max(sale.predicted_gain, floor)
            gains.scatter(x, y, color=colour)
            near = next((at for at in named if abs(at[0] - x) < 0.05 and abs(at[1] - y) < 0.005), (x, y))
            named.setdefault(near, []).append(sale.name)
    for point, names in named.items():
        gains.annotate(", ".join(names), point, xytext=(0, 6), textcoords="offset points", fontsize=8, ha="center")
    gains.margins(0.12)
    gains.axline((0, 0), slope=1, color="lightgray", zorder=0)
    gains.set_xlabel(f"true gain: full model retrained, unseen test set (nats, cut at {floor})")
    gains.set_ylabel("predicted gain: surrogate (nats)")
    gains.set_title("What the surrogate predicted, and what the model gained")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def write_json(sales: list[Sale], path: Path) -> None:
    """Writes ``{"sellers": [...]}``."""
    path.write_text(json.dumps({"sellers": [asdict(sale) for sale in sales]}, indent=2) + "\n")
