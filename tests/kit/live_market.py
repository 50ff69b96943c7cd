"""A market with a chain and a daemon of its own: what the client does over HTTP and JSON-RPC."""

import secrets
from pathlib import Path
from typing import Any

import requests
from scripts.localnet import CEILING, ETHER, Daemon, Node, eventually

from assay import envelope
from assay.chain.interface import Deployment
from assay.chain.settlement import SettlementClient
from assay.oracle.api import OracleClient
from assay.protocol.messages import OfferStatus, Problem
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay.sale.buyer import Buyer
from assay.sale.offers import OfferStore
from assay.sale.seller import Seller
from tests.kit.actors import (
    PASSWORD,
    buyer_account,
    oracle_account,
    patient_account,
    rival_account,
    seller_account,
)
from tests.kit.bids import Bid, bid
from tests.kit.light_keys import write_vault
from tests.kit.town import patient

HOUR = 3600
OPERATOR_TOKEN = "an operator's token of a daemon, in a test"


class LiveMarket:
    """A model on chain, its oracle, and whoever trades."""

    def __init__(self, folder: Path, node: Node, artifact: Path, **environment: str) -> None:
        from assay_pricing.function import PriceFunction

        self.folder = folder
        self.node = node
        self._artifact = artifact
        self.record = folder / "31337.json"
        node.deploy(self.record)
        for account in (buyer_account, oracle_account, seller_account, rival_account, patient_account):
            node.fund(account.address, 100 * ETHER)
        self.buyer_identity = envelope.new_identity()
        buyer_chain = self.chain(buyer_account)
        self.terms = ModelTerms(
            owner=buyer_account.address,
            function_hash=PriceFunction.load(artifact).hash,
            delivery_key=envelope.delivery_key_of(envelope.public_of(self.buyer_identity)),
            max_price=ETHER,
            reveal_window=HOUR,
            dispute_window=HOUR,
        )
        buyer_chain.register_model(self.terms, oracle_account.address)
        buyer_chain.fund(self.terms, 10 * ETHER)
        self.model_id = buyer_chain.model_id(self.terms)
        write_vault(folder / "oracle", bytes(oracle_account.key), PASSWORD)
        self.config = folder / "oracle.toml"
        self.config.write_text(
            f'data_dir = "oracle"\nnode = "{node.url}"\ndeployment = "31337.json"\n'
            f'[[models]]\nid = "0x{self.model_id.hex()}"\nartifact = "{artifact}"\n'
        )
        environment = {"ASSAY_ORACLE_OPERATOR_TOKEN": OPERATOR_TOKEN} | environment
        self.daemon = Daemon(self.config, password=PASSWORD, **environment)
        self.daemon.start()
        self.http = OracleClient(self.daemon.url, timeout=CEILING)
        self._tokens: dict[str, str] = {}

    def __enter__(self) -> "LiveMarket":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.daemon.stop()

    def add_model(self) -> ModelId:
        """Another model with the same price function, which has bought nothing; the daemon notices it."""
        terms = self.terms.model_copy(update={"salt": secrets.token_bytes(32)})
        chain = self.chain(buyer_account)
        chain.register_model(terms, oracle_account.address)
        chain.fund(terms, 10 * ETHER)
        found = chain.model_id(terms)
        with self.config.open("a") as config:
            config.write(f'[[models]]\nid = "0x{found.hex()}"\nartifact = "{self._artifact}"\n')
        return found

    def chain(self, account: Any) -> SettlementClient:
        return SettlementClient.of(patient(self.node), Deployment.read(self.record), account=account)

    def seller(self, account: Any = seller_account) -> Seller:
        store = OfferStore(self.folder / account.address)
        return Seller(self.chain(account), self.http, store, account, poll=0.1)

    def buyer(self) -> Buyer:
        return Buyer(self.chain(buyer_account), self.http, buyer_account, self.buyer_identity, self.folder / "bought")

    def data(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def bid(self, content: bytes, account: Any = seller_account) -> Bid:
        info = self.http.info()
        domain = self.chain(None).domain
        return bid(self.model_id, content, account=account, recipient=info.recipient, domain=domain)

    def by(self, account: Any = seller_account) -> OracleClient:
        """The oracle, asked by ``account``."""
        return self.http.as_party_of(account, self.chain(None).domain)

    def bearer(self, account: Any = seller_account) -> dict[str, str]:
        """The header of a request in a session of ``account``, which logs in without the client."""
        if account.address not in self._tokens:
            url = f"{self.daemon.url}/v1/login"
            nonce = requests.get(url, timeout=CEILING).json()["nonce"]
            message = self.chain(None).domain.login(account.address, self.daemon.url, bytes.fromhex(nonce[2:]))
            signature = "0x" + account.sign_message(message).signature.hex()
            login = {"account": account.address, "oracle": self.daemon.url, "nonce": nonce, "signature": signature}
            self._tokens[account.address] = requests.post(url, json=login, timeout=CEILING).json()["token"]
        return {"Authorization": f"Bearer {self._tokens[account.address]}"}

    def answer(
        self,
        method: str,
        path: str,
        *,
        account: Any = seller_account,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> tuple[int, bytes]:
        """The answer to a request in a session of ``account``."""
        named = self.bearer(account) | (headers or {})
        answer = requests.request(method, f"{self.daemon.url}/v1{path}", headers=named, timeout=CEILING, **options)
        return answer.status_code, answer.content

    def problem(self, method: str, path: str, **options: Any) -> tuple[int, Problem]:
        status, content = self.answer(method, path, **options)
        return status, Problem.model_validate_json(content)

    def oracle_transactions(self) -> int:
        return int(self.node.rpc("eth_getTransactionCount", oracle_account.address, "latest"), 16)

    def wait(self, offer_id: bytes, *until: OfferStatus, account: Any = seller_account) -> Any:
        client = self.by(account)
        return eventually(lambda: (state := client.offer(offer_id)).status in until and state)
