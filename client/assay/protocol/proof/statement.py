"""What a proof of a price is of, and what it is bound to: one model, one seller, one data set, one chain and contract.

    The committed statistics have, by the committed model, a doubled price from ``least`` to ``most``.

The bounds enclose the doubled prices that are ``price`` in money, so that a proof tells no more than the price does.
A quote's expiry and its appraisal are not in it: a renewed quote keeps its proof.
"""

from typing import Self

from eth_utils.crypto import keccak
from pydantic import Field, model_validator

from assay.protocol.proof.curve import ORDER, Point, from_bytes
from assay.protocol.types import Address, Bytes32, ContentIdField, HexBytes, ModelIdField, Money, Value

PROOF_BYTES = 256
TAG = keccak(b"assay/proof/1")
MOST_BITS = 240


class Statement(Value):
    """What is proven of a price.

    Attributes:
        chain_id: Where the price is valid, as the next.
        contract: The settlement contract.
        key: Digest of the verification key.
        model: Commitment to the model's integers.
        statistics: Commitment to the statistics of the set.
        records: Number of distinct records of the set.
        least: The doubled price is at least this.
        most: And at most this.
    """

    chain_id: int = Field(gt=0, lt=2**256)
    contract: Address
    key: Bytes32
    model: HexBytes = Field(min_length=64, max_length=64)
    model_id: ModelIdField
    content_id: ContentIdField
    seller: Address
    data_root: Bytes32
    price: Money
    records: int = Field(ge=1, lt=2**32)
    statistics: HexBytes = Field(min_length=64, max_length=64)
    least: int = Field(gt=-(2**MOST_BITS), lt=2**MOST_BITS)
    most: int = Field(gt=-(2**MOST_BITS), lt=2**MOST_BITS)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"expected bounds in order, got {self.least} and {self.most}")
        from_bytes(self.model), from_bytes(self.statistics)
        return self

    @property
    def points(self) -> tuple[Point, Point]:
        """The commitments to model and statistics."""
        return from_bytes(self.model), from_bytes(self.statistics)

    def digest(self) -> bytes:
        """``keccak256(abi.encode(TAG, ...))`` of all fields in their order: 32 bytes."""
        accounts = [bytes(12) + bytes.fromhex(address[2:]) for address in (self.contract, self.seller)]
        numbers = [self.price, self.records]
        return keccak(
            b"".join(
                (
                    TAG,
                    self.chain_id.to_bytes(32, "big"),
                    accounts[0],
                    self.key,
                    self.model,
                    self.model_id,
                    self.content_id,
                    accounts[1],
                    self.data_root,
                    *(number.to_bytes(32, "big") for number in numbers),
                    self.statistics,
                    *(bound.to_bytes(32, "big", signed=True) for bound in (self.least, self.most)),
                )
            )
        )

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """The circuit's first public numbers modulo ``ORDER``: binding b, ``least``, ``most``, the check of these.

        The check is ``b^5 + b^2 most + b least``: see ``docs/proofs.md``.
        """
        binding = int.from_bytes(self.digest(), "big") % ORDER
        check = binding * (binding**4 + binding * self.most + self.least) % ORDER
        return binding, self.least % ORDER, self.most % ORDER, check
