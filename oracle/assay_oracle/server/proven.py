"""Contracts that ask for proofs, found as models name them on chain: whose key signs for each, and what it takes."""

from collections.abc import Callable, Collection

from assay.chain.proven import ProofsNotTaken, operator_of
from assay.chain.settlement import SettlementClient
from assay.protocol.structs import ModelTerms
from assay.protocol.types import ModelId
from assay.sale.proven.terms import opened_terms
from assay_oracle.settings import Fingerprint, ModelEntry


def operator_for(
    chain: SettlementClient, entry: ModelEntry, terms: ModelTerms, contract: str, accounts: Collection[str]
) -> str:
    """The account whose key signs for a model's contract, which takes the proofs that are made with the entry's folder.

    Args:
        chain: Where the contract is.
        entry: Of a model with proofs.
        terms: Of the model on chain.
        contract: The model's oracle.
        accounts: That sign here; none in a dry run, whose signer is unknown.

    Raises:
        UsageError, OracleMisbehaved: The folder is damaged or missing.
        ProofsNotTaken: The model's oracle is no such contract, takes other proofs, or another key signs for it.
        NodeUnreachable: No node answers.
    """
    assert entry.proofs is not None
    key, proofs = opened_terms(entry.proofs)
    if proofs.money.max_price != terms.max_price:
        raise ProofsNotTaken(
            f"expected proofs of prices up to {terms.max_price}, as the model's terms have it, got proofs of prices up "
            f"to {proofs.money.max_price}",
            hint="make another folder with this highest price: assay-oracle proof setup --max-price",
        )
    operator = operator_of(chain.node, contract, chain.domain, entry.id, key, proofs)
    if accounts and operator not in accounts:
        raise ProofsNotTaken(
            f"expected an oracle {contract} whose operator is {' or '.join(accounts)}, got {operator}",
            hint="make a contract for this operator: assay-oracle proof contract --operator",
        )
    return operator


class ProvenOracles:
    """The contracts that models with proofs name as their oracle.

    Args:
        chain: Where they are.
        accounts: That sign here now; none in a dry run.

    Attributes:
        operators: The account whose key signs for each, by its address.
    """

    def __init__(self, chain: SettlementClient, accounts: Callable[[], Collection[str]]) -> None:
        self.operators: dict[str, str] = {}
        self._chain = chain
        self._accounts = accounts
        self._checked: dict[tuple[ModelId, str], Fingerprint | None] = {}

    def follow(self, entry: ModelEntry, terms: ModelTerms, contract: str) -> None:
        """Signs for the contract that a model names from now on. One that was checked is checked once.

        Raises:
            AssayError: As ``operator_for``.
        """
        found, known = entry.fingerprint(), (entry.id, contract)
        if found is None or self._checked.get(known) != found:
            self.operators[contract] = operator_for(self._chain, entry, terms, contract, self._accounts())
            self._checked[known] = found
