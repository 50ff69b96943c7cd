"""A chain, a registered model, a price function, and settings of an oracle: what the fuzzers of the API need."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localnet import BIN, ETHER, Node, account, anvil, run
from sample import MODEL, write_tables

from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.envelope import delivery_key_of, new_identity, public_of, wrap_key
from assay.protocol.messages import OfferRequest
from assay.protocol.statements import Domain
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay_oracle.keys import vault
from assay_pricing.function import PriceFunction

PASSWORD = "fuzzing"  # noqa: S105 of keys that everybody knows
OWNER, SELLER, ORACLE = account(1), account(2), account(3)
UPLOAD_BYTES = 2**20
SETTINGS = {
    "REQUESTS_PER_SECOND": "1e9",
    "ADDRESS_REQUESTS_PER_SECOND": "1e9",
    "LOGINS_PER_MINUTE": "1e9",
    "OFFERS_PER_HOUR": "1e9",
    "SESSION_SECONDS": "86400",
}
"""Rates have tests of their own, and a session outlasts a run."""
CONFIG = """\
data_dir = "oracle"
node = "{node}"
deployment = "31337.json"
[[models]]
id = "0x{model}"
artifact = "price"
"""


@contextmanager
def built(folder: Path) -> Iterator[ModelId]:
    """The chain, for the time of the context; its model's id. ``oracle.toml`` in ``folder`` names everything."""
    with anvil(folder / "anvil.log") as node:
        yield _register(node, folder)


def _register(node: Node, folder: Path) -> ModelId:
    """Fits a price function, and registers a model with it."""
    write_tables(folder)
    (folder / "model.py").write_text(MODEL)
    run(
        *(BIN / "assay-oracle", "fit", "--model", "model:trained", "--data", "train.csv", "--label", "late"),
        *("--validation", "validation.csv", "--rate", "1ether", "--out", "price"),
        log=folder / "fit.log",
        cwd=folder,
    )
    deployment = node.deploy(folder / "31337.json")
    vault.create(folder / "oracle", PASSWORD, private_key=bytes(ORACLE.key))
    chain = SettlementClient.of(node.url, deployment, account=OWNER)
    terms = ModelTerms(
        owner=OWNER.address,
        function_hash=PriceFunction.load(folder / "price").hash,
        delivery_key=delivery_key_of(public_of(new_identity())),
        max_price=ETHER,
        reveal_window=3600,
        dispute_window=3600,
    )
    chain.register_model(terms, ORACLE.address)
    chain.fund(terms, 10 * ETHER)
    model_id = chain.model_id(terms)
    (folder / "oracle.toml").write_text(CONFIG.format(node=node.url, model=model_id.hex()))
    return model_id


def domain_of(folder: Path) -> Domain:
    """Where signatures are valid."""
    deployment = Deployment.read(folder / "31337.json")
    return Domain(chain_id=deployment.chain_id, contract=deployment.address)


def offer_request(domain: Domain, model_id: ModelId, recipient: str) -> OfferRequest:
    """An offer of the seller to an oracle whose uploads are encrypted to ``recipient``."""
    statement = domain.offer(model_id, SELLER.address, bytes(32), bytes(32))
    return OfferRequest(
        model_id=model_id,
        seller=SELLER.address,
        data_root=bytes(32),
        nonce=bytes(32),
        signature=bytes(SELLER.sign_message(statement).signature),
        upload_bytes=UPLOAD_BYTES,
        sealed_key=wrap_key(recipient, bytes(32)),
    )
