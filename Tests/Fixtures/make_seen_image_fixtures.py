"""Makes Tests/Fixtures/images/seen: PNG and JPEG files that are not seen as they stand, and what Pillow sees in them.

    python Tests/Fixtures/make_seen_image_fixtures.py

Needs Python 3.9 and `pip install numpy pillow safetensors`; the committed files were made with Pillow 13.0.0. Running it again
gives the same bytes, as long as the versions of Pillow and zlib are the same.

What is transparent lies over white, mixed by Pillow (`Image.paste` with the opacity as a mask); a gamma says nothing to Pillow;
orientations are obeyed by its `ImageOps.exif_transpose`. Pillow keeps the upper half of 16 bits where Norma rounds: expected
values of those files are computed here, from samples rounded first. Expected values are `[height, width, channels]` of U8, by
the file's name.
"""

import io
import pathlib
import struct
import zlib

import numpy
from PIL import Image, ImageOps
from safetensors.numpy import save_file

folder = pathlib.Path(__file__).parent / "images" / "seen"
folder.mkdir(exist_ok=True)
random = numpy.random.default_rng(14)
expected = {}

HEIGHT, WIDTH = 5, 7
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
GREY, COLOR, PALETTE, GREY_ALPHA, COLOR_ALPHA = 0, 2, 3, 4, 6


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(samples, kind, depth=8, chunks=b"", late=b"", interlaced=False):
    """A PNG of samples `[height, width, channels]`, with chunks before its data and behind them."""
    parts = [samples[y::down, x::right] for y, x, down, right in ADAM7] if interlaced else [samples]
    rows = [b"\0" + row.astype(">u2" if depth == 16 else "u1").tobytes() for part in parts if part.size for row in part]
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, kind, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + late
        + chunk(b"IEND", b"")
    )


