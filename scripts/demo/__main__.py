"""One model owner, ten sellers, a real chain and a real oracle: every sale from offer to payment, or to its refusal.

Run it by ``make demo``. Ends with a table, ``out/demo.png`` and ``out/demo.json``.
"""

import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import digits
import network
import numpy as np
from digits import Digits, World
from show import Sale, Story, plot, table, write_json
from stage import ROOT, Stage, account

from assay import Buyer, Deployment, ModelTerms, OfferStore, OracleClient, Purchase, Seller, SettlementClient, Status
from assay.envelope import delivery_key_of, new_identity, public_of
from assay.errors import AssayError, OfferRefused
from assay.protocol.types import OrderId
from assay.sale.offers import OfferRecord
from assay.sale.seller import accepted

OUT = ROOT / "out"
ETHER = 10**18
WINDOW = 3600
TRUTH_SEEDS = range(100, 104)
SECOND_REGISTRATION = ("copies",)
"""Offered to a second registration of the same price function: the first has priced these records already."""


def write_records(data: Digits, path: Path) -> Path:
    """Writes features ``x`` and labels ``y`` as NPZ."""
    np.savez(path, x=data.x, y=data.y.astype(str))
    return path


class Demonstration:
    """The whole story, in order."""

    def __init__(self, stage: Stage, world: World, story: Story) -> None:
        self.stage = stage
        self.world = world
        self.story = story
        self.buyer_account = account(1)
        self.oracle_account = account(2)
        self.identity = new_identity()
        self.sales = {name: Sale(name) for name in world.offers}
        self.records: dict[str, OfferRecord] = {}
        self.sellers: dict[str, Seller] = {}

    # --- the model owner ----------------------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Chain, contract, network, price function, oracle: what takes long runs side by side."""
        folder = self.stage.folder
        with ThreadPoolExecutor() as pool:
            self.story.say("developer", "deploys the settlement contract on Anvil: ape run deploy")
            deployed = pool.submit(self.stage.deploy)
            self.story.say("oracle", "makes its keys: assay-oracle init")
            made = pool.submit(self.stage.make_oracle, self.oracle_account)
            trained = network.train(self.world.owner, seed=0)
            _, accuracy = network.evaluate(trained, self.world.test)
            self.story.say("model owner", f"trains a network on 300 digits that lack classes 3, 8, 9: {accuracy:.1%}")
            network.save(trained, folder / "network.safetensors")
            owner = write_records(self.world.owner, folder / "owner.npz")
            validation = write_records(self.world.validation, folder / "validation.npz")
            self.story.say("model owner", "fits a price function to it: assay-oracle fit")
            fitted = self.stage.fit(owner, validation, folder / "network.safetensors")
            self.function_hash = bytes.fromhex(str(fitted["function_hash"]).removeprefix("0x"))
            self.story.say("model owner", f"the surrogate's fidelity is {fitted['fidelity']:.1%}")
            made.result()
            self.story.say("developer", f"contract at {deployed.result()['address']}")

    def open_models(self) -> None:
        """Two registrations of the one price function, funded, and the daemon that prices for both."""
        self.buyer = Buyer(
            self.chain(self.buyer_account),
            OracleClient("http://127.0.0.1"),
            self.buyer_account,
            self.identity,
            self.stage.folder / "purchases",
        )
        models = []
        for number in range(2):
            terms = ModelTerms(
                owner=self.buyer_account.address,
                function_hash=self.function_hash,
                delivery_key=delivery_key_of(public_of(self.identity)),
                max_price=10 * ETHER,
                reveal_window=WINDOW,
                dispute_window=WINDOW,
                salt=bytes(31) + bytes([number]),
            )
            model_id, gas = self.buyer.register(terms, self.oracle_account.address)
            self.buyer.fund(model_id, 20 * ETHER)
            self.story.say("model owner", f"registers 0x{model_id.hex()[:8]}... ({gas:,} gas) and funds it: 20 ETH")
            models.append(model_id)
        self.first, self.second = models
        self.url = self.stage.serve(models)
        self.story.say("oracle", f"serves at {self.url}: assay-oracle serve")
        self.buyer = Buyer(
            self.chain(self.buyer_account),
            OracleClient(self.url),
            self.buyer_account,
            self.identity,
            self.stage.folder / "purchases",
        )

    def chain(self, sender: object) -> SettlementClient:
        """The contract, with ``sender`` for transactions."""
        deployment = Deployment.read(self.stage.deployments / "31337.json")
        return SettlementClient.of(self.stage.node, deployment, account=sender)

    # --- the sellers --------------------------------------------------------------------------------------------------

    def offer(self, name: str) -> bool:
        """Seals, uploads, waits for the price; True if there is a quote to accept."""
        number = list(self.world.offers).index(name)
        data = self.world.offers[name]
        path = write_records(data, self.stage.folder / f"{name}.npz")
        owner = account(3 + number)
        seller = Seller(
            self.chain(owner),
            OracleClient(self.url),
            OfferStore(self.stage.folder / "sellers" / name),
            owner,
            poll=0.1,
        )
        self.sellers[name] = seller
        model = self.second if name in SECOND_REGISTRATION else self.first
        sale = self.sales[name]
        try:
            record, state = seller.offer(seller.prepare(path, model))
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
        record = self.accept(name, cooperative=False)
        self.sellers[name].advance(record)
        self.story.say(name, "reveals the key on chain")

    def sell_cooperatively(self, name: str) -> None:
        """Accepts, lets the oracle hand the key over; the buyer acknowledges, the key never goes on chain."""
        self.accept(name, cooperative=True)
        order_id = self.order_id(name)
        chain = self.chain(self.buyer_account)
        for _ in range(100):
            self.advance(order_id)
            if chain.order_state(order_id).status is Status.PAID:
                break
            time.sleep(0.2)
        self.story.say("model owner", f"opens {name}'s file and acknowledges; the key stays off the chain")

    def sell_with_a_wrong_key(self, name: str) -> None:
        """Locks a key that opens nothing, past the oracle, which would have noticed; the buyer disputes one chunk."""
        seller = self.sellers[name]
        wrong = bytes(32)
        seller_account = account(3 + list(self.world.offers).index(name))
        record = accepted(self.records[name], wrong, self.chain(None).domain, seller_account)
        record = self.records[name] = OfferStore(self.stage.folder / "sellers" / name).save(record)
        seller.post(record)
        self.story.say(name, "locks a key that opens nothing, and posts the order itself")
        order = seller.order(record).order
        self.chain(seller_account).reveal_key(order, wrong)
        self.story.say(name, "reveals that key: every chunk is corrupted")
        for _ in range(50):
            if self.advance(order.order_id()).status is Status.DISPUTED:
                break
            time.sleep(0.2)
        self.story.say("model owner", "disputes chunk 0; the contract decrypts it and refunds")

    def accept(self, name: str, *, cooperative: bool) -> OfferRecord:
        """Sells at the quote's price."""
        record = self.records[name] = self.sellers[name].accept(self.records[name], cooperative=cooperative)
        self.story.say(name, "accepts; the oracle posts the order, the payment is locked")
        return record

    def order_id(self, name: str) -> OrderId:
        """Id of a seller's order."""
        quote = self.records[name].quote
        assert quote is not None
        return quote.order_id()

    def advance(self, order_id: OrderId) -> Purchase:
        """The buyer advances one order."""
        return self.buyer.advance(self.chain(self.buyer_account).posted(order_id=order_id)[-1])

    # --- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Lets the windows pass: revealed orders are paid, the silent one is refunded."""
        for model in (self.first, self.second):
            self.buyer.poll(model)
        self.stage.pass_time(WINDOW + 1)
        self.story.say("time", "an hour passes on the chain")
        for model in (self.first, self.second):
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
            sale.gas = sum(sent.gas for sent in chain.history(order_id))
            self.story.say(name, f"[bold]{sale.status}[/] {sale.note}")

    def predict(self) -> None:
        """What the surrogate says of each offer, read by the operator: sellers see the price alone."""
        from assay_pricing.function import PriceFunction
        from assay_pricing.records.tables import parse_records

        function = PriceFunction.load(self.stage.folder / "price")
        for name, sale in self.sales.items():
            if sale.status != "refused":
                with (self.stage.folder / f"{name}.npz").open("rb") as source:
                    sale.predicted_gain = function.appraise(parse_records(source, function.schema)).predicted_gain


