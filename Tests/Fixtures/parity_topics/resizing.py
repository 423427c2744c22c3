"""Images of other sizes: adaptive pooling and upsampling, forward and backward."""

import torch.nn.functional as F

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, operation, shape, size, align_corners=None):
    """A case as it stands in the file; heights come before widths."""
    return {"name": name, "operation": operation, "shape": list(shape), "size": list(size), "align_corners": align_corners}


def cases() -> Fixture:
    result = Fixture()
    for operation in ["adaptive_average", "adaptive_max"]:
        for shape, size in [
            ([2, 7, 5, 3], [3, 2]), ([2, 8, 6, 2], [4, 3]), ([1, 5, 7, 3], [5, 7]), ([3, 4, 9, 1], [1, 1]),
            ([2, 3, 2, 3], [5, 3]), ([1, 11, 6, 4], [7, 4]),
        ]:
            add(result, case(f"{operation}_{shape[1]}x{shape[2]}_to_{size[0]}x{size[1]}", operation, shape, size))
    sizes = [
        ([2, 3, 4, 3], [6, 8]), ([2, 4, 3, 2], [12, 6]), ([1, 5, 3, 3], [7, 8]), ([2, 7, 5, 3], [3, 4]),
        ([3, 1, 4, 2], [5, 1]), ([1, 6, 1, 2], [1, 3]), ([2, 3, 5, 1], [3, 5]),
    ]
    for shape, size in sizes:
        name = f"{shape[1]}x{shape[2]}_to_{size[0]}x{size[1]}"
        add(result, case(f"nearest_{name}", "nearest", shape, size))
        for align_corners in [False, True]:
            suffix = "_aligned" if align_corners else ""
            add(result, case(f"bilinear_{name}{suffix}", "bilinear", shape, size, align_corners))
    return result


def add(result: Fixture, settings: dict) -> None:
    source = random_source("resizing", settings["name"])
    shape, size = settings["shape"], settings["size"]
    inputs = {"x": normal(source, shape), "dy": normal(source, [shape[0], *size, shape[3]])}

    def results(inputs):
        x = inputs["x"].requires_grad_()
        images = x.permute(0, 3, 1, 2).contiguous()
        match settings["operation"]:
            case "adaptive_average":
                y = F.adaptive_avg_pool2d(images, size)
            case "adaptive_max":
                y = F.adaptive_max_pool2d(images, size)
            case mode:
                y = F.interpolate(images, size, mode=mode, align_corners=settings["align_corners"])
        y = y.permute(0, 2, 3, 1)
        y.backward(inputs["dy"])
        return {"y": y, "dx": x.grad}

    result.add_case(settings, in_double_precision(inputs, results))
