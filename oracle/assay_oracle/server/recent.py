"""What the chain said a moment ago, for questions that many offers ask in the same second."""

import time
from collections.abc import Callable
from typing import Any

from assay.chain.settlement import SettlementClient
from assay.chain.values import ModelState
from assay.protocol.types import ModelId

SECONDS = 1.0
"""Age of an answer, at most. Blocks are further apart, and what follows from one may be a block late in any case."""


class RecentClient(SettlementClient):
    """A ``SettlementClient`` whose block time and states of models may be ``SECONDS`` old.

    They decide whether an offer is taken and which quotes have expired. What is signed and posted, and which orders
    there are, is asked of the chain itself.

    Args:
        chain: The client whose nodes are asked.
        clock: Monotonic time in seconds.
    """

    def __init__(self, chain: SettlementClient, clock: Callable[[], float] = time.monotonic) -> None:
        domain = chain.domain
        super().__init__(chain.node, domain.contract, chain_id=domain.chain_id, confirmations=chain.confirmations)
        self._clock = clock
        self._answers: dict[object, tuple[float, Any]] = {}

    def block_time(self) -> int:
        """See ``Chain.block_time``."""
        found: int = self._recent(None, super().block_time)
        return found

    def model_state(self, model_id: ModelId) -> ModelState:
        """See ``Chain.model_state``."""
        found: ModelState = self._recent(model_id, lambda: super(RecentClient, self).model_state(model_id))
        return found

    def _recent(self, key: object, ask: Callable[[], Any]) -> Any:
        """The answer to a question, by its key. It is as old as its question; a failure is not kept."""
        now = self._clock()
        asked, answer = self._answers.get(key, (float("-inf"), None))
        if now - asked >= SECONDS:
            answer = ask()
            self._answers[key] = now, answer
        return answer
