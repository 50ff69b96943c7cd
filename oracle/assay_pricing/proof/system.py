"""Rank-1 constraints ``<a, w> <b, w> = <c, w>`` over the wires w, and their values, computed together.

The circuit is one function that adds wires in order. Run with zeros, it gives the constraints for a key; run with
numbers, the witness of a proof. Both are written in the binary formats of iden3 (r1cs 1, wtns 2).
"""

from collections.abc import Iterator

from assay.protocol.proof.curve import ORDER

Linear = dict[int, int]
"""A linear combination: coefficients by wire; wire 0 is the constant 1."""
ONE: Linear = {0: 1}


def plus(*parts: Linear) -> Linear:
    """The sum of linear combinations."""
    found: Linear = {}
    for part in parts:
        for wire, factor in part.items():
            found[wire] = found.get(wire, 0) + factor
    return found


def times(factor: int, part: Linear) -> Linear:
    """A multiple of a linear combination."""
    return {wire: factor * value for wire, value in part.items()}


class System:
    """Wires and constraints."""

    def __init__(self) -> None:
        self.values = [1]
        self.constraints: list[tuple[Linear, Linear, Linear]] = []

    def wire(self, value: int) -> Linear:
        """A new wire of a value, with no constraint of its own."""
        self.values.append(value % ORDER)
        return {len(self.values) - 1: 1}

    def value(self, part: Linear) -> int:
        """The value of a linear combination."""
        return sum(factor * self.values[wire] for wire, factor in part.items()) % ORDER

    def product(self, left: Linear, right: Linear, more: Linear | None = None) -> Linear:
        """A new wire: the product of two linear combinations, plus a third one."""
        more = more or {}
        found = self.wire(self.value(left) * self.value(right) + self.value(more))
        self.enforce(left, right, plus(found, times(-1, more)))
        return found

    def enforce(self, left: Linear, right: Linear, result: Linear) -> None:
        """Adds a constraint."""
        self.constraints.append((left, right, result))

    def violated(self) -> Iterator[int]:
        """Indices of the constraints that the values do not satisfy."""
        for i, (left, right, result) in enumerate(self.constraints):
            if (self.value(left) * self.value(right) - self.value(result)) % ORDER:
                yield i

    def r1cs(self, public: int) -> bytes:
        """The constraints as a file, of which the first ``public`` wires after the constant are public."""
        wires = len(self.values)
        sizes = ((wires, 4), (0, 4), (public, 4), (wires - 1 - public, 4), (wires, 8), (len(self.constraints), 4))
        header = _field() + b"".join(number.to_bytes(size, "little") for number, size in sizes)
        body = b"".join(_linear(part) for constraint in self.constraints for part in constraint)
        labels = b"".join(i.to_bytes(8, "little") for i in range(wires))
        return _file(b"r1cs", 1, ((1, header), (2, body), (3, labels)))

    def witness(self) -> bytes:
        """The values as a file."""
        header = _field() + len(self.values).to_bytes(4, "little")
        return _file(b"wtns", 2, ((1, header), (2, b"".join(v.to_bytes(32, "little") for v in self.values))))


def _linear(part: Linear) -> bytes:
    terms = [(wire, factor % ORDER) for wire, factor in sorted(part.items()) if factor % ORDER]
    written = b"".join(wire.to_bytes(4, "little") + factor.to_bytes(32, "little") for wire, factor in terms)
    return len(terms).to_bytes(4, "little") + written


def _field() -> bytes:
    return (32).to_bytes(4, "little") + ORDER.to_bytes(32, "little")


def _file(magic: bytes, version: int, sections: tuple[tuple[int, bytes], ...]) -> bytes:
    head = magic + version.to_bytes(4, "little") + len(sections).to_bytes(4, "little")
    return head + b"".join(
        kind.to_bytes(4, "little") + len(content).to_bytes(8, "little") + content for kind, content in sections
    )
