"""Poseidon over the scalar field of BN254, width 3, 8 full and 57 partial rounds, S-box x^5.

After Grassi, Khovratovich, Rechberger, Roy and Schofnegger (USENIX Security 2021). Constants come from the Grain LFSR
as in section F of the paper's appendix.
"""

from collections.abc import Iterator
from functools import cache

from assay.protocol.proof.curve import ORDER

WIDTH, FULL, PARTIAL = 3, 8, 57
RATE = WIDTH - 1
_BITS = 254


def is_full(turn: int) -> bool:
    """Whether all entries of the state pass the S-box in a round."""
    return turn < FULL // 2 or turn >= FULL // 2 + PARTIAL


@cache
def parameters() -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Round constants (65, 3), and the matrix (3, 3)."""
    stream = _grain()
    count = FULL + PARTIAL
    constants = tuple(tuple(_below_order(stream) for _ in range(WIDTH)) for _ in range(count))
    drawn = [_number(stream) % ORDER for _ in range(2 * WIDTH)]
    rows, columns = drawn[:WIDTH], drawn[WIDTH:]
    return constants, tuple(tuple(pow(x + y, -1, ORDER) for y in columns) for x in rows)


def permuted(state: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation of a state (3,)."""
    constants, matrix = parameters()
    for turn, added in enumerate(constants):
        state = tuple((x + c) % ORDER for x, c in zip(state, added, strict=True))
        boxed = WIDTH if is_full(turn) else 1
        state = (*(pow(x, 5, ORDER) for x in state[:boxed]), *state[boxed:])
        state = tuple(sum(m * x for m, x in zip(row, state, strict=True)) % ORDER for row in matrix)
    return state


def _grain() -> Iterator[int]:
    """Bits of the self-shrinking generator, initialised by the parameters."""
    fields = ((1, 2), (0, 4), (_BITS, 12), (WIDTH, 12), (FULL, 10), (PARTIAL, 10), (2**30 - 1, 30))
    bits = [int(bit) for value, size in fields for bit in f"{value:0{size}b}"]

    def step() -> int:
        bit = bits[62] ^ bits[51] ^ bits[38] ^ bits[23] ^ bits[13] ^ bits[0]
        bits.append(bit)
        del bits[0]
        return bit

    for _ in range(160):
        step()
    while True:
        chosen, bit = step(), step()
        if chosen:
            yield bit


def _number(stream: Iterator[int]) -> int:
    found = 0
    for _ in range(_BITS):
        found = found << 1 | next(stream)
    return found


def _below_order(stream: Iterator[int]) -> int:
    while (found := _number(stream)) >= ORDER:
        pass
    return found
