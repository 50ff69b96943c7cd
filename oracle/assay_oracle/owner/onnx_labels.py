"""The names of the classes in an ONNX file: attributes ``classlabels_*`` of its classifier nodes.

onnxruntime does not show attributes of nodes. They are read from the protocol buffer itself; the field numbers are
those of ``onnx.proto``: ``ModelProto.graph`` 7, ``GraphProto.node`` 1, ``NodeProto.attribute`` 5, ``AttributeProto``
name 1, ints 8 and strings 9.
"""

from collections.abc import Iterator

_GRAPH, _NODE, _ATTRIBUTE, _NAME, _INTS, _STRINGS = 7, 1, 5, 1, 8, 9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def class_labels(model: bytes) -> tuple[object, ...]:
    """Labels of the last classifier of a model; () if it has none, or cannot be read as a protocol buffer."""
    found: tuple[object, ...] = ()
    try:
        for attribute in _nested(model, _GRAPH, _NODE, _ATTRIBUTE):
            found = _labels(attribute) or found
    except (IndexError, ValueError):
        return ()
    return found


def _labels(attribute: bytes) -> tuple[object, ...]:
    fields = list(_fields(attribute))
    names = [value for number, value in fields if number == _NAME and isinstance(value, bytes)]
    if not any(name.startswith(b"classlabels_") for name in names):
        return ()
    labels: list[object] = []
    for number, value in fields:
        if number == _STRINGS and isinstance(value, bytes):
            labels.append(value.decode())
        elif number == _INTS:
            labels += [value] if isinstance(value, int) else _packed(value)
    return tuple(labels)


def _nested(message: bytes, *path: int) -> Iterator[bytes]:
    """Messages under a path of field numbers."""
    if not path:
        yield message
        return
    for number, value in _fields(message):
        if number == path[0] and isinstance(value, bytes):
            yield from _nested(value, *path[1:])


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a message's fields."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind not in (_FIXED64, _BYTES, _FIXED32):
            raise ValueError(f"expected a wire type of 0, 1, 2 or 5, got {kind}")
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
        if size is None:
            size, at = _varint(message, at)
        yield number, message[at : at + size]
        at += size


def _packed(content: bytes) -> list[int]:
    numbers, at = [], 0
    while at < len(content):
        number, at = _varint(content, at)
        numbers.append(number)
    return numbers


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """An integer of 64 bits in two's complement, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return (value - 2**64 if value >= 2**63 else value), at
