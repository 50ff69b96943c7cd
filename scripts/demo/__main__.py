"""One model owner, eleven sellers, a real chain and a real oracle: every sale from offer to payment, or to its refusal.

Run it by ``make demo``. Ends with a table, ``out/demo.png`` and ``out/demo.json``.
"""

import shutil
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

from localnet import ROOT, anvil

from assay.errors import AssayError
from demo import digits, network
from demo.digits import Hands
from demo.play import Demonstration
from demo.show import Sale, Story, plot, table, write_json

OUT = ROOT / "out"
TRUTH_SEEDS = range(100, 104)


def play(truth: "Future[dict[str, float]]", hands: Hands, story: Story) -> list[Sale]:
    """The whole demonstration; returns every seller's sale."""
    folder = OUT / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with anvil(folder / "anvil.log") as node, ExitStack() as closing:
        demonstration = Demonstration(node, folder, hands, story, closing)
        demonstration.set_up()
        demonstration.open_models()
        for name in hands.offers:
            if name == "blind":
                demonstration.quote_blindly(name)
            if not demonstration.offer(name):
                continue
            if name == "corrupted":
                demonstration.sell_with_a_wrong_key(name)
            elif name == "silent":
                demonstration.lock_a_wrong_key(name)
                story.say(name, "never reveals the key")
            elif name == "same_distribution":
                demonstration.sell_cooperatively(name)
            else:
                demonstration.sell_by_chain(name)
        demonstration.end()
        demonstration.predict()
    story.say("model owner", "retrains the full network with each offer, to see what it was truly worth")
    for name, gain in truth.result().items():
        demonstration.sales[name].true_gain = gain
    return list(demonstration.sales.values())


def main() -> None:
    """Plays, and shows."""
    OUT.mkdir(exist_ok=True)
    story = Story()
    hands = digits.deal()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        sales = play(pool.submit(network.true_gains, hands.owner, hands.offers, hands.test, TRUTH_SEEDS), hands, story)
    plot(sales, OUT / "demo.png")
    write_json(sales, OUT / "demo.json")
    table(sales)
    print(f"plot: {OUT / 'demo.png'}\ndata: {OUT / 'demo.json'}")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, AssayError) as error:
        sys.exit(f"error: {error}")
