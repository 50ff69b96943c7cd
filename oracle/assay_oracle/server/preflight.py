"""What ``assay-oracle check`` verifies before the daemon is started: one finding for each precondition."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from assay.amounts import short_amount
from assay.bounded_http import LOOPBACK
from assay.chain.interface import Deployment
from assay.chain.node import Node
from assay.chain.proven import check_code
from assay.chain.settlement import SettlementClient
from assay.errors import AssayError, SettingsError
from assay.protocol.statements import Domain
from assay_oracle.keys.vault import Vault, open_with_signer
from assay_oracle.server.model_watch import LoadAppraiser
from assay_oracle.server.others import other_member, safe_at
from assay_oracle.server.proven import operator_for
from assay_oracle.services.catalogue import PricedModel
from assay_oracle.settings import ModelEntry, Settings
from assay_oracle.storage.chosen import open_store
from assay_oracle.storage.local import check_room

CLOCK_SECONDS = 60
MIN_GAS = 10**16
"""Native coin to post some orders with, in wei: 0.01 ether."""

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """One result of the check."""

    name: str
    ok: bool
    message: str
    hint: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)


class Preflight:
    """Verifies everything that ``settings`` name. A check that depends on a failed one is skipped.

    Args:
        settings: Where everything is, and its limits.
        load: Makes the appraiser of each model.
        prove: Makes a proof for a model whose prices are proven, and verifies it.
        now: Unix time.
        report: Called with each finding as it is made.
        unconfined: What the system lacks to confine the pricing process with.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        load: LoadAppraiser,
        prove: Callable[[ModelEntry, Domain], None],
        now: Callable[[], int],
        report: Callable[[Finding], None],
        unconfined: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._load = load
        self._prove = prove
        self._now = now
        self._report = report
        self._unconfined = unconfined
        self._failed = False

    def run(self) -> bool:
        """Makes all checks; whether none failed."""
        vault = self._check("keys", self._keys, "the keys were decrypted")
        account = vault.account if vault else None
        if vault:
            signers = " and ".join(found.address for found in vault.accounts)
            text = f"signs as {signers}" if account else "no keystore: the daemon would run dry, signing nothing"
            self._add("signer", account is not None, text, None if account else "assay-oracle init makes one")
        self._check("access", self._access, "clients can log in, and the operator's token is set or not wanted")
        self._check("disk", self._disk, "there is room for an upload")
        if self._settings.store:
            self._check("store", lambda: open_store(self._settings), f"{self._settings.store} answers")
        self._sandbox()
        deployment = self._check(
            "deployment", lambda: Deployment.read(self._settings.deployment), "the deployment record is valid"
        )
        chain = None
        if deployment:
            node = Node(self._settings.node, quorum=self._settings.quorum)
            self._nodes(node)
            client = SettlementClient.of(node, deployment, account=account)
            chain = self._check("chain", lambda: self._chain(client), "node, chain and contract are as configured")
        if chain:
            self._clock(chain)
            if self._settings.committee:
                self._committee(self._settings.committee, chain, vault)
            elif account:
                self._gas(chain, account.address)
        if not self._settings.models:
            self._add("models", False, "expected at least one model to price for, got none", "assay-oracle models add")
        oracles = [str(found.address) for found in vault.accounts] if vault else []
        if oracles and self._settings.committee:
            oracles.append(self._settings.committee)
        for entry in self._settings.models:
            self._model(entry, chain, oracles)
        return not self._failed

    def _add(self, name: str, ok: bool, message: str, hint: str | None = None) -> None:
        self._failed |= not ok
        self._report(Finding(name, ok, message, hint if not ok else None))

    def _check(self, name: str, check: Callable[[], T], passed: str) -> T | None:
        try:
            found = check()
        except AssayError as error:
            self._add(name, False, error.message, error.hint)
            return None
        except OSError as error:
            text = f"cannot read {error.filename}: {error.strerror}" if error.filename else str(error)
            self._add(name, False, text)
            return None
        self._add(name, True, passed)
        return found

    def _keys(self) -> Vault:
        password = self._settings.secret_password()
        if password is None:
            raise SettingsError(
                "expected a password for the keys, got none",
                hint="set ASSAY_ORACLE_PASSWORD_FILE, or ASSAY_ORACLE_PASSWORD",
            )
        settings = self._settings
        addresses = (settings.signer_address, settings.signer_next_address)
        return open_with_signer(settings.data_dir, password, settings.signer, *addresses)

    def _access(self) -> bool:
        """Checks the URLs that clients log in at, and the operator's token.

        Raises:
            SettingsError: Other machines connect, and no URL is theirs; or the token cannot be used.
        """
        self._settings.secret_operator_token()
        if not self._settings.urls and self._settings.host not in LOOPBACK:
            raise SettingsError(
                f"expected the URL under which clients reach {self._settings.host}, got none: they cannot log in",
                hint='set urls = ["https://..."]; a container that publishes its port to this machine alone needs none',
            )
        return True

    def _disk(self) -> int:
        return check_room(self._settings.data_dir, self._settings.max_upload_bytes)

    def _chain(self, client: SettlementClient) -> SettlementClient:
        client.check()
        return client

    def _sandbox(self) -> None:
        text = "the system can confine the pricing process"
        if self._unconfined:
            text = f"this system has no {' and no '.join(self._unconfined)} to confine the pricing process with"
        self._add("sandbox", True, text)

    def _nodes(self, node: Node) -> None:
        """Says what each of several nodes is like; of one node alone the check of the chain says it."""
        nodes = node.nodes
        if len(nodes.endpoints) == 1:
            return
        for state in nodes.states():
            text = state.fault or f"has block {state.head}"
            self._add(f"node {state.name}", not state.fault, text, "mend it, or name another one: node")
        self._add("quorum", True, f"{nodes.quorum} of {len(nodes.endpoints)} nodes must agree")

    def _clock(self, chain: SettlementClient) -> None:
        ahead = chain.block_time() - self._now()
        ok = ahead < CLOCK_SECONDS
        text = f"the latest block is {abs(ahead)} s {'ahead of' if ahead > 0 else 'behind'} this machine's clock"
        self._add(
            "clock", ok, text, "synchronise the clock (NTP); on a test chain whose time was moved this is harmless"
        )

    def _committee(self, address: str, chain: SettlementClient, vault: Vault | None) -> None:
        """Says who signs with this member, and what each of the others is like."""
        safe = self._check("committee", lambda: safe_at(address, chain), f"{address} is a Safe")
        if safe is None or vault is None or vault.account is None:
            return
        count, own = len(safe.owners), [account.address for account in vault.accounts]
        owner = next((address for address in own if address in safe.owners), None)
        who = f"this oracle is {owner}, one of them" if owner else f"{' and '.join(own)} is none of them"
        text = f"{safe.threshold} of {count} owners sign together; {who}"
        self._add("committee member", owner is not None, text, "let the owners add it to the Safe")
        is_majority = 2 * safe.threshold > count
        away, friends = count - safe.threshold, max(0, 2 * safe.threshold - count - 1)
        text = f"{safe.threshold} of {count} is {'' if is_majority else 'not '}more than half; {away} may be away, and "
        text += f"{friends} may collude with a seller who bypasses others"
        hint = "two groups of members could sign two prices: let the owners raise the Safe's threshold"
        self._add("committee threshold", is_majority, text, hint)
        for url in self._settings.committee_urls:
            ask = functools.partial(other_member, url, address, safe, chain.domain, vault.digests.committee_tag())
            self._check(f"committee {url}", ask, "a member with the same secret of content ids answers")

    def _gas(self, chain: SettlementClient, address: str) -> None:
        balance = chain.balance(address)
        hint = f"send native coin to {address}, to pay for transactions"
        self._add(
            "gas",
            balance >= MIN_GAS,
            f"{address} holds {short_amount(balance)}, at least {short_amount(MIN_GAS)} is wanted",
            hint,
        )

    def _model(self, entry: ModelEntry, chain: SettlementClient | None, oracles: Sequence[str]) -> None:
        name = f"model 0x{entry.id.hex()[:8]}"
        appraiser = self._check(
            f"{name} artifact",
            lambda: self._load(entry),
            "every byte is as it was fitted, its fidelity is sufficient, and a pricing process has loaded it",
        )
        if chain is None or appraiser is None:
            return
        model = self._check(
            f"{name} registration",
            lambda: PricedModel.registered(entry.id, appraiser, chain),
            f"registered with this price function, fidelity {appraiser.info.fidelity:.3f}",
        )
        if model is not None and entry.proofs is not None:
            oracles = self._proofs(name, entry, model, chain, oracles)
        if model is not None:
            ready = functools.partial(model.check_ready, chain, oracles)
            self._check(f"{name} sale", ready, "oracle, budget and bond allow a sale at any price")

    def _proofs(
        self, name: str, entry: ModelEntry, model: PricedModel, chain: SettlementClient, accounts: Sequence[str]
    ) -> Sequence[str]:
        """Says whether proofs of a model's prices can be made, and are taken; the oracles that are signed for then."""

        def made() -> bool:
            self._prove(entry, chain.domain)
            return True

        self._check(f"{name} proofs", made, "a proof was made, and holds by the verification key")

        def contract() -> str:
            oracle = chain.model_state(entry.id).oracle
            if oracle is None:
                raise SettingsError(
                    "expected a contract that asks for proofs, the model is halted", hint="ask its owner"
                )
            operator = operator_for(chain, entry, model.terms, oracle, accounts)
            check_code(chain.node, oracle, operator, chain.domain, entry.id)
            return oracle

        text = "the model's oracle on chain takes such proofs, with the signature of this oracle's key"
        found = self._check(f"{name} contract", contract, text)
        return accounts if found is None or not accounts else [*accounts, found]
