"""Requests to an oracle, each with the time in which it ends and the size that its answer may have.

An oracle can take neither the caller's time nor its memory: not by silence, not by an answer of a byte a second, not by
an answer without end.
"""

import copy
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from assay.bounded_http import GATEWAY_STATUSES, LOOPBACK, Answer, BadAnswer, BoundedHttp, NoAnswer, Transport, parts_of
from assay.errors import OracleMisbehaved, OracleRefused, OracleUnreachable, SettingsError
from assay.oracle.session import OracleSession, Party
from assay.protocol.messages import API_PREFIX, Problem
from assay.protocol.statements import Domain
from assay.protocol.types import Value

MOST_ANSWER_BYTES = 2**23
"""The largest answer except for a download. A schema of a thousand columns has about a hundredth of it."""
ANSWER_SECONDS = 30.0
"""Time for one request with its whole answer."""
SILENT_SECONDS = 3.0
"""Time without an answer after which it is said what is waited for."""
REQUEST_TOO_LARGE = "request_too_large"
"""Name of the problem that a proxy in front of an oracle has with a request's size."""
RATE_EXCEEDED = "rate_exceeded"
"""Name of the problem that an oracle has with a party that asks too often."""
_UNAUTHORIZED = 401
_PATHS_OF_PARTIES = ("/offers", "/orders", "/blind")
_SHOWN_CHARACTERS = 2_000

V = TypeVar("V", bound=Value)


def _check_url(url: str) -> None:
    """Refuses URLs without TLS: a third party could substitute its own key for the oracle's and read the data."""
    scheme, host = parts_of(url)
    if scheme != "https" and not (scheme == "http" and host in LOOPBACK):
        raise SettingsError(
            f"expected the oracle's URL, https:// or http:// to this machine, got {url!r}",
            hint="over plain http anyone in between can pose as the oracle and read the data: put TLS in front of it",
        )


