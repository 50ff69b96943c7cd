"""An approach to a trade of data: whose idea it is, what the paper says of it, and how it is run."""

from collections.abc import Callable
from dataclasses import dataclass

from assay_bench.comparison.figures import Row
from assay_bench.comparison.trade import Trade


@dataclass(frozen=True)
class Words:
    """A row of the paper's tables."""

    table: int
    row: str
    data_leakage: str
    model_leakage: str
    practicality: str
    fairness: str


DATA_FIRST = Words(1, "Data Owner gives up data", "High", "Low", "High", "Low")
MODEL_FIRST = Words(1, "Model Owner gives up model", "Low", "High", "High", "Low")
ESCROW = Words(2, "Escrow, smart contract", "Medium", "Medium", "Low", "High")
ENCRYPTED_MODEL = Words(2, "Encrypting the model", "High", "Low", "Low", "N/A")
ENCRYPTED_DATA = Words(2, "Encrypting the data", "Medium", "Low", "Low", "Medium")
FEDERATED = Words(3, "Federated Learning", "Low", "Low", "Low", "High")
EFFICACY = Words(3, "Model-Data Efficacy", "Low", "Low", "Medium", "High")


@dataclass(frozen=True)
class Approach:
    """One row of the comparison.

    Attributes:
        name: On the command line and in files: lower case, words joined by hyphens.
        title: In tables.
        paper: The row of the paper's tables; None for what the paper does not have.
        source: Whose idea it is, and what of the implementation is a rendering of it.
        run: Runs it on a draw of the trade. Everything random follows from the trade's seed.
        remark: Where the figures disagree with the paper's words, and why.
    """

    name: str
    title: str
    paper: Words | None
    source: str
    run: Callable[[Trade], Row]
    remark: str = ""
