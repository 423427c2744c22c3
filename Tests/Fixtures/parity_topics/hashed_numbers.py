"""Numbers that the tests can make again to the bit, so that they need not be stored.

Number i of the stream of a name is a hash of i and the name, of 32 bits; `HashedNumbers.swift` of the tests' support has
the same.
"""

import math

import numpy


def hashed_bits(name: str, count: int) -> numpy.ndarray:
    """The first `count` hashes of a stream, uint32."""
    # FNV-1a of the name, then a mixing of shifts and products that is one to one.
    key = 0x811C9DC5
    for byte in name.encode():
        key = (key ^ byte) * 0x01000193 & 0xFFFFFFFF
    bits = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32(key)
    bits ^= bits >> numpy.uint32(16)
    bits *= numpy.uint32(0x7FEB352D)
    bits ^= bits >> numpy.uint32(15)
    bits *= numpy.uint32(0x846CA68B)
    bits ^= bits >> numpy.uint32(16)
    return bits


def hashed_values(name: str, shape, bound: float = 1.0) -> numpy.ndarray:
    """Even over ±`bound`, as float32: multiples of 2⁻¹⁵ below 1, times the bound rounded to float32."""
    places = (hashed_bits(name, math.prod(shape)) >> numpy.uint32(16)).astype(numpy.float32)
    return (places / numpy.float32(2**15) - numpy.float32(1)).reshape(shape) * numpy.float32(bound)


def hashed_labels(name: str, count: int, classes: int) -> numpy.ndarray:
    """Class numbers, int64."""
    return (hashed_bits(name, count) % numpy.uint32(classes)).astype(numpy.int64)
