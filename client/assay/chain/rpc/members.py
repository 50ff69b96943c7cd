"""How the nodes of one chain are: which of them are asked, why one is left, and when it is taken back."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint

from assay.bounded_http import BadAnswer, NoAnswer
from assay.chain.rpc.endpoint import HttpRefusal
from assay.errors import WrongChain

MAX_LAG = 8
"""Blocks by which a node may be behind the others, or ahead of them: their answers are some moments apart."""
HEADS_SECONDS = 1.0
"""How long an answer about the latest blocks is used again."""
REST_SECONDS = 2.0
"""Pause, after a first failure, before a node is tried again; it doubles with each failure that follows."""
MOST_REST_SECONDS = 60.0
FAILURES = (NoAnswer, BadAnswer, HttpRefusal, ConnectionError, ValueError)
"""What a node raises that has no answer which makes sense."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NodeState:
    """What is known of a node: number of its latest block (-1: unknown), and why it is not asked (empty if it is)."""

    name: str
    head: int
    fault: str


class Member:
    """One node, with what is known of it."""

    def __init__(self, endpoint: JSONBaseProvider, name: str) -> None:
        self.endpoint = endpoint
        self.name = name
        self.chain: str | None = None
        self.head = -1
        self.seen = False
        """It answered when it was last asked."""
        self.fresh = False
        """What it answered was not judged yet."""
        self.foreign = False
        """It serves another chain than most."""
        self.fault = ""
        self.failures = 0
        """In a row."""
        self.lies = 0
        """Contradictions, ever: a node that tells the truth between two lies rests longer after each."""
        self.due = 0.0
        """When it is asked again."""
        self.distrusted = 0.0
        """Until then it is left although it answers: it contradicted the others."""
        self.probed = False
        """A thread of its own asks how it is."""

    def ask(self, method: str, params: Any) -> Any:
        """Its answer.

        Raises:
            NoAnswer, BadAnswer, HttpRefusal, ConnectionError, ValueError: It has none that makes sense.
        """
        return self.endpoint.make_request(RPCEndpoint(method), params)

    def look(self) -> None:
        """Asks for its latest block, and first of all for its chain."""
        if self.chain is None or self.foreign:
            self.chain = str(self.ask("eth_chainId", [])["result"])
        self.head = int(str(self.ask("eth_blockNumber", [])["result"]), 16)


