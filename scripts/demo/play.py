"""The demonstration, in order: who does what."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from eth_account.signers.local import LocalAccount
from localnet import ETHER, Node, account, eventually

from assay import Buyer, Deployment, ModelTerms, OfferStore, OracleClient, Purchase, Seller, SettlementClient, Status
from assay.chain.queries import registered_terms
from assay.envelope import delivery_key_of, new_identity, public_of
from assay.errors import OfferRefused
from assay.protocol.structs import Order
from assay.protocol.types import ModelId, OrderId
from assay.sale.acceptance import accepted
from assay.sale.blind import BlindQuoting, sums_of
from assay.sale.offers import OfferRecord
from assay.sale.trust import check_model
from demo import commands, network
from demo.digits import Digits, Hands
from demo.show import Sale, Story

WINDOW = 3600
WRONG_KEY = bytes(32)
PRICE, PRICE_OF_SUMS = "price", "price_of_sums"
"""Folders of the price functions."""
OF_SUMS = ("--method", "ridge", "--setting", "features=128")
REGISTRATIONS = (PRICE, PRICE, PRICE_OF_SUMS)
OFFERED_TO = {"copies": 1, "blind": 2}
"""Registrations of sellers whose records the first one has priced already."""


def write_records(data: Digits, path: Path) -> Path:
    """Writes features ``x`` and labels ``y`` as NPZ."""
    np.savez(path, x=data.x, y=data.y.astype(str))
    return path


class Demonstration:
    """The whole story, in order."""

    def __init__(self, node: Node, folder: Path, hands: Hands, story: Story, closing: ExitStack) -> None:
        self.node = node
        self.folder = folder
        self.hands = hands
        self.story = story
        self.closing = closing
        self.buyer_account = account(1)
        self.oracle_account = account(2)
        self.identity = new_identity()
        self.sales = {name: Sale(name) for name in hands.offers}
        self.records: dict[str, OfferRecord] = {}
        self.sellers: dict[str, Seller] = {}

    # --- the model owner ----------------------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Chain, contract, network, price function, oracle: what takes long runs side by side."""
        folder = self.folder
        with ThreadPoolExecutor() as pool:
            self.story.say("developer", "deploys the settlement contract on Anvil")
            deployed = pool.submit(self.node.deploy, folder / commands.RECORD)
            self.story.say("oracle", "makes its keys: assay-oracle init")
            made = pool.submit(commands.make_oracle, self.node, folder, self.oracle_account)
            trained = network.train(self.hands.owner, seed=0)
            _, accuracy = network.evaluate(trained, self.hands.test)
            self.story.say("model owner", f"trains a network on 300 digits that lack classes 3, 8, 9: {accuracy:.1%}")
            network.save(trained, folder / "network.safetensors")
            owner = write_records(self.hands.owner, folder / "owner.npz")
            validation = write_records(self.hands.validation, folder / "validation.npz")
            self.story.say("model owner", "fits two price functions to it: assay-oracle fit, also with --method ridge")
            inputs = (owner, validation, folder / "network.safetensors")
            of_sums = pool.submit(commands.fit, folder, PRICE_OF_SUMS, *inputs, OF_SUMS)
            found = {PRICE: commands.fit(folder, PRICE, *inputs, ()), PRICE_OF_SUMS: of_sums.result()}
            self.hashes = {name: bytes.fromhex(str(one["function_hash"])[2:]) for name, one in found.items()}
            self.story.say("model owner", f"the surrogate's fidelity is {found[PRICE]['fidelity']:.1%}")
            made.result()
            self.story.say("developer", f"contract at {deployed.result().address}")

    def open_models(self) -> None:
        """All registrations, funded, and the daemon that prices for them."""
        chain = self.chain(self.buyer_account)
        models: dict[ModelId, str] = {}
        for number, name in enumerate(REGISTRATIONS):
            terms = ModelTerms(
                owner=self.buyer_account.address,
                function_hash=self.hashes[name],
                delivery_key=delivery_key_of(public_of(self.identity)),
                max_price=10 * ETHER,
                reveal_window=WINDOW,
                dispute_window=WINDOW,
                salt=bytes(31) + bytes([number]),
            )
            gas = chain.register_model(terms, self.oracle_account.address).gas
            chain.fund(terms, 20 * ETHER)
            model_id = chain.model_id(terms)
            self.story.say("model owner", f"registers 0x{model_id.hex()[:8]}... ({gas:,} gas) and funds it: 20 ETH")
            models[model_id] = name
        self.models = tuple(models)
        self.url = self.closing.enter_context(commands.serve(self.folder, models)).url
        self.story.say("oracle", f"serves at {self.url}: assay-oracle serve")
        self.buyer = Buyer(chain, self.http(), self.buyer_account, self.identity, self.folder / "purchases")

    def http(self) -> OracleClient:
        """A client of the oracle, closed at the end."""
        return self.closing.enter_context(OracleClient(self.url))

    def chain(self, sender: object) -> SettlementClient:
        """The contract, with ``sender`` for transactions."""
        return SettlementClient.of(self.node.url, Deployment.read(self.folder / commands.RECORD), account=sender)

    # --- the sellers --------------------------------------------------------------------------------------------------

    def prepare(self, name: str) -> OfferRecord:
        """Seals."""
        path = write_records(self.hands.offers[name], self.folder / f"{name}.npz")
        owner, store = self.account_of(name), OfferStore(self.folder / "sellers" / name)
        seller = self.sellers[name] = Seller(self.chain(owner), self.http(), store, owner, poll=0.1)
        return seller.prepare(path, self.models[OFFERED_TO.get(name, 0)])

    def quote_blindly(self, name: str) -> None:
        """Seals, and hears the price of encrypted sums: no record leaves the seller."""
        record, owner = self.prepare(name), self.account_of(name)
        with OracleClient(self.url) as oracle:
            model = check_model(registered_terms(self.chain(owner), record.model_id), oracle.model(record.model_id))
            sums = sums_of(self.folder / f"{name}.npz", model)
            store = OfferStore(self.folder / "sellers" / name)
            quoted = BlindQuoting(self.chain(owner), oracle, store, owner).quote(record, sums)
        assert quoted.blind_quote is not None
        price = self.sales[name].blind_price = quoted.blind_quote.price
        self.story.say(name, f"encrypts sums over {sums.records} records: [green]{price / ETHER:.4f} ETH[/], unseen")

    def offer(self, name: str) -> bool:
        """Seals, uploads, waits for the price; True if there is a quote to accept."""
        data, sale, record = self.hands.offers[name], self.sales[name], self.prepare(name)
        try:
            record, state = self.sellers[name].offer(record)
        except OfferRefused as refusal:
            sale.status, sale.note = "refused", refusal.reason_code
            self.story.say(name, f"offers {len(data)} records: [red]refused[/], {refusal.message}")
            return False
        self.records[name] = record
        if record.quote is None:
            reason = state.appraisal.reasons[0] if state.appraisal and state.appraisal.reasons else "adds nothing"
            sale.status, sale.note = "declined", reason
            self.story.say(name, f"offers {len(data)} records: [yellow]worth nothing[/], {reason}")
            return False
        sale.price = record.quote.price
        self.story.say(name, f"offers {len(data)} records: [green]{sale.price / ETHER:.4f} ETH[/]")
        return True

    def sell_by_chain(self, name: str) -> None:
        """Accepts, reveals the key on chain; the buyer opens the file."""
        record = self.accept(name)
        self.sellers[name].advance(record)
        self.story.say(name, "reveals the key on chain")

    def sell_cooperatively(self, name: str) -> None:
        """Accepts; the buyer acknowledges on the oracle's statement, and has the key once the contract has paid."""
        self.accept(name)
        order_id = self.order_id(name)
        eventually(lambda: self.advance(order_id).file, every=0.2)
        self.story.say("model owner", f"acknowledges {name}'s file; the contract pays; the oracle hands the key over")

    def lock_a_wrong_key(self, name: str) -> Order:
        """Locks a key that opens nothing, past the oracle, which would have noticed and does not confirm it."""
        seller = self.sellers[name]
        record = accepted(self.records[name], WRONG_KEY, self.chain(None).domain, self.account_of(name))
        record = self.records[name] = OfferStore(self.folder / "sellers" / name).save(record)
        seller.post(record)
        self.story.say(name, "locks a key that opens nothing, and posts the order itself")
        return seller.order(record).order

    def sell_with_a_wrong_key(self, name: str) -> None:
        """Reveals a key that opens nothing; the buyer disputes one chunk."""
        order = self.lock_a_wrong_key(name)
        self.chain(self.account_of(name)).reveal_key(order, WRONG_KEY)
        self.story.say(name, "reveals that key: every chunk is corrupted")
        eventually(lambda: self.advance(order.order_id()).status is Status.DISPUTED, every=0.2)
        self.story.say("model owner", "disputes chunk 0; the contract decrypts it and refunds")

    def accept(self, name: str) -> OfferRecord:
        """Sells at the quote's price."""
        record = self.records[name] = self.sellers[name].accept(self.records[name])
        self.story.say(name, "accepts; the oracle posts the order, the payment is locked")
        return record

    def account_of(self, name: str) -> LocalAccount:
        """A seller's account."""
        return account(3 + list(self.hands.offers).index(name))

    def order_id(self, name: str) -> OrderId:
        """Id of a seller's order."""
        quote = self.records[name].quote
        assert quote is not None
        return quote.order_id()

    def advance(self, order_id: OrderId) -> Purchase:
        """The buyer advances one order."""
        return self.buyer.advance(self.chain(self.buyer_account).posted(order_id=order_id)[-1])

    # --- the end ------------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Lets the windows pass: revealed orders are paid, the silent one is refunded."""
        for model in self.models:
            self.buyer.poll(model)
        self.node.pass_time(WINDOW + 1)
        self.story.say("time", "an hour passes on the chain")
        for model in self.models:
            self.buyer.poll(model)
        chain = self.chain(self.buyer_account)
        for name, record in self.records.items():
            sale = self.sales[name]
            if sale.status:
                continue
            order_id = self.order_id(name)
            if chain.order_state(order_id).status is Status.REVEALED:
                self.sellers[name].advance(record)
            status = chain.order_state(order_id).status
            sale.status = "paid" if status is Status.PAID else "refunded"
            sale.note = {Status.DISPUTED: "after a dispute", Status.REFUNDED: "after silence"}.get(status, "")
            sale.gas = {commands.called(self.node, sent.hash): sent.gas for sent in chain.history(order_id)}
            self.story.say(name, f"[bold]{sale.status}[/] {sale.note}")

    def predict(self) -> None:
        """What the surrogate says of each offer, read by the operator: sellers see the price alone.

        Raises:
            RuntimeError: A blind price is not the price of the same data in the clear.
        """
        from assay_pricing.function import PriceFunction
        from assay_pricing.records.tables import parse_records

        functions = {name: PriceFunction.load(self.folder / name) for name in REGISTRATIONS}
        for name, sale in self.sales.items():
            if sale.status == "refused":
                continue
            function = functions[REGISTRATIONS[OFFERED_TO.get(name, 0)]]
            with (self.folder / f"{name}.npz").open("rb") as source:
                found = function.appraise(parse_records(source, function.schema))
            sale.predicted_gain = found.predicted_gain
            if sale.blind_price is not None:
                if not sale.blind_price == sale.price == found.price:
                    raise RuntimeError(f"expected the blind price {sale.blind_price}, got {sale.price}, {found.price}")
                sale.note = "priced unseen, then in the clear: the same"
