"""The statement as constraints: committed statistics have a doubled price within two bounds, by a committed model.

The doubled price is the sum over classes c of ``g(c) = -<r_c, K r_c + 2 h_c>``, with the columns ``r_c = u_c - Q p_c``.
Columns are read as values of polynomials at 0, ..., k - 1; then g is one of degree 2k - 2. Its coefficients are wires,
and a challenge x, drawn from them and from the statement, checks them at one point (Lund, Fortnow, Karloff and Nisan
1992, of one round): there all classes are one column, whose price takes d (d + 1) products in place of k d (d + 1). A
wrong polynomial passes for at most 2k - 2 of ORDER challenges. The products of a symmetric matrix and a vector take
one constraint for each entry of its triangle.

The commitment to the statistics is the prover's choice, and may add a number of her choice to any public wire. The
binding b is drawn after it, and the circuit is made so that no such number serves: the wire of the constant is 1 if its
product with b is b; b and the bounds are as stated if they give the check; the model's wires have its integers times b,
so that b^3 times the price is a polynomial in b whose highest coefficient no addition reaches, and the price is a
number of the commitment, hence fixed before b (docs/decisions/0036-a-commitment-that-moves-nothing.md).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assay.protocol.proof.curve import ORDER
from assay.protocol.proof.key import STATED, Sizes
from assay_pricing.blind.form import SecretForm, product
from assay_pricing.proof.poseidon import FULL, PARTIAL, RATE, WIDTH, is_full, parameters
from assay_pricing.proof.system import ONE, Linear, System, plus, times

Wide = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Inputs:
    """The numbers of a proof.

    Attributes:
        stated: Binding, least and greatest doubled price, check, modulo ORDER.
        statistics: Triangle of Q, U.
        doubled: The doubled price.
        statistics_salt: Of the commitment.
        model: P, H, triangle of K.
        model_salt: Of the commitment.
    """

    stated: tuple[int, int, int, int]
    statistics: list[int]
    doubled: int
    statistics_salt: int
    model: list[int]
    model_salt: int

    @classmethod
    def nothing(cls, sizes: Sizes) -> "Inputs":
        """Zeros, for the constraints alone."""
        return cls((0, 0, 0, 0), [0] * (sizes.statistics - 2), 0, 0, [0] * (sizes.model - 1), 0)


def model_numbers(form: SecretForm) -> list[int]:
    """The owner's integers in the order of their commitment."""
    upper = form.quadratic[np.triu_indices(len(form.quadratic))]
    return [*form.weights.ravel().tolist(), *form.linear.ravel().tolist(), *upper.tolist()]


def built(sizes: Sizes, inputs: Inputs | None = None, system: System | None = None) -> System:
    """The circuit of given sizes, added to an empty system; with numbers, also its witness."""
    return _Circuit(sizes, inputs or Inputs.nothing(sizes), system or System()).system


def public_count(sizes: Sizes) -> int:
    """Number of public wires."""
    return STATED + sizes.statistics + sizes.model


