"""Requests made up from the OpenAPI document, sent to a daemon: ``make fuzz-api``.

    PYTHONPATH=scripts python -m fuzz.api --cases 50000 [--seed 0]

A chain, a model, a price function and a daemon of its own; one open offer, and the tokens of its seller, of the model's
owner and of an operator. The rates are raised: they have tests of their own. A finding ends the run, with the case.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import schemathesis
from localnet import BIN, ETHER, Daemon, Node, account, anvil, run
from sample import MODEL, write_tables

from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.envelope import delivery_key_of, new_identity, public_of, wrap_key
from assay.oracle.api import OracleClient
from assay.protocol.messages import OfferRequest
from assay.protocol.statements import Domain
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay_oracle.keys import vault
from assay_pricing.function import PriceFunction
from fuzz.http_cases import Case, try_all

PASSWORD = "fuzzing"  # noqa: S105 of keys that everybody knows
OPERATOR = 4 * "operator"
RATES = ("REQUESTS_PER_SECOND", "ADDRESS_REQUESTS_PER_SECOND", "LOGINS_PER_MINUTE", "OFFERS_PER_HOUR")
CALLS = 10
"""Calls that take parameters, at least."""
MOST_EACH = 500
"""Cases for one call before the next call's turn."""
CONFIG = """\
data_dir = "oracle"
node = "{node}"
deployment = "31337.json"
[[models]]
id = "0x{model}"
artifact = "price"
"""


def register(node: Node, folder: Path) -> ModelId:
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
    owner, oracle = account(1), account(3)
    vault.create(folder / "oracle", PASSWORD, private_key=bytes(oracle.key))
    chain = SettlementClient.of(node.url, deployment, account=owner)
    terms = ModelTerms(
        owner=owner.address,
        function_hash=PriceFunction.load(folder / "price").hash,
        delivery_key=delivery_key_of(public_of(new_identity())),
        max_price=ETHER,
        reveal_window=3600,
        dispute_window=3600,
    )
    chain.register_model(terms, oracle.address)
    chain.fund(terms, 10 * ETHER)
    (folder / "oracle.toml").write_text(CONFIG.format(node=node.url, model=chain.model_id(terms).hex()))
    return chain.model_id(terms)


def open_offer(oracle: OracleClient, domain: Domain, model_id: ModelId) -> str:
    """Opens an offer of the seller; its id."""
    seller = account(2)
    statement = domain.offer(model_id, seller.address, bytes(32), bytes(32))
    request = OfferRequest(
        model_id=model_id,
        seller=seller.address,
        data_root=bytes(32),
        nonce=bytes(32),
        signature=bytes(seller.sign_message(statement).signature),
        upload_bytes=2**20,
        sealed_key=wrap_key(oracle.info().recipient, bytes(32)),
    )
    return f"0x{oracle.as_party_of(seller, domain).open_offer(request).offer_id.hex()}"


def token_of(url: str, domain: Domain, index: int) -> str:
    """The token of a session of the ``index``-th account."""
    party, login = account(index), f"{url}/v1/login"
    nonce = requests.get(login, timeout=60).json()["nonce"]
    message = domain.login(party.address, url, bytes.fromhex(nonce[2:]))
    signature = "0x" + party.sign_message(message).signature.hex()
    body = {"account": party.address, "oracle": url, "nonce": nonce, "signature": signature}
    return str(requests.post(login, json=body, timeout=60).json()["token"])


def fuzz(folder: Path, cases: int, number: int) -> int:
    """Sends ``cases`` requests; how many were answered."""
    with anvil(folder / "anvil.log") as node:
        model_id = register(node, folder)
        raised = {f"ASSAY_ORACLE_{name}": "1e9" for name in RATES}
        lasting = {"ASSAY_ORACLE_SESSION_SECONDS": "86400", "ASSAY_ORACLE_OPERATOR_TOKEN": OPERATOR}
        with Daemon(folder / "oracle.toml", password=PASSWORD, **raised, **lasting) as daemon:
            deployment = Deployment.read(folder / "31337.json")
            domain = Domain(chain_id=deployment.chain_id, contract=deployment.address)
            with OracleClient(daemon.url) as oracle:
                offer_id = open_offer(oracle, domain, model_id)
            parties = {name: token_of(daemon.url, domain, index) for name, index in (("buyer", 1), ("seller", 2))}
            schema = schemathesis.openapi.from_url(f"{daemon.url}/openapi.json")
            session = requests.Session()

            def ask(case: Case, headers: Mapping[str, str]) -> Any:
                return case.call(base_url=daemon.url, session=session, headers=dict(headers), timeout=60)

            answered: Counter[tuple[str, int]] = Counter()
            while (missing := cases - answered.total()) > 0:  # some calls have fewer different cases than others
                answered += try_all(
                    schema,
                    each=min(MOST_EACH, 1 + missing // CALLS),
                    known={
                        "offer_id": offer_id,
                        "model_id": f"0x{model_id.hex()}",
                        "seller": account(2).address,
                        "account": account(2).address,
                        "oracle": daemon.url,
                    },
                    tokens=parties | {"operator": OPERATOR},
                    ask=ask,
                    number=number,
                )
                number += 1
    for (call, status), count in sorted(answered.items()):
        print(f"{count:7}  {status}  {call}")
    return answered.total()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=50_000, help="how many requests")
    parser.add_argument("--seed", type=int, default=0, help="the same seed makes the same requests")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"{fuzz(Path(folder), given.cases, given.seed)} answers, none of them a fault of the oracle")


if __name__ == "__main__":
    main()
