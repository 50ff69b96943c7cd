"""Public features of inputs: a constant, linear ones, and random Fourier features (Rahimi and Recht 2007).

All of them are integers from -127 to 127. Directions and phases are drawn from a public seed by SHA-256, so that a
model's terms need no table of them. Along a few ``axes`` features are shortened: there the owner has many records, and
others change the regression less.
"""

import hashlib
import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from assay.protocol.types import Bytes32, Value
from assay_pricing.sums.inputs import MOST, SPREAD, Inputs, Integers

MAX_FEATURES = 512
TURN = 1024
"""Steps of one turn of a cosine's argument."""
_TAG = b"assay/features/2"
_BYTES = 8
"""Of one coordinate of a direction: their sum less its mean is nearly normal."""
_CENTRE = _BYTES * 255 // 2
DEVIATION = math.sqrt(_BYTES * (256**2 - 1) / 12)
"""Standard deviation of a coordinate: about 209."""
_SHIFT = 16
AXIS_BITS = 12
"""An axis of length ``2^AXIS_BITS`` would remove all of its direction."""
_MOST_AXIS = 2**AXIS_BITS
Small = npt.NDArray[np.float64]
"""Integers as floating-point numbers, for the library's matrix products."""


class Features(Value):
    """From inputs (n, w) to features (n, d).

    Attributes:
        inputs: Records to integers.
        linear: Whether the inputs themselves are features.
        waves: Number of random Fourier features.
        amplitude: Of these, 1 to 127.
        frequency: Turns of a wave's argument for each unit of its projection, in 2^-26 of a turn.
        constant: Value of the first feature.
        seed: Of the directions and phases.
        axes: Integers (r, d): from features phi, ``sum_i a_i <a_i, phi> / 2^24`` is taken away, rounded.
    """

    inputs: Inputs
    linear: bool = True
    waves: int = Field(ge=0, le=MAX_FEATURES)
    amplitude: int = Field(ge=1, le=MOST)
    frequency: int = Field(ge=1, lt=2**26)
    constant: int = Field(default=SPREAD, ge=1, le=MOST)
    seed: Bytes32 = bytes(32)
    axes: tuple[tuple[int, ...], ...] = Field(default=(), max_length=64)

    @model_validator(mode="after")
    def _are_so_many(self) -> "Features":
        if not 2 <= self.width <= MAX_FEATURES:
            raise ValueError(f"expected 2 to {MAX_FEATURES} features, got {self.width}")
        if any(len(axis) != self.width or max(map(abs, axis)) > _MOST_AXIS for axis in self.axes):
            raise ValueError(f"expected axes of {self.width} integers up to {_MOST_AXIS} in magnitude")
        return self

    @property
    def width(self) -> int:
        """Number of features d, the constant one included."""
        return 1 + self.inputs.width * self.linear + self.waves

    def of(self, codes: Integers) -> Integers:
        """Features (n, d) of inputs (n, w)."""
        directions, phases = _directions(self.seed, self.inputs.width, self.waves)
        projected = (codes.astype(np.float64) @ directions).astype(np.int64)  # below 2^53: exact
        turns = (projected * self.frequency >> _SHIFT) + phases
        constant = np.full((len(codes), 1), self.constant, dtype=np.int64)
        linear = [codes] if self.linear else []
        phi = np.concatenate([constant, *linear, _wave(self.amplitude)[turns % TURN]], axis=1)
        if not self.axes:
            return np.asarray(phi)
        axes = np.array(self.axes, dtype=np.float64)
        along = phi.astype(np.float64) @ axes.T  # below 2^28, and the next product below 2^46: exact
        taken = np.floor(along @ axes / 2.0 ** (2 * AXIS_BITS) + 0.5).astype(np.int64)
        return np.asarray((phi - taken).clip(-MOST, MOST))


@lru_cache(maxsize=4)
def _directions(seed: bytes, w: int, waves: int) -> tuple[Small, Integers]:
    """Directions (w, waves), and phases (waves,) in steps of a turn."""
    stream = _stream(seed, waves * (_BYTES * w + 2))
    end = waves * w * _BYTES
    coordinates = stream[:end].reshape(waves, w, _BYTES).sum(-1, dtype=np.int64) - _CENTRE
    phases = stream[end:].reshape(waves, 2).astype(np.int64) @ np.array([1, 256]) % TURN
    return coordinates.T.astype(np.float64), phases


@lru_cache(maxsize=4)
def _wave(amplitude: int) -> Integers:
    """One turn of the cosine in integers (TURN,).

    No amplitude has a value within 1e-6 of the middle between two integers: every library rounds alike.
    """
    return np.asarray(np.rint(amplitude * np.cos(2 * np.pi * np.arange(TURN) / TURN)), dtype=np.int64)


def _stream(seed: bytes, count: int) -> npt.NDArray[np.uint8]:
    blocks = (hashlib.sha256(_TAG + seed + i.to_bytes(4, "little")).digest() for i in range(-(-count // 32)))
    return np.frombuffer(b"".join(blocks), dtype=np.uint8)[:count]
