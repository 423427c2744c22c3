"""Writes functions.json: arguments of elementary functions and their values to some 32 digits, as a sum of two doubles.

    pip install mpmath
    python Tests/Fixtures/make_function_fixtures.py

The committed file was made with Python 3.11.7 and mpmath 1.3.0. Arguments are drawn over the ranges in which a function is made in
one way, over all magnitudes, and at what is special.
"""

import json
import math
import pathlib
import random

from mpmath import cos, erf, erfc, exp, log, mp, mpf, pi, sin, sqrt, tanh

# Near 0 a tangent is the difference of numbers that are equal in their first 320 digits.
mp.dps = 700

rest = random.Random("functions")


def drawn(low, high, count):
    return [rest.uniform(low, high) for _ in range(count)]


def magnitudes(low, high, count):
    """Of both signs, their exponents of two even over a range."""
    return [rest.choice((-1, 1)) * math.ldexp(rest.uniform(1, 2), rest.randint(low, high)) for _ in range(count)]


def neighbours(*numbers):
    return [y for x in numbers for y in (math.nextafter(x, -math.inf), x, math.nextafter(x, math.inf))]


tiny = [5e-324, -5e-324, 2.2250738585072014e-308, 1e-320, -1e-300, 2.0**-54, 2.0**-53, -(2.0**-27)]
cases = {
    "exponential": (
        exp,
        drawn(-1, 1, 200) + drawn(-746, 710, 200) + magnitudes(-60, 9, 100) + tiny
        + neighbours(0.0, math.log(2) / 2, -math.log(2) / 2, 709.782712893384, -708.396418532264, -745.133219101941),
    ),
    "logarithm": (
        log,
        drawn(0.5, 2, 250) + drawn(0.99, 1.01, 50) + [abs(x) for x in magnitudes(-1074, 1023, 200)]
        + [abs(x) for x in tiny] + neighbours(1.0, math.sqrt(0.5), math.sqrt(2), 2.0**-1022) + [1.7976931348623157e308],
    ),
    "sigmoid": (
        lambda x: 1 / (1 + exp(-x)),
        drawn(-4, 4, 200) + drawn(-40, 40, 150) + drawn(-745, -30, 100) + magnitudes(-60, 9, 50) + tiny,
    ),
    "hyperbolicTangent": (
        tanh, drawn(-1, 1, 200) + drawn(-22, 22, 200) + magnitudes(-1074, 5, 100) + tiny + neighbours(math.log(2) / 4),
    ),
    "errorFunction": (
        erf,
        drawn(-0.75, 0.75, 150) + drawn(0.75, 1.3125, 150) + drawn(-6.5, 6.5, 150) + magnitudes(-1074, 3, 50) + tiny
        + neighbours(0.75, 1.3125, 6.0),
    ),
    "gaussianErrorLinearUnit": (
        lambda x: x * erfc(-x / sqrt(mpf(2))) / 2, drawn(-4, 4, 200) + drawn(-37, 40, 200) + magnitudes(-1000, 5, 50),
    ),
    "sine": (
        lambda x: sin(2 * pi * x), drawn(0, 1, 200) + drawn(-8, 8, 50) + magnitudes(-1000, 40, 100) + neighbours(0.125, 0.25, 0.5),
    ),
    "cosine": (
        lambda x: cos(2 * pi * x), drawn(0, 1, 200) + drawn(-8, 8, 50) + magnitudes(-1000, 40, 100) + neighbours(0.125, 0.25, 0.5),
    ),
    "powerOfTen": (lambda x: mpf(10) ** x, drawn(-8, 8, 100) + drawn(-323, 308, 100) + [float(x) for x in range(-20, 23)]),
}


def halves(value):
    """A number as a double and what is left of it."""
    high = float(value)
    return (high, float(value - mpf(high))) if math.isfinite(high) else None


def values(function, arguments):
    found = ([x, *parts] for x in arguments if (parts := halves(function(mpf(x)))))
    return [row for row in found if row[1] != 0]


document = {name: values(*case) for name, case in cases.items()}

bases = [0.9, 0.999, 0.99, 0.5, 0.1, 1 - 2.0**-53, 1 + 2.0**-52, 2.0, 10.0, 3.0, -1.5, 5e-324] + drawn(0, 2, 60)
exponents = [1, 2, 3, 7, 20, 100, 1000, 12345, 100_000, 10_000_000, -1, -2, -17, -1000]
document["power"] = [
    [x, float(n), *parts] for x in bases for n in exponents
    if (parts := halves(mpf(x) ** n)) and abs(parts[0]) > 0
]

target = pathlib.Path(__file__).parent / "functions.json"
target.write_text("{\n" + ",\n".join(f'"{name}":{json.dumps(rows)}' for name, rows in document.items()) + "\n}\n")
print(target, sum(len(rows) for rows in document.values()))
