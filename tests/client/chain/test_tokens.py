"""Symbol and decimals of tokens as they are: standard, 32 bytes, missing, and made to mislead."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from assay.amounts import ETHER
from assay.chain.node import Node
from assay.chain.settlement import SettlementClient
from assay.errors import NodeUnreachable
from assay.protocol.types import NATIVE_TOKEN
from tests.kit.actors import CONTRACT, DOMAIN
from tests.kit.json_rpc_node import JsonRpcNode

pytestmark = pytest.mark.unit

TOKEN = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
SHORT = "0x7099...79C8"


def client(symbol: bytes | None, decimals: bytes | None) -> tuple[SettlementClient, JsonRpcNode]:
    node = JsonRpcNode()
    for function, answer in (("symbol()", symbol), ("decimals()", decimals)):
        if answer is not None:
            node.views[keccak(text=function)[:4]] = answer
    return SettlementClient(Node(node), CONTRACT, chain_id=DOMAIN.chain_id), node


@pytest.mark.parametrize(
    ("symbol", "decimals", "found"),
    [
        (encode(["string"], ["USDC"]), encode(["uint8"], [6]), ("USDC", 6)),
        (b"MKR".ljust(32, b"\0"), encode(["uint256"], [18]), ("MKR", 18)),
        (None, None, (SHORT, None)),
        (b"", b"", (SHORT, None)),
        (encode(["string"], ["ETH"]), encode(["uint8"], [18]), (SHORT, 18)),
        (b"\xff" * 32, encode(["uint256"], [2**256 - 1]), (SHORT, None)),
        (b"\xff" * 100_000, b"\x01", (SHORT, None)),
        (encode(["uint256", "uint256"], [32, 2**255]), encode(["uint8"], [6]), (SHORT, 6)),
    ],
    ids=["standard", "bytes32", "neither", "empty", "poses_as_ether", "nonsense", "endless", "impossible_length"],
)
def test_token(symbol: bytes | None, decimals: bytes | None, found: tuple[str, int | None]) -> None:
    chain, _ = client(symbol, decimals)
    token = chain.token(TOKEN)
    assert (token.symbol, token.decimals) == found


def test_token_is_read_once_and_the_native_coin_never() -> None:
    chain, node = client(encode(["string"], ["USDC"]), encode(["uint8"], [6]))
    assert chain.token(NATIVE_TOKEN) is ETHER
    first = chain.token(TOKEN)
    asked = node.requests
    assert (chain.token(TOKEN) is first, node.requests) == (True, asked)
    node.down = True
    with pytest.raises(NodeUnreachable):
        chain.token(CONTRACT)
