"""Every step of a sale and every refusal, played through ``Chain`` on the memory chain and on the contract itself.

A memory chain that nothing holds to the contract would let every test that uses it pass for the wrong reason.
"""

from pathlib import Path

import pytest
from scripts.localnet import Node

from assay.chain.values import EventKind
from tests.kit.actors import DOMAIN
from tests.kit.memory_chain import START
from tests.kit.scenario import SENDERS, Play
from tests.kit.script import STEPS
from tests.kit.stage import AnvilStage, MemoryStage


@pytest.mark.unit
def test_each_step_meets_its_refusal_in_memory() -> None:
    play = Play(MemoryStage(DOMAIN, START))
    for name, refusal, act in STEPS:
        found = play.take(act).refusal
        assert (found[0] if found else None) == refusal, name
    assert {event[0] for _, events in play.read for event in events} == set(EventKind)
    assert [reorganised for reorganised, _ in play.read] == [False, False, True]


@pytest.mark.integration
def test_the_memory_chain_and_the_contract_do_the_same(node: Node, tmp_path: Path) -> None:
    real = Play(AnvilStage(node, node.deploy(tmp_path / "31337.json"), SENDERS))
    memory = Play(MemoryStage(real.domain, real.start))
    for name, refusal, act in STEPS:
        expected, found = real.take(act), memory.take(act)
        assert (expected.refusal[0] if expected.refusal else None) == refusal, name
        assert found == expected, name
    assert memory.records() == real.records()
    assert memory.read == real.read
