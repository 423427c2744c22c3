"""Makes Tests/Fixtures/images/augmented.safetensors: images, and what torchvision and Pillow make of them.

    python Tests/Fixtures/make_augmentation_fixtures.py
    python Tests/Fixtures/make_augmentation_fixtures.py FILE SEED          other and larger images, for a comparison of the day

Needs numpy, Pillow, safetensors, torch and torchvision; the committed file was made with Pillow 13.0.0, torch 2.13.0 and torchvision
0.28.0. Running it again gives the same bytes. README.md in Tests/Fixtures says what the tensors are.
"""

import pathlib
import sys
import types

# What the package registers for detection does not go with PyTorch's build for processors alone, and is not needed.
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))

import numpy
import torch
from PIL import Image
from safetensors.numpy import save_file
from torchvision.transforms import RandAugment, RandomResizedCrop
from torchvision.transforms import functional as F
from torchvision.transforms.autoaugment import _apply_op

path, seed = (sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 1 else (None, 7)
random = numpy.random.default_rng(seed)
scale = 6 if path else 1
tensors = {}


def photo(height, width, channels):
    """Smooth colours with some noise, of which every second image is dark and pale, so that there is something to spread."""
    rows, columns = numpy.mgrid[0:height, 0:width]
    planes = [128 + 120 * numpy.sin(rows / (3 + k)) * numpy.cos(columns / (4 - k)) for k in range(channels)]
    values = numpy.stack(planes, axis=-1) + random.normal(0, 9, (height, width, channels))
    return values.clip(0, 255).round().astype(numpy.uint8)


def noise(height, width, channels):
    return random.integers(0, 256, (height, width, channels)).astype(numpy.uint8)


images = {
    "photo": photo(19 * scale, 23 * scale, 3),
    "colors": noise(24 * scale, 24 * scale, 3),
    "pale": photo(16 * scale, 21 * scale, 3) // 5 + numpy.array([40, 90, 10], numpy.uint8),
    "grey": photo(15 * scale, 18 * scale, 1),
    "flat": numpy.full((5, 4, 3), 77, numpy.uint8),
    "small": noise(2, 3, 3),
}

# RandAugment's operations under the names that Norma has for them.
NAMES = {
    "Identity": "identity", "ShearX": "shearX", "ShearY": "shearY", "TranslateX": "translateX", "TranslateY": "translateY",
    "Rotate": "rotate", "Brightness": "brightness", "Color": "color", "Contrast": "contrast", "Sharpness": "sharpness",
    "Posterize": "posterize", "Solarize": "solarize", "AutoContrast": "autoContrast", "Equalize": "equalize",
}


def add(name, image):
    array = numpy.asarray(image)
    tensors[name] = numpy.ascontiguousarray(array if array.ndim == 3 else array[:, :, None])


for name, values in images.items():
    image = Image.fromarray(values if values.shape[2] == 3 else values[:, :, 0])
    add(f"image/{name}", image)
    height, width = values.shape[:2]
    for factor in [0, 0.3, 0.7, 1, 1.4, 2.5]:
        add(f"brightness/{name}/{factor}", F.adjust_brightness(image, factor))
        add(f"contrast/{name}/{factor}", F.adjust_contrast(image, factor))
        add(f"saturation/{name}/{factor}", F.adjust_saturation(image, factor))
        add(f"sharpness/{name}/{factor}", F.adjust_sharpness(image, factor))
    for turns in [-0.5, -0.13, 0, 0.07, 0.31, 0.5]:
        add(f"hue/{name}/{turns}", F.adjust_hue(image, turns))
    for top, left, h, w, to_height, to_width in [
        (0, 0, height, width, 7, 11), (0, 0, height, width, 2 * height, 3 * width), (1, 1, height - 1, width - 1, 8, 8),
        (1, 2, 1, 1, 4, 5), (0, 0, height, width, height, width), (0, 1, height, max(1, width // 2), height, 9),
    ]:
        add(
            f"resized/{name}/{top}/{left}/{h}/{w}/{to_height}/{to_width}",
            F.resized_crop(image, top, left, h, w, [to_height, to_width], antialias=True),
        )
    policy = RandAugment()
    space = policy._augmentation_space(policy.num_magnitude_bins, (height, width))
    for operation, (magnitudes, signed) in space.items():
        for magnitude in [0, 9, 22, 30]:
            for sign in [1, -1] if signed else [1]:
                value = sign * float(magnitudes[magnitude].item()) if magnitudes.ndim > 0 else 0.0
                add(
                    f"randaugment/{name}/{NAMES[operation]}/{magnitude}/{sign}",
                    _apply_op(image, operation, value, policy.interpolation, policy.fill),
                )

# What is cut out where none of ten draws fits into the image.
for height, width in [(1000, 10), (10, 1000), (3000, 7), (9, 200)]:
    found = RandomResizedCrop.get_params(torch.zeros(3, height, width), [0.9, 1.0], [3 / 4, 4 / 3])
    tensors[f"fallback/{height}/{width}"] = numpy.array(found, numpy.int32)

save_file(dict(sorted(tensors.items())), path or pathlib.Path(__file__).parent / "images" / "augmented.safetensors")
