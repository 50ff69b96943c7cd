"""Several nodes of one chain behind one provider: fail-over for reads of no consequence, agreement on what matters.

A node can lag, lie, refuse, hang or die. What money or a price follows from is taken only as more than one node has it
(``quorum``): states, code, logs, receipts, blocks and numbers of transactions. "The latest block" is then the newest
one that so many nodes have, and a question about it names its number. Everything else is asked of one node. A
transaction is sent to all.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from assay.bounded_http import NoAnswer
from assay.chain.rpc.facts import at_block, block_named, is_latest, matters, verdict
from assay.chain.rpc.members import FAILURES, Member, Members, NodeState, at_once
from assay.errors import NodeUntrue, SettingsError

_ROUNDS = 4
"""How often a question is put that has no answer yet: nodes learn of a block some moments apart."""
_PAUSE_SECONDS = 0.25
_SHOWN_CHARACTERS = 200


class Nodes(JSONBaseProvider):
    """A provider over ``endpoints``, which must serve one chain. One endpoint alone is passed every request as it is.

    Args:
        endpoints: Where requests go.
        quorum: How many must agree on what matters; 0 for more than half.
        clock: Monotonic seconds.
        wait: Waits so many seconds.

    Raises:
        SettingsError: A quorum between one and half of the endpoints, which two contradicting answers could reach, or
            one that exceeds their number.
    """

    def __init__(
        self,
        endpoints: Sequence[JSONBaseProvider],
        *,
        quorum: int = 0,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__()
        count = len(endpoints)
        self.quorum = quorum or count // 2 + 1
        if self.quorum > count or 1 < self.quorum <= count // 2:
            raise SettingsError(
                f"expected 1 or {count // 2 + 1} to {count} of {count} nodes that must agree, got {quorum}",
                hint="set quorum to 0, for more than half of the nodes, or name more of them",
            )
        self._members = Members(endpoints, self.quorum, clock)
        self._wait = wait
        self._settled: set[str] = set()

    @property
    def endpoints(self) -> list[JSONBaseProvider]:
        """All of them, the preferred one first."""
        return [member.endpoint for member in self._members.all]

    def settle(self, contract: str) -> None:
        """Names a contract whose views depend on its own storage alone: a node that contradicts others on them lies.

        What other contracts answer says nothing of a node: a stranger's can answer each kind of node differently.
        """
        self._settled.add(contract.lower())

    def states(self, *, now: bool = True) -> list[NodeState]:
        """What each node is like: ``now``, for which all of them are asked, or when it was last asked."""
        return self._members.states(now=now)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The answer of one node, or of a quorum where it matters.

        Raises:
            NodeUntrue: So many answered, and do not agree.
            WrongChain: No node answers but one of another chain.
            NoAnswer, BadAnswer, HttpRefusal, ConnectionError, ValueError: The first failure, where too few answered.
        """
        if len(self._members.all) == 1:
            return cast(RPCResponse, self._members.all[0].ask(method, params))
        if method == "eth_sendRawTransaction":
            return self._repeated(lambda: self._broadcast(method, params))
        if self.quorum == 1:
            return self._repeated(lambda: self._one(method, params))
        if method == "eth_blockNumber":
            return self._repeated(lambda: _result(hex(self._newest())))
        if method == "eth_getTransactionCount" and params[1:] == ["pending"]:
            return self._repeated(lambda: _result(hex(self._shared(method, params))))
        if matters(method):
            return self._repeated(lambda: self._agreed(method, params))
        return self._repeated(lambda: self._one(method, params))

    def _repeated(self, ask: Callable[[], RPCResponse]) -> RPCResponse:
        """Asks again after a pause where too few nodes answer, or do not agree."""
        for number in range(_ROUNDS):
            try:
                return ask()
            except (*FAILURES, NodeUntrue):
                if number == _ROUNDS - 1:
                    raise
                self._members.look_again()
            self._wait(_PAUSE_SECONDS * 2**number)
        raise AssertionError("unreachable")

    # --- ways to ask --------------------------------------------------------------------------------------------------

    def _one(self, method: str, params: Any) -> RPCResponse:
        """The answer of the first node that has one. It is preferred from then on."""
        failures: list[Exception] = []
        for member in self._members.well():
            try:
                answer = self._members.ask(member, method, params)
            except FAILURES as error:
                failures.append(error)
                continue
            self._members.prefer(member)
            return cast(RPCResponse, answer)
        raise self._members.too_few(0, "; ".join(map(str, failures)), failures)

    def _broadcast(self, method: str, params: Any) -> RPCResponse:
        """Sends to all; the answer of a node that took it, else the first refusal."""
        failures: list[Exception] = []
        answers = [
            answer for _, answer in self._ask_each(self._members.well(), method, params, failures) if answer is not None
        ]
        self._members.look_again()
        if not answers:
            raise self._members.too_few(0, "; ".join(map(str, failures)), failures)
        return cast(RPCResponse, next((answer for answer in answers if "result" in answer), answers[0]))

    def _newest(self) -> int:
        """Number of the newest block that a quorum has."""
        heads = sorted((member.head for member in self._members.enough()), reverse=True)
        return heads[self.quorum - 1]

    def _shared(self, method: str, params: Any) -> int:
        """The highest number that so many nodes reach: one that names another leaves no gap, and repeats none."""
        failures: list[Exception] = []
        answers = self._ask_each(self._members.enough(), method, params, failures)
        numbers = sorted((int(answer["result"], 16) for _, answer in answers if _has_result(answer)), reverse=True)
        if len(numbers) < self.quorum:
            raise self._members.too_few(len(numbers), "; ".join(map(str, failures)), failures)
        return numbers[self.quorum - 1]

    def _agreed(self, method: str, params: Any) -> RPCResponse:
        """The answer of a quorum. Nodes that contradict it on a block that they have are not asked for a while."""
        if is_latest(method, params):
            params = at_block(method, params, self._newest())
        block = block_named(method, params)
        failures: list[Exception] = []
        left = sorted(self._members.enough(), key=lambda member: member.head < block)
        found: dict[str, list[tuple[Member, Any]]] = {}
        while left:
            need = self.quorum - max((len(agreeing) for agreeing in found.values()), default=0)
            asked, left = left[:need], left[need:]
            for member, answer in self._ask_each(asked, method, params, failures):
                if answer is not None:
                    found.setdefault(verdict(method, answer), []).append((member, answer))
            for agreeing in found.values():
                if len(agreeing) >= self.quorum:
                    if block >= 0 and self._tells_lies(method, params):
                        others = [member for one in found.values() if one is not agreeing for member, _ in one]
                        self._members.distrust(member for member in others if member.head >= block)
                    if method == "eth_getTransactionReceipt":
                        self._members.look_again()
                    return cast(RPCResponse, agreeing[0][1])
        answered = [one for others in found.values() for one in others]
        refused = [answer for _, answer in answered if not _has_result(answer)]
        if refused and method == "eth_getLogs":
            return cast(RPCResponse, refused[0])  # a range that is too wide for one node is asked for in halves
        if len(answered) - len(refused) < self.quorum:
            failures += [NoAnswer(f"refused: {str(answer.get('error'))[:_SHOWN_CHARACTERS]}") for answer in refused]
            raise self._members.too_few(len(answered) - len(refused), "; ".join(map(str, failures)), failures)
        said = " against ".join(" and ".join(member.name for member, _ in others) for others in found.values())
        raise NodeUntrue(f"{self.quorum} nodes that agree on {method}", said)

    def _tells_lies(self, method: str, params: Any) -> bool:
        """Whether nodes that tell the truth agree on this, whatever strangers have put on the chain."""
        if method != "eth_call":
            return True
        return str(params[0].get("to")).lower() in self._settled and not {"from", "gas"} & set(params[0])

    def _ask_each(
        self, members: Iterable[Member], method: str, params: Any, failures: list[Exception]
    ) -> list[tuple[Member, Any]]:
        """The answers of several nodes that are asked at once; None for one that has none."""
        members = list(members)

        def ask(member: Member) -> Any:
            try:
                return self._members.ask(member, method, params)
            except FAILURES as error:
                failures.append(error)
                return None

        return list(zip(members, at_once([partial(ask, member) for member in members]), strict=True))


def _result(value: str) -> RPCResponse:
    return {"jsonrpc": "2.0", "id": 0, "result": value}


def _has_result(answer: Any) -> bool:
    return isinstance(answer, dict) and "result" in answer
