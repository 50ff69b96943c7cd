"""Requests that Schemathesis makes up from the OpenAPI document of an oracle, and what every answer to one must be.

Half of the requests keep to the document, half break it. Half name what exists, and most have a party's token.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
"""No fault of the server, and nothing that the document does not say."""

Case = schemathesis.Case[Any]
Ask = Callable[[Case, Mapping[str, str]], Any]
"""Sends a case with these headers besides its own; the answer, as Schemathesis takes it."""


def try_all(
    schema: schemathesis.BaseSchema,
    *,
    each: int,
    known: Mapping[str, str],
    tokens: Mapping[str, str],
    ask: Ask,
    number: int = 0,
) -> Counter[tuple[str, int]]:
    """Tries every call of ``schema`` with ``each`` cases.

    Args:
        schema: The document.
        each: Cases for one call.
        known: Ids and accounts that exist, by the name of the parameter or of the body's member.
        tokens: The parties' tokens, by name.
        ask: Sends a case.
        number: The seed: the same one makes the same cases.

    Returns:
        How many answers of each status each call gave.

    Raises:
        Exception: What Schemathesis or Hypothesis found, with the case and how to repeat it.
    """
    answered: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

            @seed(number)
            @settings(
                max_examples=-(-each // 2),
                database=None,
                deadline=None,
                phases=(Phase.explicit, Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode), choice=st.data())
            def one(case: Case, choice: st.DataObject) -> None:
                for place in (case.path_parameters, case.body):
                    if isinstance(place, dict):
                        for name in sorted(known.keys() & place.keys()):
                            place[name] = known[name] if choice.draw(st.booleans()) else place[name]
                token = choice.draw(st.sampled_from([*tokens.values(), None]))
                answer = ask(case, {"Authorization": f"Bearer {token}"} if token else {})
                case.validate_response(answer, checks=CHECKS)
                answered[f"{case.method} {case.path}", answer.status_code] += 1

            with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
                one()  # a call without parameters cannot be broken
    return answered