def play(truth: "Future[dict[str, float]]", world: World, story: Story) -> list[Sale]:
    """The whole demonstration; returns every seller's sale."""
    with Stage(OUT / "demo") as stage:
        demonstration = Demonstration(stage, world, story)
        demonstration.set_up()
        demonstration.open_models()
        for name in world.offers:
            if not demonstration.offer(name):
                continue
            if name == "corrupted":
                demonstration.sell_with_a_wrong_key(name)
            elif name == "silent":
                demonstration.accept(name, cooperative=False)
                story.say(name, "never reveals the key")
            elif name == "same_distribution":
                demonstration.sell_cooperatively(name)
            else:
                demonstration.sell_by_chain(name)
        demonstration.close()
        demonstration.predict()
    story.say("model owner", "retrains the full network with each offer, to see what it was truly worth")
    for name, gain in truth.result().items():
        demonstration.sales[name].true_gain = gain
    return list(demonstration.sales.values())


def main() -> None:
    """Plays, and shows."""
    OUT.mkdir(exist_ok=True)
    story = Story()
    world = digits.build_world()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sales = play(pool.submit(network.true_gains, world.owner, world.offers, world.test, TRUTH_SEEDS), world, story)
    plot(sales, OUT / "demo.png")
    write_json(sales, OUT / "demo.json")
    table(sales)
    print(f"plot: {OUT / 'demo.png'}\ndata: {OUT / 'demo.json'}")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, AssayError) as error:
        sys.exit(f"error: {error}")
