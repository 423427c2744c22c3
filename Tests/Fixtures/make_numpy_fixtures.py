"""Makes the files in Tests/Fixtures/numpy with NumPy.

    python Tests/Fixtures/make_numpy_fixtures.py

Needs Python 3.9 and numpy; the committed files were made with numpy 2.4.6. Running it again gives the same bytes.

Unless said otherwise an array has the shape [2, 3, 4] and counts from -5 in row-major order, unsigned ones from 0.
"""

import pathlib

import numpy
from numpy.lib import format

folder = pathlib.Path(__file__).parent / "numpy"
folder.mkdir(exist_ok=True)

COUNT = numpy.arange(24).reshape(2, 3, 4)
SIGNED = COUNT - 5


def save(name, array, version=None):
    """Saves an array as numpy.save does, in another version of the format if asked to."""
    with open(folder / f"{name}.npy", "wb") as file:
        format.write_array(file, array, version=version)


# What Norma writes too: its bytes must be the same.
written = {
    "f4": SIGNED.astype("<f4") / 3,
    "f8": SIGNED.astype("<f8") / 3,
    "i8": SIGNED.astype("<i8"),
    "scalar": numpy.array(1.5, "<f4"),
    "vector": numpy.arange(7, dtype="<f8"),
    "empty": numpy.zeros((0, 3), "<f4"),
    "deep": numpy.arange(8, dtype="<i8").reshape(1, 2, 1, 2, 1, 2, 1, 1),
}
for name, array in written.items():
    save(name, array)
archived = written | {"größe": written["scalar"]}
numpy.savez(folder / "written.npz", **{name: archived[name] for name in sorted(archived)})

# What Norma only reads.
for kind in ["f2", "i4", "i2", "i1"]:
    save(kind, SIGNED.astype(f"<{kind}"))
for kind in ["u8", "u4", "u2", "u1"]:
    save(kind, COUNT.astype(f"<{kind}"))
save("b1", COUNT % 3 == 0)
for kind in ["f8", "f4", "f2", "i8", "i4", "i2", "u8", "u4", "u2"]:
    save(f"big-{kind}", SIGNED.astype(f">{kind}") if kind[0] != "u" else COUNT.astype(f">{kind}"))
for kind in ["f8", "f4", ">f4", "i8", "u1"]:
    save(f"columns-{kind.strip('>')}{'-big' if kind[0] == '>' else ''}", numpy.asfortranarray(COUNT.astype(kind)))
for version in [(1, 0), (2, 0), (3, 0)]:
    save(f"version-{version[0]}", SIGNED.astype("<f4"), version)
numpy.savez_compressed(folder / "compressed.npz", **written)

# What Norma refuses.
save("complex", SIGNED.astype("<c8"))
save("text", numpy.array(["a", "bc"]))
save("dates", numpy.array(["2001-02-03"], "datetime64[D]"))
save("large-u8", numpy.array([7, 2**63], "<u8"))
save("structured", numpy.zeros(2, [("x", "<f4"), ("y", "<i4")]))
save("object", numpy.array([{"a": 1}, None], object))
numpy.savez(folder / "object.npz", fine=COUNT, object=numpy.array([None], object))
