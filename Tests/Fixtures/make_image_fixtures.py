"""Makes Tests/Fixtures/images: small PNG and JPEG files of every kind, and what other programs read from them.

    python Tests/Fixtures/make_image_fixtures.py

Needs Python 3.9 and `pip install numpy pillow safetensors torch`. Running it again gives the same bytes, as long as the
versions of Pillow and zlib are the same. README.md in Tests/Fixtures says what the tensors are.
"""

import io
import pathlib
import struct
import zlib

import numpy
import torch
from PIL import Image
from safetensors.numpy import save_file

folder = pathlib.Path(__file__).parent / "images"
folder.mkdir(exist_ok=True)
random = numpy.random.default_rng(20)
expected = {}

HEIGHT, WIDTH = 19, 23


def picture(channels):
    """Smooth colours with some noise, so that JPEG has something to keep and something to lose."""
    rows, columns = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [128 + 90 * numpy.sin(rows / (3 + k)) * numpy.cos(columns / (4 - k)) for k in range(channels)]
    values = numpy.stack(planes, axis=-1) + random.normal(0, 12, (HEIGHT, WIDTH, channels))
    return values.clip(0, 255).round().astype(numpy.uint8)


# PNG, written here: Pillow writes neither interlaced files nor 16 bits of colour.

ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def packed(samples, depth):
    """The rows of `[height, width, channels]`, each after the byte of its filter: none."""
    rows = []
    for row in samples.reshape(len(samples), -1):
        if depth == 16:
            content = row.astype(">u2").tobytes()
        elif depth == 8:
            content = row.astype(numpy.uint8).tobytes()
        else:
            bits = (row[:, None] >> numpy.arange(depth - 1, -1, -1)) & 1
            content = numpy.packbits(bits.astype(numpy.uint8).reshape(-1)).tobytes()
        rows.append(b"\0" + content)
    return b"".join(rows)


def png(samples, depth, color_type, interlaced=False, chunks=b""):
    height, width = samples.shape[:2]
    if interlaced:
        parts = [samples[y::down, x::right] for y, x, down, right in ADAM7]
        data = b"".join(packed(part, depth) for part in parts if part.size)
    else:
        data = packed(samples, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IDAT", zlib.compress(data, 9))
        + chunk(b"IEND", b"")
    )


def over_white(color, alpha):
    """Mixed as it is stored, the way viewers and Pillow do it."""
    return (color.astype(int) * alpha + 255 * (255 - alpha.astype(int)) + 127) // 255


def add(name, content, values):
    (folder / name).write_bytes(content)
    expected[name] = numpy.ascontiguousarray(values, dtype=numpy.float32)


color, gray = picture(3), picture(1)
alpha = picture(1)
add("color.png", png(color, 8, 2), color)
add("color-interlaced.png", png(color, 8, 2, interlaced=True), color)
add("gray.png", png(gray, 8, 0), gray)
for depth in (1, 2, 4):
    levels = gray >> (8 - depth)
    add(f"gray-{depth}.png", png(levels, depth, 0), levels * (255 // (2**depth - 1)))
noise = random.integers(0, 257, color.shape)
add("color-16.png", png(color.astype(int) * 257 + noise - 128, 16, 2), (color.astype(int) * 257 + noise - 128) / 257)
wide = random.integers(0, 65536, gray.shape)
add("gray-16.png", png(wide, 16, 0), wide / 257)
add("color-alpha.png", png(numpy.concatenate([color, alpha], -1), 8, 6), over_white(color, alpha))
add("gray-alpha.png", png(numpy.concatenate([gray, alpha], -1), 8, 4), over_white(gray, alpha))
add("small.png", png(color[:4, :5], 8, 2), color[:4, :5])
palette = random.integers(0, 256, (16, 3)).astype(numpy.uint8)
indices = gray >> 4
add("palette.png", png(indices, 4, 3, chunks=chunk(b"PLTE", palette.tobytes())), palette[indices[..., 0]])
opacity = random.integers(0, 256, 16).astype(numpy.uint8)
add(
    "palette-alpha.png",
    png(indices, 4, 3, interlaced=True, chunks=chunk(b"PLTE", palette.tobytes()) + chunk(b"tRNS", opacity.tobytes())),
    over_white(palette[indices[..., 0]], opacity[indices]),
)

# JPEG, written and read by Pillow.


def jpeg(name, image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    decoded = Image.open(io.BytesIO(buffer.getvalue()))
    if decoded.mode != "L":
        decoded = decoded.convert("RGB")
    values = numpy.asarray(decoded)
    add(name, buffer.getvalue(), values.reshape(HEIGHT, WIDTH, -1))


colors = Image.fromarray(color)
jpeg("color.jpg", colors, quality=90)
jpeg("color-444.jpg", colors, quality=95, subsampling=0)
jpeg("color-422.jpg", colors, quality=80, subsampling=1)
jpeg("color-progressive.jpg", colors, quality=85, progressive=True)
jpeg("gray.jpg", Image.fromarray(gray[..., 0]), quality=90)
jpeg("cmyk.jpg", Image.fromarray(picture(4), mode="CMYK"), quality=90)

# Grey from colour, by Pillow.
expected["luminance"] = numpy.asarray(colors.convert("L"), dtype=numpy.float32)[..., None]

# Other sizes, by torch in double precision: the shorter side scaled, the middle cut out, as torchvision does it.
for size in (7, 8, 19, 31):
    short = min(HEIGHT, WIDTH)
    scaled = (size * HEIGHT // short, size * WIDTH // short)
    planes = torch.from_numpy(color.astype(numpy.float64)).permute(2, 0, 1)[None]
    scaled_planes = torch.nn.functional.interpolate(planes, scaled, mode="bilinear", antialias=True, align_corners=False)
    top, left = (round((length - size) / 2) for length in scaled)
    cut = scaled_planes[0, :, top : top + size, left : left + size].permute(1, 2, 0)
    expected[f"fitted.{size}"] = numpy.ascontiguousarray(cut.numpy(), dtype=numpy.float32)

save_file(expected, folder / "expected.safetensors")
(folder / "expected.safetensors").chmod(0o644)
