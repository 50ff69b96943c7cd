"""Contracts of ``contracts/mocks`` that import nothing, compiled alone and put on a local chain."""

from functools import cache
from typing import Any

import solcx
from eth_abi.abi import encode
from scripts.localnet import ROOT, Node, eventually
from web3.contract import Contract

from assay.chain.node import Node as ChainNode


@cache
def _compiled(file: str) -> dict[str, Any]:
    path = ROOT / "contracts" / "mocks" / file
    found: dict[str, Any] = solcx.compile_files(
        [path], output_values=["abi", "bin"], solc_binary=ROOT / ".build" / "solc" / "solc", evm_version="shanghai"
    )
    return {name.rsplit(":", 1)[1]: contract for name, contract in found.items()}


def deploy(node: Node, file: str, name: str, *arguments: int) -> Contract:
    """The contract ``name`` of a file, new on the chain."""
    compiled = _compiled(file)[name]
    code = "0x" + compiled["bin"] + encode(["uint256"] * len(arguments), arguments).hex()
    (sender, *_) = node.rpc("eth_accounts")
    sent = node.rpc("eth_sendTransaction", {"from": sender, "data": code, "gas": hex(3_000_000)})
    receipt = eventually(lambda: node.rpc("eth_getTransactionReceipt", sent), every=0.01)
    return ChainNode(node.url).contract(receipt["contractAddress"], compiled["abi"])
