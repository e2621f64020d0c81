"""Writes and reads GGUF version 3 (the parts these models need).

Layout: magic, version, counts, key-value pairs, tensor descriptions, padding
to 32 bytes, tensor data each padded to 32 bytes. Matrices are written as f16
or q8_0 (blocks of 32 values: one f16 scale and 32 signed bytes), vectors f32.
"""
import struct

import numpy

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
GGML_F32, GGML_F16, GGML_Q8_0 = 0, 1, 8
FILE_TYPES = {"f16": 1, "q8_0": 7}
BLOCK = 32

_SCALARS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?", U64: "<Q"}


def _string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _string(value)
    return struct.pack(_SCALARS[kind], value)


def quantise_q8_0(matrix):
    """Bytes of a float matrix as q8_0; rows must be multiples of 32 long."""
    if matrix.shape[-1] % BLOCK:
        raise ValueError("q8_0 needs rows of a multiple of %d values, got %d" % (BLOCK, matrix.shape[-1]))
    blocks = matrix.astype(numpy.float32).reshape(-1, BLOCK)
    scale = (numpy.abs(blocks).max(axis=1) / 127.0).astype(numpy.float32)
    inverse = numpy.divide(1.0, scale, out=numpy.zeros_like(scale), where=scale > 0)
    rounded = numpy.rint(blocks * inverse[:, None]).astype(numpy.int8)
    packed = numpy.empty(len(blocks), dtype=[("d", "<f2"), ("q", "i1", BLOCK)])
    packed["d"], packed["q"] = scale.astype(numpy.float16), rounded
    return packed.tobytes()


def dequantise_q8_0(data, shape):
    """The float matrix that q8_0 bytes stand for."""
    packed = numpy.frombuffer(data, dtype=[("d", "<f2"), ("q", "i1", BLOCK)])
    return (packed["d"].astype(numpy.float32)[:, None] * packed["q"]).reshape(shape)


def _encode(array, quantisation):
    if array.ndim == 1:
        return GGML_F32, array.astype("<f4").tobytes()
    if quantisation == "f16":
        return GGML_F16, array.astype("<f2").tobytes()
    return GGML_Q8_0, quantise_q8_0(array)


def write(path, pairs, tensors, quantisation):
    """Writes a file. pairs: list of (key, type, value), a list value being an
    array of that type; tensors: list of (name, numpy array)."""
    if quantisation not in FILE_TYPES:
        raise ValueError("unknown quantisation %r" % quantisation)
    head = bytearray(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(pairs)))
    for key, kind, value in pairs:
        head += _string(key)
        if isinstance(value, list):
            head += struct.pack("<IIQ", ARRAY, kind, len(value))
            head += b"".join(_value(kind, item) for item in value)
        else:
            head += struct.pack("<I", kind) + _value(kind, value)
    body = bytearray()
    for name, array in tensors:
        kind, data = _encode(array, quantisation)
        head += _string(name) + struct.pack("<I", array.ndim)
        head += b"".join(struct.pack("<Q", n) for n in reversed(array.shape))
        head += struct.pack("<IQ", kind, len(body))
        body += data + bytes(-len(data) % ALIGNMENT)
    with open(path, "wb") as handle:
        handle.write(head + bytes(-len(head) % ALIGNMENT) + body)


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        size = struct.calcsize(layout)
        if self.at + size > len(self.data):
            raise ValueError("the file ends inside its header")
        (value,) = struct.unpack_from(layout, self.data, self.at)
        self.at += size
        return value

    def string(self):
        size = self.take("<Q")
        if self.at + size > len(self.data):
            raise ValueError("the file ends inside a string")
        self.at += size
        return self.data[self.at - size:self.at].decode("utf-8")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, count = self.take("<I"), self.take("<Q")
            return [self.value(inner) for _ in range(count)]
        if kind not in _SCALARS:
            raise ValueError("unknown value type %d" % kind)
        return self.take(_SCALARS[kind])


def read(path):
    """Reads a file written by write: (dict of pairs, dict of float arrays)."""
    with open(path, "rb") as handle:
        reader = _Reader(handle.read())
    if reader.data[:4] != MAGIC:
        raise ValueError("no GGUF file")
    reader.at = 4
    version, tensor_count, pair_count = reader.take("<I"), reader.take("<Q"), reader.take("<Q")
    if version != VERSION:
        raise ValueError("GGUF version %d, want %d" % (version, VERSION))
    pairs, described = {}, []
    for _ in range(pair_count):
        key = reader.string()
        pairs[key] = reader.value(reader.take("<I"))
    for _ in range(tensor_count):
        name = reader.string()
        shape = [reader.take("<Q") for _ in range(reader.take("<I"))][::-1]
        described.append((name, shape, reader.take("<I"), reader.take("<Q")))
    start = reader.at + (-reader.at % ALIGNMENT)
    tensors = {name: _decode(reader.data, start + offset, kind, shape) for name, shape, kind, offset in described}
    return pairs, tensors


def _decode(data, at, kind, shape):
    count = int(numpy.prod(shape))
    size = {GGML_F32: count * 4, GGML_F16: count * 2, GGML_Q8_0: count // BLOCK * 34}[kind]
    if at + size > len(data):
        raise ValueError("the file ends inside its tensors")
    raw = data[at:at + size]
    if kind == GGML_Q8_0:
        return dequantise_q8_0(raw, shape)
    return numpy.frombuffer(raw, "<f4" if kind == GGML_F32 else "<f2").astype(numpy.float32).reshape(shape)
