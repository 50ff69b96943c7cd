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
from localnet import Daemon, account

from assay.oracle.api import OracleClient
from assay.protocol.statements import Domain
from assay.protocol.types import ModelId
from fuzz.http_cases import Case, try_all
from fuzz.place import PASSWORD, SELLER, SETTINGS, built, domain_of, offer_request

OPERATOR = 4 * "operator"
CALLS = 10
"""Calls that take parameters, at least."""
MOST_EACH = 500
"""Cases for one call before the next call's turn."""


def open_offer(oracle: OracleClient, domain: Domain, model_id: ModelId) -> str:
    """Opens an offer of the seller; its id."""
    request = offer_request(domain, model_id, oracle.info().recipient)
    return f"0x{oracle.as_party_of(SELLER, domain).open_offer(request).offer_id.hex()}"


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
    with built(folder) as model_id:
        own = {f"ASSAY_ORACLE_{name}": value for name, value in (SETTINGS | {"OPERATOR_TOKEN": OPERATOR}).items()}
        with Daemon(folder / "oracle.toml", password=PASSWORD, **own) as daemon:
            domain = domain_of(folder)
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
                        "seller": SELLER.address,
                        "account": SELLER.address,
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
