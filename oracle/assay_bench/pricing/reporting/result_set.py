"""The results of a plan, selected by part and type."""

from collections.abc import Iterable
from typing import TypeVar

from assay_bench.pricing.cache import ResultCache
from assay_bench.pricing.results import Result
from assay_bench.pricing.units import Part, Unit

R = TypeVar("R", bound=Result)


class ResultSet:
    """Results by unit."""

    def __init__(self, results: dict[Unit, Result]) -> None:
        self._results = dict(sorted(results.items(), key=lambda item: item[0]))

    @classmethod
    def read(cls, units: Iterable[Unit], cache: ResultCache) -> "ResultSet":
        """The stored results of a plan; units without one are left out."""
        return cls({unit: result for unit in units if (result := cache.read(unit)) is not None})

    def __contains__(self, unit: Unit) -> bool:
        return unit in self._results

    def select(self, part: Part, kind: type[R], *, data: str = "", name: str = "") -> list[tuple[Unit, R]]:
        """Results of one part and type, in the order of the units.

        Args:
            part: The part.
            kind: The type; results of another type, such as a missing library's note, are left out.
            data: Only of this data set or case, unless empty.
            name: Only of this scorer, unless empty.
        """
        return [
            (unit, result)
            for unit, result in self._results.items()
            if unit.part is part and isinstance(result, kind) and data in ("", unit.data) and name in ("", unit.name)
        ]
