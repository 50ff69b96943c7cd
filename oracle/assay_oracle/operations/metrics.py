"""The metrics of one daemon, for Prometheus. No label has a value that a stranger can choose or multiply.

Counters begin at 0 when the process starts. What the ledger and the chain hold is read by ``state.StateCollector``.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
"""The metrics of this process."""

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_SHARES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)

HTTP_SECONDS = Histogram(
    "assay_http_request_seconds",
    "Requests by route, method and status: time until the answer was sent",
    ("route", "method", "status"),
    buckets=_FAST,
    registry=REGISTRY,
)
RECEIVED_BYTES = Counter(
    "assay_http_received_bytes", "Bytes of the bodies of requests, uploads above all", ("route",), registry=REGISTRY
)
PRICING_SECONDS = Histogram(
    "assay_pricing_seconds",
    "Time by the clock of one step of pricing: open parses an offer, appraise values it",
    ("model", "step"),
    buckets=_SLOW,
    registry=REGISTRY,
)
PRICE_SHARE = Histogram(
    "assay_price_share",
    "Prices, each as a share of the highest price of the model's pricing rule",
    ("model",),
    buckets=_SHARES,
    registry=REGISTRY,
)
CUT_SHORT = Counter(
    "assay_pricing_cut_short", "Attempts at pricing that took too much, by reason", ("reason",), registry=REGISTRY
)
QUOTES_SIGNED = Counter("assay_quotes_signed", "Quotes signed, renewed ones too", registry=REGISTRY)
TRANSACTIONS = Counter(
    "assay_transactions",
    "Transactions of the oracle's account by what they do and their result: mined, failed, reverted, pending, error",
    ("function", "result"),
    registry=REGISTRY,
)
GAS = Counter("assay_gas_spent", "Units of gas that mined transactions took", ("function",), registry=REGISTRY)
CAPPED = Gauge("assay_transactions_capped", "Unmined transactions whose fee is at max_fee", registry=REGISTRY)

CHAIN_BLOCK = Gauge("assay_chain_head_block", "Number of the latest block that the node has", registry=REGISTRY)
CHAIN_TIME = Gauge("assay_chain_head_timestamp_seconds", "Unix time of that block", registry=REGISTRY)
CHAIN_SAMPLED = Gauge("assay_chain_sampled_timestamp_seconds", "When the node last answered", registry=REGISTRY)
NODE_WELL = Gauge(
    "assay_node_well", "Whether a node of the settings is asked: 0 while it is at fault", ("node",), registry=REGISTRY
)
NODE_BLOCK = Gauge("assay_node_head_block", "Number of the latest block of a node", ("node",), registry=REGISTRY)
BALANCE = Gauge(
    "assay_account_balance",
    "Native coin of the oracle's account, which pays for gas, in whole coins",
    registry=REGISTRY,
)
