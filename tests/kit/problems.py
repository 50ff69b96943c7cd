"""Problems as an oracle answers with them."""

from typing import Any

from assay.protocol.messages import Problem


def problem_details(code: str, detail: str, *, status: int, hint: str | None = None) -> dict[str, Any]:
    """The JSON of a problem."""
    made = Problem(
        type=f"docs/errors.md#{code}",
        title="A problem",
        status=status,
        detail=detail,
        instance="/v1/info",
        code=code,
        hint=hint,
    )
    return made.model_dump(exclude_none=True)