@dataclass(eq=False)
class _Circuit:
    sizes: Sizes
    inputs: Inputs
    system: System

    def __post_init__(self) -> None:
        d, k, system = self.sizes.features, self.sizes.outputs, self.system
        binding, least, most, check = map(system.wire, self.inputs.stated)
        statistics = [system.wire(value) for value in self.inputs.statistics]
        price = system.wire(self.inputs.doubled)
        system.wire(self.inputs.statistics_salt)
        model = [system.wire(self.inputs.stated[0] * value) for value in self.inputs.model]
        system.wire(self.inputs.stated[0] * self.inputs.model_salt)
        square = self._checked(binding, least, most, check)

        size, triangle = d * k, self.sizes.triangle
        shrinkage, solution = statistics[:triangle], statistics[triangle:]
        weights, linear, quadratic = model[:size], model[size : 2 * size], model[2 * size :]

        coefficients = [system.wire(value) for value in self._claimed()]
        powers = self._powers(self._challenge([binding, *coefficients]))
        basis = [
            system.product(plus(*(times(int(f), power) for f, power in zip(row, powers, strict=False))), ONE)
            for row in _lagrange(k)
        ]

        def column(part: list[Linear]) -> list[Linear]:
            return [self._inner(part[i * k : i * k + k], basis) for i in range(d)]

        p = column(weights)  # b times p, as r and u; h and bent are b^2 times theirs
        basis = [system.product(binding, part) for part in basis]
        u, h = column(solution), column(linear)
        r = self._moved(shrinkage, p, u)
        bent = self._moved(quadratic, r, [{}] * d)  # -K r
        worth = self._inner([plus(part, times(-2, e)) for part, e in zip(bent, h, strict=True)], r)
        claimed = system.product(square, self._inner(coefficients, powers))
        system.enforce(binding, claimed, worth)

        total = plus(*(times(sum(c**j for c in range(k)), g) for j, g in enumerate(coefficients)))
        system.enforce(plus(total, times(-1, price)), ONE, {})
        self._is_small(plus(price, times(-1, least)))
        self._is_small(plus(most, times(-1, price)))

    def _checked(self, binding: Linear, least: Linear, most: Linear, check: Linear) -> Linear:
        """That constant, binding b and bounds are as the verifier has them; returns b^2."""
        system = self.system
        system.enforce(binding, ONE, binding)
        square = system.product(binding, binding)
        fourth = system.product(square, square)
        system.enforce(binding, plus(fourth, system.product(binding, most), least), check)
        return square

    def _claimed(self) -> list[int]:
        """Coefficients of g."""
        d, k = self.sizes.features, self.sizes.outputs
        size, triangle = d * k, self.sizes.triangle
        q, u = symmetric(d, self.inputs.statistics[:triangle]), matrix(d, k, self.inputs.statistics[triangle:])
        p, h = matrix(d, k, self.inputs.model[:size]), matrix(d, k, self.inputs.model[size : 2 * size])
        basis = _lagrange(k)
        r = u - product(q, p)
        bent = product(symmetric(d, self.inputs.model[2 * size :]), r) + 2 * h
        left, right = product(r, basis) % ORDER, product(bent, basis) % ORDER
        found = [0] * (2 * k - 1)
        for i in range(k):
            for j in range(k):
                found[i + j] -= int((left[:, i] * right[:, j]).sum())
        return [value % ORDER for value in found]

    def _challenge(self, absorbed: list[Linear]) -> Linear:
        """The sponge over Poseidon: the capacity starts with the number of absorbed wires."""
        system = self.system
        state: list[Linear] = [{0: len(absorbed)}, *({} for _ in range(RATE))]
        for start in range(0, len(absorbed), RATE):
            for i, part in enumerate(absorbed[start : start + RATE]):
                state[1 + i] = plus(state[1 + i], part)
            state = self._permuted(state)
        return system.product(state[1], ONE)

    def _permuted(self, state: list[Linear]) -> list[Linear]:
        constants, matrix = parameters()
        for turn in range(FULL + PARTIAL):
            state = [plus(x, {0: c}) for x, c in zip(state, constants[turn], strict=True)]
            for i in range(WIDTH if is_full(turn) else 1):
                square = self.system.product(state[i], state[i])
                state[i] = self.system.product(self.system.product(square, square), state[i])
            mixed = [plus(*(times(m, x) for m, x in zip(row, state, strict=True))) for row in matrix]
            state = [{wire: factor % ORDER for wire, factor in x.items()} for x in mixed]
        return state

    def _powers(self, x: Linear) -> list[Linear]:
        """x^0, ..., x^(2k - 2)."""
        found = [ONE, x]
        while len(found) < 2 * self.sizes.outputs - 1:
            found.append(self.system.product(found[-1], x))
        return found[: 2 * self.sizes.outputs - 1]

    def _inner(self, left: list[Linear], right: list[Linear]) -> Linear:
        """The sum of products."""
        found: Linear = {}
        for a, b in zip(left, right, strict=True):
            found = self.system.product(a, b, found)
        return found

    def _moved(self, triangle: list[Linear], vector: list[Linear], start: list[Linear]) -> list[Linear]:
        """``start - M vector`` of a symmetric M: its product has ``M_ij (v_i + v_j)`` in rows i and j alike."""
        d = self.sizes.features
        shared: list[list[Linear]] = [[] for _ in range(d)]
        rows: list[list[Linear]] = [[] for _ in range(d)]
        diagonal: list[Linear] = []
        entries = iter(triangle)
        for i in range(d):
            diagonal.append(next(entries))
            for j in range(i + 1, d):
                entry = next(entries)
                both = self.system.product(entry, plus(vector[i], vector[j]))
                for row in (i, j):
                    shared[row].append(both)
                    rows[row].append(entry)
        return [
            self.system.product(
                plus(*rows[i], times(-1, diagonal[i])),
                vector[i],
                plus(start[i], *(times(-1, part) for part in shared[i])),
            )
            for i in range(d)
        ]

    def _is_small(self, part: Linear) -> None:
        """That a number is from 0 to ``2^(price_bits + 2) - 1``: it is the sum of so many bits."""
        value, bits = self.system.value(part), []
        for i in range(self.sizes.price_bits + 2):
            bit = self.system.wire(value >> i & 1)
            self.system.enforce(bit, plus(bit, {0: -1}), {})
            bits.append(times(1 << i, bit))
        self.system.enforce(plus(*bits, times(-1, part)), ONE, {})


def symmetric(d: int, triangle: list[int]) -> Wide:
    """A symmetric matrix (d, d) of its triangle."""
    found = np.zeros((d, d), dtype=object)
    found[np.triu_indices(d)] = triangle
    return np.asarray(found + np.triu(found, 1).T)


def matrix(d: int, k: int, numbers: list[int]) -> Wide:
    """A matrix (d, k) of its entries, row by row."""
    return np.array(numbers, dtype=object).reshape(d, k)


def _lagrange(k: int) -> Wide:
    """Coefficients (k, k) of the polynomials that are 1 at c and 0 at the other integers below k, modulo ORDER."""
    found = []
    for c in range(k):
        row = [1]
        for other in range(k):
            if other != c:
                inverse = pow(c - other, -1, ORDER)
                row = [(a - other * b) * inverse % ORDER for a, b in zip([0, *row], [*row, 0], strict=True)]
        found.append(row)
    return np.array(found, dtype=object)