def seen(content):
    """What Pillow shows of a file, over white."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image.convert("RGB"), mask=image.getchannel("A"))
        return numpy.asarray(white)
    return numpy.asarray(image if image.mode == "L" else image.convert("RGB"))


def add(name, content, values=None, is_grey=False):
    (folder / name).write_bytes(content)
    values = seen(content) if values is None else values
    if is_grey and values.ndim == 3:
        values = values[..., :1]
    expected[name] = numpy.ascontiguousarray(values.reshape(*values.shape[:2], -1), dtype=numpy.uint8)


def over_white(color, alpha):
    return ((color.astype(int) * alpha + 255 * (255 - alpha.astype(int)) + 127) // 255).astype(numpy.uint8)


def noise(channels, below=256):
    return random.integers(0, below, (HEIGHT, WIDTH, channels))


# Opacity.
grey, color, alpha = noise(1), noise(3), noise(1)
alpha[0, :4, 0] = [255, 192, 128, 64]
grey[0, :4, 0] = 0
grey_alpha = numpy.concatenate([grey, alpha], -1)
color_alpha = numpy.concatenate([color, alpha], -1)
add("grey-alpha.png", png(grey_alpha, GREY_ALPHA), is_grey=True)
add("grey-alpha-interlaced.png", png(grey_alpha, GREY_ALPHA, interlaced=True), is_grey=True)
add("color-alpha.png", png(color_alpha, COLOR_ALPHA))
palette, opacity = random.integers(0, 256, (16, 3)).astype("u1"), random.integers(0, 256, 9).astype("u1")
indices = noise(1, 16)
colors = chunk(b"PLTE", palette.tobytes())
add("palette-alpha.png", png(indices, PALETTE, chunks=colors + chunk(b"tRNS", opacity.tobytes())))
levels = noise(1, 4) * 60
add("grey-key.png", png(levels, GREY, chunks=chunk(b"tRNS", struct.pack(">H", 120))), is_grey=True)
few = noise(3, 2) * 255
add("color-key.png", png(few, COLOR, chunks=chunk(b"tRNS", struct.pack(">HHH", 255, 0, 255))))
wide = noise(4, 65536)
halves = (wide * 255 + 32895) >> 16
add("color-alpha-16.png", png(wide, COLOR_ALPHA, 16), over_white(halves[..., :3], halves[..., 3:]))
wide, halves = wide[..., 2:], halves[..., 2:]
add("grey-alpha-16.png", png(wide, GREY_ALPHA, 16), over_white(halves[..., :1], halves[..., 1:]))

# What is said of gamma and colours.
linear, television = (chunk(b"gAMA", struct.pack(">I", number)) for number in (100000, 55556))
primaries = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))
add("gamma-grey.png", png(grey, GREY, chunks=linear))
add("gamma-color.png", png(color, COLOR, chunks=television + primaries))
add("gamma-alpha.png", png(color_alpha, COLOR_ALPHA, chunks=linear))
add("gamma-palette.png", png(indices, PALETTE, chunks=linear + colors + chunk(b"tRNS", opacity.tobytes())))
add("gamma-background.png", png(grey_alpha, GREY_ALPHA, chunks=linear + chunk(b"bKGD", b"\0\x40")), is_grey=True)
add("srgb.png", png(color, COLOR, chunks=chunk(b"sRGB", b"\1") + chunk(b"gAMA", struct.pack(">I", 45455))))
wide = noise(3, 65536)
add("gamma-16.png", png(wide, COLOR, 16, chunks=linear), (wide * 255 + 32895) >> 16)

# Orientation.


def exif(orientation, order="<", kind=3, before=0):
    """TIFF data with an orientation as a number of one, two or four bytes, behind other entries."""
    code = {1: "B", 3: "H", 4: "I"}[kind]
    value = struct.pack(order + code, orientation).ljust(4, b"\0")
    entries = [struct.pack(order + "HHI", 0x0100 + tag, 4, 1) + struct.pack(order + "I", tag) for tag in range(before)]
    entries += [struct.pack(order + "HHI", 0x0112, kind, 1) + value]
    return (
        (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", len(entries))
        + b"".join(entries) + bytes(4)
    )


def jpeg(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, **options)
    return buffer.getvalue()


rows, columns = numpy.mgrid[0:24, 0:40]
smooth = numpy.stack([rows * 9, columns * 6, (rows + columns) * 3], -1).astype("u1")
photo = Image.fromarray(smooth)
for orientation in range(1, 9):
    data = exif(orientation, "<>"[orientation % 2], before=orientation % 3)
    add(f"orientation-{orientation}.jpg", jpeg(photo, exif=b"Exif\0\0" + data))
    add(f"orientation-{orientation}.png", png(color, COLOR, chunks=chunk(b"eXIf", data)))
add("orientation-grey.jpg", jpeg(photo.convert("L"), exif=b"Exif\0\0" + exif(6, ">")))
add("orientation-progressive.jpg", jpeg(photo, exif=b"Exif\0\0" + exif(8), progressive=True, icc_profile=bytes(3000)))
cmyk = Image.fromarray(numpy.concatenate([smooth, smooth[..., :1] // 3], -1), mode="CMYK")
add("orientation-cmyk.jpg", jpeg(cmyk, exif=b"Exif\0\0" + exif(3)))
add("orientation-long.jpg", jpeg(photo, exif=b"Exif\0\0" + exif(6, kind=4)))
add("orientation-late-alpha.png", png(color_alpha, COLOR_ALPHA, late=chunk(b"eXIf", exif(5))))
# Those that say nothing: Pillow leaves them as they are.
for name, data in [("0", exif(0)), ("9", exif(9)), ("cut", exif(6)[:12]), ("none", b"II*\0\x08\0\0\0\0\0"), ("text", b"abc")]:
    content = jpeg(photo)
    segment = b"Exif\0\0" + data
    content = content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:]
    add(f"no-orientation-{name}.jpg", content, numpy.asarray(Image.open(io.BytesIO(jpeg(photo)))))

save_file(expected, folder / "expected.safetensors")
(folder / "expected.safetensors").chmod(0o644)
