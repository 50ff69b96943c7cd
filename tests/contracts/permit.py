"""ERC-2612 permits of the test tokens."""

from typing import Any

from eth_account.messages import encode_typed_data

from tests.contracts.world import World


def permit(world: World, token: Any, amount: int, deadline: int) -> tuple[int, bytes, bytes]:
    """The buyer's ERC-2612 permit for the contract: v, r, s."""
    message = encode_typed_data(
        domain_data={
            "name": "Token",
            "version": "1",
            "chainId": world.chain.chain_id,
            "verifyingContract": token.address,
        },
        message_types={
            "Permit": [
                {"name": "owner", "type": "address"},
                {"name": "spender", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint256"},
            ]
        },
        message_data={
            "owner": world.buyer.address,
            "spender": world.settlement.address,
            "value": amount,
            "nonce": token.nonces(world.buyer),
            "deadline": deadline,
        },
    )
    signature = world.sign(world.buyer, message)
    return signature[64], signature[:32], signature[32:64]
