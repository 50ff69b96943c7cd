"""The daemons that price for a model, asked side by side: one oracle, or the members of a committee."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, Self, TypeVar

from eth_account.signers.local import LocalAccount

from assay.errors import AssayError, OracleUnreachable, UsageError
from assay.oracle.api import OracleClient
from assay.protocol.statements import Domain

SILENT_SECONDS = 60.0
"""Time for which a member that did not answer is not waited for where the answer of some members does."""

THREAD = "assay-ask-member"
"""Name of the threads that ask members."""

T = TypeVar("T")


@dataclass
class Answers(Generic[T]):
    """What members answered, in the order of arrival, and by URL why others did not."""

    values: list[T] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)

    def too_few(self, expected: str, said: str = "") -> Exception:
        """Why there are not the answers that were expected; ``said`` is what came instead.

        An error of this machine, such as a full disk, is given as it is.
        """
        own = next((error for error in self.failures.values() if not isinstance(error, AssayError)), None)
        reasons = ([said] if said else []) + [f"{url}: {error}" for url, error in self.failures.items()]
        return own or OracleUnreachable(
            f"expected {expected}, got {'; '.join(reasons) or 'none'}",
            hint="name the URLs of more members (--oracle), or run the same command again later: it resumes",
        )


class Committee:
    """The members of a committee, or one oracle alone.

    A member that lies, or does not answer, is a failure among others: the caller says what is enough.

    Args:
        members: Each at a URL of its own.

    Raises:
        UsageError: There is none.
    """

    def __init__(self, members: Sequence[OracleClient]) -> None:
        if not members:
            raise UsageError("expected the URL of an oracle, got none", hint="name it: --oracle")
        self.members = tuple(members)
        self._silent: dict[str, float] = {}
        """Of members that did not answer in time, by URL, until when they count as silent (``time.monotonic``)."""

    @classmethod
    def of(cls, oracle: "Oracle") -> "Committee":
        """``oracle`` itself, or a committee of it alone."""
        return oracle if isinstance(oracle, Committee) else cls([oracle])

    @property
    def url(self) -> str:
        """The URLs of all members."""
        return ", ".join(member.url for member in self.members)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes idle connections."""
        for member in self.members:
            member.close()

    def as_party_of(self, account: LocalAccount, domain: Domain) -> "Committee":
        """See ``OracleClient.as_party_of``."""
        return Committee([member.as_party_of(account, domain) for member in self.members])

    def ask(
        self,
        act: Callable[[OracleClient], T],
        enough: Callable[[Sequence[T]], bool] = lambda _: False,
        *,
        within: float | None = None,
        grace: float = 0.0,
    ) -> Answers[T]:
        """Does ``act`` with every member at one time.

        A member that has not answered when this returns goes on in a thread of its own, which ends with the process.

        Args:
            act: Asks one member. What it raises is that member's failure.
            enough: Whether the answers so far are enough: the others are waited for no more.
            within: Seconds after which nobody is waited for, if there is an answer. Members that were silent lately are
                then not asked, if there are others.
            grace: Seconds for which the others are waited for once there is enough.

        Raises:
            AssayError: One oracle alone failed.
            OracleUnreachable: No member of a committee answered.
        """
        answers = Answers[T]()
        if len(self.members) == 1:
            answers.values.append(act(self.members[0]))
            return answers
        now = time.monotonic()
        asked = [member for member in self.members if within is None or self._silent.get(member.url, now) <= now]
        came: SimpleQueue[tuple[str, T | Exception]] = SimpleQueue()
        left = {member.url for member in asked or self.members}
        for member in asked or self.members:
            Thread(target=_ask_one, args=(came, member, act), name=THREAD, daemon=True).start()
        end = None if within is None else now + within
        is_enough = False
        while left:
            try:
                seconds = None if end is None or not answers.values else max(0.0, end - time.monotonic())
                url, answer = came.get(timeout=seconds)
            except Empty:
                break
            left.discard(url)
            if isinstance(answer, Exception):
                answers.failures[url] = answer
                continue
            answers.values.append(answer)
            if not is_enough and enough(answers.values):
                is_enough, end = True, time.monotonic() + grace
        if not is_enough:
            left |= {url for url, error in answers.failures.items() if isinstance(error, OracleUnreachable)}
            self._silent |= dict.fromkeys(left, time.monotonic() + SILENT_SECONDS)
        if not answers.values:
            raise answers.too_few("a member of the committee that answers")
        return answers


Oracle = OracleClient | Committee
"""What a party may name as the oracle of its models."""


def _ask_one(
    came: "SimpleQueue[tuple[str, T | Exception]]", member: OracleClient, act: Callable[[OracleClient], T]
) -> None:
    try:
        came.put((member.url, act(member)))
    except Exception as error:
        came.put((member.url, error))