class Members:
    """The nodes, and what is known of them.

    Args:
        endpoints: The nodes; at least one.
        quorum: How many must answer.
        clock: Monotonic seconds.
    """

    def __init__(self, endpoints: Sequence[JSONBaseProvider], quorum: int, clock: Callable[[], float]) -> None:
        self.all = [Member(endpoint, f"{number} {endpoint}") for number, endpoint in enumerate(endpoints, 1)]
        self._quorum = quorum
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = float("-inf")

    def states(self, *, now: bool) -> list[NodeState]:
        """What each node is like: ``now``, or when it was last asked."""
        if now:
            self._look(every=True)
        return [NodeState(member.name, member.head, member.fault) for member in self._by_name()]

    def prefer(self, member: Member) -> None:
        """Puts a node before the others."""
        with self._lock:
            if self.all[0] is not member:
                self.all = [member, *(other for other in self.all if other is not member)]

    def look_again(self) -> None:
        """Lets the next question begin with the latest blocks: they may have changed this moment."""
        self._looked = float("-inf")

    def ask(self, member: Member, method: str, params: Any) -> Any:
        """The answer of one node, which is left if it has none.

        Raises:
            NoAnswer, BadAnswer, HttpRefusal, ConnectionError, ValueError: As ``Member.ask``.
        """
        try:
            answer = member.ask(method, params)
        except FAILURES as error:
            self.leave(member, str(error) or type(error).__name__)
            raise
        member.failures = 0
        return answer

    def well(self) -> list[Member]:
        """Nodes that are not at fault, the preferred one first; where they are too few, all are asked how they are.

        Raises:
            NoAnswer: There is none.
            WrongChain: All that answer serve another chain.
        """
        self._look()
        if len(found := self._faultless()) < self._quorum:
            self._look(every=True)
            found = self._faultless()
        if not found:
            raise self.too_few(0)
        return found

    def enough(self) -> list[Member]:
        """Nodes that are not at fault.

        Raises:
            NoAnswer: They are fewer than must agree.
            WrongChain: The others serve another chain.
        """
        found = self.well()
        if len(found) < self._quorum:
            raise self.too_few(len(found))
        return found

    def _faultless(self) -> list[Member]:
        return [member for member in self.all if not member.fault]

    def too_few(self, count: int, why: str = "", causes: Sequence[Exception] = ()) -> Exception:
        """What to raise where only so many nodes have an answer."""
        members = self._by_name()
        why = why or "; ".join(f"{member.name}: {member.fault}" for member in members if member.fault)
        if any(member.foreign for member in members) and all(member.foreign or not member.seen for member in members):
            return WrongChain(f"expected one chain at all nodes, got {why}", hint="name only nodes of one chain")
        if len(causes) == 1 and self._quorum == 1:
            return causes[0]
        return NoAnswer(f"{count} of {len(members)} nodes can answer, {self._quorum} must: {why}")

    def _look(self, *, every: bool = False) -> None:
        """Asks nodes for their latest block, unless that was asked a moment ago, and judges them by it.

        Those at fault are asked beside this thread, when they are due: one that hangs holds up nothing.

        Args:
            every: Ask all nodes, now, and wait for their answers.
        """
        now = self._clock()
        if not every and now < self._looked + HEADS_SECONDS:
            return
        members = list(self.all)
        for member in members:
            if member.fault and not every and not member.probed and now >= member.due:
                member.probed = True
                threading.Thread(target=self._probe, args=(member,), daemon=True).start()
        asked = [member for member in members if every or not member.fault]
        at_once([partial(self._see, member) for member in asked])
        self._judge()
        self._looked = self._clock()

    def _probe(self, member: Member) -> None:
        try:
            self._see(member)
            self._judge()
        finally:
            member.probed = False

    def _see(self, member: Member) -> None:
        try:
            member.look()
            member.seen = member.fresh = True
        except (*FAILURES, KeyError, TypeError) as error:
            self.leave(member, str(error) or type(error).__name__)

    def _judge(self) -> None:
        """Leaves nodes of another chain than most, and those behind or ahead of the others; takes back the rest."""
        with self._lock:
            judged = [member for member in self.all if member.fresh]
            chains = Counter(member.chain for member in self.all if member.chain)
            chain = chains.most_common(1)[0][0] if chains else None
            compared = [member for member in self.all if member.fresh or not member.fault]
            heads = sorted((member.head for member in compared if member.chain == chain), reverse=True)
            for member in judged:
                member.fresh = False
                member.foreign = member.chain != chain
                apart = 0 if member.foreign else member.head - heads[(len(heads) - 1) // 2]
                if member.foreign:
                    self._note(member, f"serves chain {member.chain}, others {chain}")
                elif abs(apart) > MAX_LAG:
                    self._note(member, f"is {abs(apart)} blocks {'behind' if apart < 0 else 'ahead of'} the others")
                elif member.fault and self._clock() >= member.distrusted:
                    log.warning(f"node is well again: {member.name}")
                    member.fault, member.failures = "", 0

    def distrust(self, members: Iterable[Member]) -> None:
        """Leaves nodes that contradicted the others. That they answer does not bring them back before their rest."""
        for member in members:
            with self._lock:
                member.lies += 1
                self._note(member, "contradicts the others", rest=member.lies)
                member.distrusted = member.due

    def leave(self, member: Member, fault: str) -> None:
        """Leaves a node that has no answer."""
        with self._lock:
            member.seen = False
            self._note(member, fault)

    def _note(self, member: Member, fault: str, *, rest: int = 0) -> None:
        """Asks a node no more until it has rested, after so many failures."""
        if not member.fault:
            log.warning(f"node left: {member.name}: {fault}")
        member.fault = fault
        member.failures += 1
        count = min(max(rest, member.failures) - 1, 10)
        member.due = self._clock() + min(REST_SECONDS * 2.0**count, MOST_REST_SECONDS)

    def _by_name(self) -> list[Member]:
        return sorted(self.all, key=lambda member: int(member.name.split()[0]))


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What ``calls`` return, each called in a thread of its own."""
    if len(calls) == 1:
        return [calls[0]()]
    found: list[Any] = [None] * len(calls)

    def keep(number: int) -> None:
        found[number] = calls[number]()

    threads = [threading.Thread(target=keep, args=(number,), daemon=True) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
