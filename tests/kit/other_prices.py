"""``assay-oracle`` of a member that lies: it signs three times the price that its copy of the price function gives."""

from dataclasses import replace
from typing import Any

from assay_oracle.cli.main import main
from assay_oracle.services import evaluation

_honest = evaluation._capped


def _lie(*arguments: Any) -> Any:
    found, summary = _honest(*arguments)
    return replace(found, price=3 * found.price), summary


if __name__ == "__main__":
    evaluation._capped = _lie
    main()