class OracleRequests:
    """Requests to the oracle at ``url``; see ``OracleClient``.

    Attributes:
        url: Base URL without the prefix of the API.
        attempts: How often a request without an answer is sent.
        timeout: Seconds for one request with its whole answer.
        silence: Seconds without an answer after which ``report`` is called.
    """

    def __init__(
        self,
        url: str,
        *,
        attempts: int,
        timeout: float,
        transport: Transport | None,
        report: Callable[[str], None] | None = None,
    ) -> None:
        _check_url(url)
        self.url = url.rstrip("/")
        self.attempts = attempts
        self.timeout = timeout
        self.silence = SILENT_SECONDS
        self._report = report
        self.wait = threading.Event().wait
        self._http = BoundedHttp(self.url + API_PREFIX, transport=transport)
        self._sessions: dict[tuple[Domain, str], OracleSession] = {}
        self._session: OracleSession | None = None

    def close(self) -> None:
        """Closes idle connections."""
        self._http.close()

    @property
    def has_party(self) -> bool:
        """Whether a party asks."""
        return self._session is not None

    def as_party(self, party: Party) -> Self:
        """The same oracle over the same connections, asked by ``party``. A party has one session."""
        found = copy.copy(self)
        session = OracleSession(party, self.url)
        found._session = self._sessions.setdefault((party.domain, party.account), session)
        return found

    @contextmanager
    def part(self, path: str, *, start: int, end: int, whole: int, seconds: float) -> Iterator[Iterator[bytes]]:
        """The bytes of a file of ``whole`` bytes from ``start`` on, up to ``end``, in pieces.

        Raises:
            NoAnswer: They do not come within ``seconds``, or a proxy answered in place of the oracle.
            OracleRefused, OracleMisbehaved: The oracle sends something else.
        """
        span = {"Range": f"bytes={start}-" if end == whole else f"bytes={start}-{end - 1}"}
        try:
            for headers, left, may_renew in self._attempts(path, seconds):
                with self._http.stream("GET", path, within=left, headers=span | headers) as response:
                    if response.status == _UNAUTHORIZED and may_renew:
                        continue
                    if response.status != 206:
                        answer = response.answer(MOST_ANSWER_BYTES)
                        self._check_gateway(answer)
                        self._raise_problem(answer)
                        raise OracleMisbehaved(f"expected a partial answer (206), got {answer.status}")
                    self._check_range(response.headers.get("content-range"), start, end, whole)
                    yield response.pieces
                    return
        except BadAnswer as error:
            raise self._misbehaved(error) from None

    def _check_range(self, got: str | None, start: int, end: int, whole: int) -> None:
        """Checks the range that an answer names (RFC 9110, section 14.4), before a byte of it is kept.

        An answer that names none is taken: other bytes do not pass the checks of the file.

        Raises:
            OracleMisbehaved: It is another range, or one of a file of another length.
        """
        permitted = {f"bytes {start}-{end - 1}/{total}" for total in (whole, "*")}
        if got is not None and got.strip() not in permitted:
            raise OracleMisbehaved(
                f"expected bytes {start} to {end - 1} of {whole} from {self.url}, got {got[:_SHOWN_CHARACTERS]!r}",
                hint="what came before is kept: run the same command again",
            )

    def value(self, kind: type[V], method: str, path: str, *, waiting: float = 0, **options: Any) -> V:
        """The answer to a request, which is sent until there is one or its time is over.

        Args:
            kind: Type of the answer.
            method: HTTP method.
            path: Path below the prefix of the API.
            waiting: Seconds for which the oracle was asked to hold back the answer: no silence yet.
            **options: Body and headers.

        Raises:
            OracleUnreachable: There was none.
            OracleRefused, OracleMisbehaved: It is a problem, or not of the protocol.
        """
        return self.parsed(kind, self._answer(method, path, waiting, **options))

    def octets(self, path: str, body: bytes) -> bytes:
        """The bytes that a post of bytes is answered with; as ``value``."""
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._answer("POST", path, content=body, headers=headers)
        self._raise_problem(answer)
        return answer.body

    def _answer(self, method: str, path: str, waiting: float = 0, **options: Any) -> Answer:
        with self.reported(2 * self.timeout, silence=self.silence + waiting):
            return self._repeated(method, path, time.monotonic() + 2 * self.timeout, **options)

    def _repeated(self, method: str, path: str, end: float, **options: Any) -> Answer:
        attempt = 1
        while True:
            seconds = min(self.timeout, end - time.monotonic())
            try:
                return self.exchange(method, path, seconds, **options)
            except NoAnswer as error:
                pause = pause_after(attempt, error)
                if attempt == self.attempts or time.monotonic() + pause >= end:
                    raise self.unreachable(error) from error
            self.wait(pause)
            attempt += 1

    @contextmanager
    def reported(self, seconds: float, *, silence: float | None = None) -> Iterator[None]:
        """Reports after ``silence`` seconds that the oracle has not answered, and until when it is waited for."""
        if self._report is None:
            yield
            return
        until = datetime.now().astimezone() + timedelta(seconds=seconds)
        text = f"no answer yet from the oracle at {self.url}; waiting until {until:%H:%M:%S} at most"
        timer = threading.Timer(self.silence if silence is None else silence, self._report, [text])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def exchange(self, method: str, path: str, seconds: float, **options: Any) -> Answer:
        """One request and its answer. A party's request is sent again with a new session if its session has ended.

        Raises:
            NoAnswer: There was none within ``seconds``, only a proxy answered, or the oracle asks to wait.
            OracleRefused: The login was refused.
        """
        given = options.pop("headers", {})
        for headers, left, may_renew in self._attempts(path, seconds):
            answer = self._ask(method, path, left, headers=given | headers, **options)
            if answer.status != _UNAUTHORIZED or not may_renew:
                break
        return answer

    def _attempts(self, path: str, seconds: float) -> Iterator[tuple[dict[str, str], float, bool]]:
        """Headers that say who asks, the seconds that are left, and whether a new session may be another attempt."""
        end = time.monotonic() + seconds

        def left() -> float:
            return end - time.monotonic()

        def ask(kind: type[V], method: str, path: str, **options: Any) -> V:
            return self.parsed(kind, self._ask(method, path, left(), **options))

        if self._session is None or not path.startswith(_PATHS_OF_PARTIES):
            yield {}, seconds, False
            return
        for may_renew in (True, False):
            token = self._session.token(ask)
            yield {"Authorization": f"Bearer {token}"}, left(), may_renew
            self._session.forget(token)

    def _ask(self, method: str, path: str, seconds: float, **options: Any) -> Answer:
        try:
            answer = self._http.ask(method, path, within=seconds, most=MOST_ANSWER_BYTES, **options)
        except BadAnswer as error:
            raise self._misbehaved(error) from None
        self._check_gateway(answer)
        return answer

    def _check_gateway(self, answer: Answer) -> None:
        """Raises ``NoAnswer`` if the oracle may answer later: a proxy answered in its place, or it asks to wait."""
        if answer.status not in GATEWAY_STATUSES:
            return
        problem = _problem(answer)
        if problem is None or problem.code == RATE_EXCEEDED:
            failure = NoAnswer(
                problem.detail if problem else f"HTTP status {answer.status} from a proxy in front of it"
            )
            failure.wait = answer.wait
            raise failure

    def parsed(self, kind: type[V], answer: Answer) -> V:
        """The value in an answer.

        Raises:
            OracleRefused, OracleMisbehaved: There is a problem in it, or neither.
        """
        self._raise_problem(answer)
        try:
            return kind.model_validate_json(answer.body)
        except ValidationError as error:
            location = answer.headers.get("location")
            raise OracleMisbehaved(
                f"expected {kind.__name__} from {self.url}{API_PREFIX}, got "
                + (f"a redirect to {location[:200]!r}" if location else answer.shown),
                hint="check that the URL is an Assay oracle's, of the same version",
            ) from error

    def _raise_problem(self, answer: Answer) -> None:
        if answer.status < 400:
            return
        problem = _problem(answer)
        if problem is not None:
            raise OracleRefused(problem.code, problem.detail, status=answer.status, hint=problem.hint)
        if answer.status == 413:
            raise OracleRefused(
                REQUEST_TOO_LARGE,
                f"a proxy in front of the oracle at {self.url} takes no request of this size",
                status=413,
                hint="its operator must allow requests of 512 KiB; nginx: client_max_body_size",
            )
        raise OracleMisbehaved(
            f"{self.url} answered {answer.status}: {answer.shown}",
            hint="check that the URL is an Assay oracle's",
        )

    def check_subject(self, what: str, asked: bytes, got: bytes) -> None:
        """Verifies that an answer is about the id that was asked for.

        Raises:
            OracleMisbehaved: It is about another.
        """
        if asked != got:
            raise OracleMisbehaved(f"asked {self.url} about {what} 0x{asked.hex()}, the answer is about 0x{got.hex()}")

    def unreachable(self, error: Exception) -> OracleUnreachable:
        """What to raise once there were enough attempts."""
        return OracleUnreachable(
            f"no answer from the oracle at {self.url}: {error}",
            hint="run the same command again when the oracle is back: it resumes",
        )

    def _misbehaved(self, error: BadAnswer) -> OracleMisbehaved:
        return OracleMisbehaved(f"the oracle at {self.url}: {error}", hint="check the URL")


def _problem(answer: Answer) -> Problem | None:
    """What the oracle says about a refusal; None if something else answered. Long texts are cut."""
    try:
        problem = Problem.model_validate_json(answer.body)
    except ValidationError:
        return None
    cut = {name: text[:_SHOWN_CHARACTERS] for name, text in problem if isinstance(text, str)}
    return problem.model_copy(update=cut)


def pause_after(failures: int, error: Exception) -> float:
    """Seconds to wait after so many failures, or as long as the server asked for."""
    wait = getattr(error, "wait", None)
    return float(0.5 * 2 ** (failures - 1) if wait is None else wait)
