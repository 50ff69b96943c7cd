"""BN254 (EIP-196): points of G1 in affine coordinates, and sums of multiples of many of them.

The point at infinity is (0, 0), as in the EVM.
"""

from collections.abc import Sequence

FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""Of G1, and modulus of the numbers that a circuit computes with."""
POINT_BYTES = 64

Point = tuple[int, int]
Jacobian = tuple[int, int, int]
"""(X, Y, Z) stands for (X / Z^2, Y / Z^3); Z is 0 at infinity."""
INFINITY: Point = (0, 0)
_NOTHING: Jacobian = (1, 1, 0)


def is_on_curve(point: Point) -> bool:
    """Whether a pair of numbers is a point: ``y^2 = x^3 + 3``, or infinity. Every point of the curve is in G1."""
    x, y = point
    if not (0 <= x < FIELD and 0 <= y < FIELD):
        return False
    return point == INFINITY or (y * y - x * x * x - 3) % FIELD == 0


def negative(point: Point) -> Point:
    """The inverse of a point."""
    return point[0], -point[1] % FIELD


def to_bytes(point: Point) -> bytes:
    """The coordinates, big-endian, 32 bytes each: as the EVM has them."""
    return point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def from_bytes(data: bytes) -> Point:
    """The inverse of ``to_bytes``.

    Raises:
        ValueError: The bytes are no point.
    """
    point = int.from_bytes(data[:32], "big"), int.from_bytes(data[32:], "big")
    if len(data) != POINT_BYTES or not is_on_curve(point):
        raise ValueError(f"expected {POINT_BYTES} bytes of a point of BN254, got {data[:8].hex()}...")
    return point


def total(points: Sequence[Point]) -> Point:
    """The sum of points."""
    found = _NOTHING
    for point in points:
        found = _mixed(found, point)
    return _affine(found)


def combination(scalars: Sequence[int], points: Sequence[Point]) -> Point:
    """The sum of multiples of points, by buckets (Pippenger 1976); small scalars of either sign are cheap.

    Raises:
        ValueError: There are as many scalars as points.
    """
    if len(scalars) != len(points):
        raise ValueError(f"expected {len(points)} scalars, got {len(scalars)}")
    terms = []
    for scalar, point in zip(scalars, points, strict=True):
        value = scalar % ORDER
        if value and point != INFINITY:
            terms.append((value, point) if value <= ORDER // 2 else (ORDER - value, negative(point)))
    if not terms:
        return INFINITY
    width = max(2, len(terms).bit_length() - 3)
    longest = max(value.bit_length() for value, _ in terms)
    found = _NOTHING
    for low in reversed(range(0, longest, width)):
        for _ in range(width):
            found = _doubled(found)
        found = _sum(found, _window(terms, low, width))
    return _affine(found)


def multiple(scalar: int, point: Point) -> Point:
    """A multiple of a point, four bits of the scalar at a time."""
    table: list[Jacobian] = [_NOTHING]
    while len(table) < 16:
        table.append(_mixed(table[-1], point))
    found, value = _NOTHING, scalar % ORDER
    for low in reversed(range(0, ORDER.bit_length(), 4)):
        for _ in range(4):
            found = _doubled(found)
        found = _sum(found, table[value >> low & 15])
    return _affine(found)


def _window(terms: Sequence[tuple[int, Point]], low: int, width: int) -> Jacobian:
    """The sum of points, each times ``width`` bits of its scalar."""
    mask = (1 << width) - 1
    buckets: dict[int, Jacobian] = {}
    for value, point in terms:
        if digit := value >> low & mask:
            buckets[digit] = _mixed(buckets.get(digit, _NOTHING), point)
    running = found = _NOTHING
    for digit in range(max(buckets, default=0), 0, -1):
        if (bucket := buckets.get(digit)) is not None:
            running = _sum(running, bucket)
        found = _sum(found, running)
    return found


def _mixed(left: Jacobian, right: Point) -> Jacobian:
    """The sum of a point and an affine one."""
    if right == INFINITY:
        return left
    x1, y1, z1 = left
    x2, y2 = right
    if z1 == 0:
        return x2, y2, 1
    square = z1 * z1 % FIELD
    h = (x2 * square - x1) % FIELD
    r = (y2 * square * z1 - y1) % FIELD
    if h == 0:
        return _doubled(left) if r == 0 else _NOTHING
    hh = h * h % FIELD
    hhh, v = h * hh % FIELD, x1 * hh % FIELD
    x3 = (r * r - hhh - 2 * v) % FIELD
    return x3, (r * (v - x3) - y1 * hhh) % FIELD, z1 * h % FIELD


def _sum(left: Jacobian, right: Jacobian) -> Jacobian:
    """The sum of two points."""
    (x1, y1, z1), (x2, y2, z2) = left, right
    if z1 == 0:
        return right
    if z2 == 0:
        return left
    s1, s2 = z1 * z1 % FIELD, z2 * z2 % FIELD
    u1, v1 = x1 * s2 % FIELD, y1 * s2 * z2 % FIELD
    h, r = (x2 * s1 - u1) % FIELD, (y2 * s1 * z1 - v1) % FIELD
    if h == 0:
        return _doubled(left) if r == 0 else _NOTHING
    hh = h * h % FIELD
    hhh, v = h * hh % FIELD, u1 * hh % FIELD
    x3 = (r * r - hhh - 2 * v) % FIELD
    return x3, (r * (v - x3) - v1 * hhh) % FIELD, z1 * z2 * h % FIELD


def _doubled(point: Jacobian) -> Jacobian:
    """Twice a point; no point of G1 has an order of two."""
    x, y, z = point
    if z == 0:
        return point
    a, b = x * x % FIELD, y * y % FIELD
    d, e = 4 * x * b % FIELD, 3 * a
    x3 = (e * e - 2 * d) % FIELD
    return x3, (e * (d - x3) - 8 * b * b) % FIELD, 2 * y * z % FIELD


def _affine(point: Jacobian) -> Point:
    x, y, z = point
    if z == 0:
        return INFINITY
    inverse = pow(z, -1, FIELD)
    square = inverse * inverse % FIELD
    return x * square % FIELD, y * square * inverse % FIELD
