"""Sales that the bench settles on a chain of its own, and who decides in each contract."""

import shutil
from pathlib import Path

import pytest

from assay.errors import AssayError
from assay_bench.comparison.market.chain import ETHER, account, local_chain
from assay_bench.comparison.market.contracts import compiled, interfaces
from assay_bench.comparison.market.sale import settled
from assay_bench.comparison.trade import Gains, draw

pytestmark = pytest.mark.integration

SOLC = Path(__file__).parents[3] / ".build" / "solc" / "solc"
DEAL = bytes([7]) * 32
DAY = 86_400
BURNED = "0x000000000000000000000000000000000000dEaD"


def test_the_product_pays_the_seller_the_whole_price_for_a_key_that_opens_the_file() -> None:
    trade = draw("small", 11, Gains(validation={}, test={}))
    found = settled(trade.useful, 3 * ETHER // 10)
    assert found.paid == 1
    assert not found.before_payment
    assert 100_000 < found.gas < 160_000
    assert found.sealed_bytes > trade.useful.x.astype("f4").nbytes


def test_the_arbiter_alone_decides_and_silence_refunds_the_buyer() -> None:
    buyer, seller, arbiter = account("buyer"), account("seller"), account("arbiter")
    with local_chain() as chain:
        chain.fund(buyer, seller, arbiter)
        escrow = chain.contract(interfaces()["ArbiterEscrow"])
        terms = (seller.address, arbiter.address, chain.node.latest().time + DAY, DEAL)
        escrow.send("lock", DEAL, *terms, sender=buyer, value=ETHER)
        for cheat in (buyer, seller):
            with pytest.raises(AssayError, match="the arbiter decides"):
                escrow.send("decide", DEAL, ETHER, sender=cheat)
        with pytest.raises(AssayError, match="not yet"):
            escrow.send("refund", DEAL, sender=buyer)
        before = chain.node.balance(seller.address)
        escrow.send("decide", DEAL, ETHER // 4, sender=arbiter)
        assert chain.node.balance(seller.address) - before == ETHER // 4
        assert chain.node.balance(escrow.address) == 0

        escrow.send("lock", DEAL, *terms, sender=buyer, value=ETHER)
        chain.pass_time(DAY + 1)
        escrow.send("refund", DEAL, sender=seller)
        assert chain.node.balance(escrow.address) == 0


def test_a_stake_returns_with_its_reward_or_is_burned() -> None:
    owner, good, bad = account("owner"), account("good"), account("bad")
    with local_chain() as chain:
        chain.fund(owner, good, bad)
        market = chain.contract(interfaces()["StakeMarket"], sender=owner, value=ETHER)
        for modeller in (good, bad):
            market.send("stake", DEAL, sender=modeller, value=ETHER)
        with pytest.raises(AssayError, match="the owner scores"):
            market.send("settle", good.address, ETHER, sender=good)
        before = chain.node.balance(good.address)
        market.send("settle", good.address, ETHER // 2, sender=owner)
        assert chain.node.balance(good.address) - before == ETHER + ETHER // 2
        market.send("settle", bad.address, 0, sender=owner)
        assert chain.node.balance(BURNED) == ETHER
        assert chain.node.balance(market.address) == ETHER // 2


def test_the_stored_code_is_what_the_sources_compile_to() -> None:
    assert shutil.which(str(SOLC)), "make setup provides the compiler"
    assert compiled(str(SOLC)) == interfaces()
