"""The cases: what is timed, as values that every library's worker understands.

A case is a dictionary with `sec` (norm, conv, product, train or infer) and `name`, and
  norm   norm (bn, ln, gn, rms; masked: batch normalization of sequences of 128 rows, of which 64 to 128 count; ghost: in ghost
         batches of 32; renorm: led to running statistics; in: instance normalization with running statistics;
         ws: the standardization of a weight, whose shape it is), relu, shape ([N, C] or [N, C, H, W], whatever the layout), layout (nc, nchw, nhwc),
         pass (fwd, bwd, infer); group normalization has 32 groups;
         dtype (float16, bfloat16: what is read and written; float32 if there is none)
  conv   shape [N, C, H, W] of the images, outputs, window (its height and width; padded with half of it, rounded down),
         stride, pass (fwd; input or weight, the gradient of that alone)
  product  shape [rows, inner, columns], pass: plain, both factors as they lie (the gradient of a linear layer's input is such a
         one); transposed, the right factor stored as [columns, inner] (x·Wᵀ); weight, the left one as [inner, rows] (the
         gradient of the weights, whose inner length is the batch)
  train  net, batch, opt (adam; sgd with momentum 0.9), layout
  infer  net, batch, layout
  onnx   file (a model in ONNX's format), shape [C, H, W] of its images, batch; the files are those of
         Tests/Fixtures/write_torchvision_models.py FOLDER --open --side 224, FOLDER being $NORMA_ONNX_MODELS
"""
import os

SECTIONS = ("norm", "shapes", "family", "half", "conv", "products", "train", "infer", "onnx")

NET_INPUT = {"cs231n": (3072,), "mlp": (784,), "resnet20": (3, 32, 32)}
MLP_SIZES = {"cs231n": [3072, 100, 100, 100, 100, 100, 10], "mlp": [784, 512, 512, 10]}


def norms(kind, shape, layout, relu=False):
    """The passes of one normalization on one shape."""
    passes = ["fwd", "bwd"] + (["infer"] if kind == "bn" and not relu else [])
    if kind == "bn" and values_per_channel(shape) < 2:
        passes = ["infer"]
    return [
        {"sec": "norm", "norm": kind, "relu": relu, "shape": list(shape), "layout": layout, "pass": p,
         "name": f"{kind}{'+relu' if relu else ''}-{p} ({','.join(map(str, shape))}) {layout}"}
        for p in passes
    ]


def values_per_channel(shape):
    product = 1
    for length in shape:
        product *= length
    return product // shape[1]


def norm_cases():
    """The shapes of the tables."""
    images = [(128, 16, 32, 32), (128, 64, 32, 32), (64, 256, 14, 14), (32, 64, 56, 56), (32, 256, 56, 56)]
    cases = []
    for shape in [(64, 100), (256, 1024), (1024, 4096), (8192, 512)]:
        cases += norms("bn", shape, "nc")
    for shape in images:
        cases += norms("bn", shape, "nchw") + norms("bn", shape, "nhwc")
    cases += norms("ln", (8192, 768), "nc")
    cases += norms("gn", (32, 64, 56, 56), "nchw") + norms("gn", (32, 64, 56, 56), "nhwc")
    cases += norms("bn", (256, 1024), "nc", relu=True) + norms("bn", (8192, 512), "nc", relu=True)
    for shape in [images[0], images[2], images[3]]:
        cases += norms("bn", shape, "nchw", relu=True) + norms("bn", shape, "nhwc", relu=True)
    return cases


def further_shapes():
    """Shapes that the tables leave out: 1 row to a million, 1 channel to 4,096, lengths that are no power of two."""
    cases = []
    for shape in [(1, 4096), (2, 1), (2, 4096), (3, 7), (33, 1000), (50, 100), (256, 4096), (777, 2047), (1000, 1),
                  (4099, 129), (65536, 64), (100_003, 33), (1_000_000, 1), (1_000_000, 4)]:
        cases += norms("bn", shape, "nc")
    for shape in [(1, 3, 224, 224), (1, 64, 112, 112), (2, 30, 101, 97), (3, 512, 7, 7), (5, 4096, 3, 3),
                  (8, 3, 33, 31), (16, 96, 27, 27), (17, 100, 13, 13), (64, 2048, 7, 7), (128, 1, 28, 28)]:
        cases += norms("bn", shape, "nchw") + norms("bn", shape, "nhwc")
    cases += norms("bn", (777, 2047), "nc", relu=True)
    for layout in ("nchw", "nhwc"):
        cases += norms("bn", (17, 100, 13, 13), layout, relu=True)
    for shape in [(1, 768), (7, 100), (333, 1000), (4096, 4096), (1_000_000, 16)]:
        cases += norms("ln", shape, "nc")
    for shape in [(1, 32, 7, 7), (3, 96, 17, 19), (16, 512, 14, 14)]:
        cases += norms("gn", shape, "nchw") + norms("gn", shape, "nhwc")
    return cases + odd_shapes()


def family_cases():
    """The normalizations beside batch, layer and group normalization, and batch normalization of the same shapes to compare with."""
    cases = []
    for shape in [(4096, 64), (8192, 512), (65_536, 96), (1000, 333)]:
        for kind in ("bn", "masked", "ghost", "renorm"):
            cases += [case for case in norms(kind, shape, "nc") if case["pass"] != "infer"]
    for shape in [(32, 64, 56, 56), (64, 256, 14, 14), (128, 16, 32, 32)]:
        for kind in ("bn", "masked", "ghost", "renorm"):
            cases += [case for case in norms(kind, shape, "nhwc") if case["pass"] != "infer"]
    for shape in [(8192, 768), (4096, 4096), (512, 2048), (10_007, 65), (197, 192)]:
        cases += norms("rms", shape, "nc")
    for shape in [(32, 64, 56, 56), (16, 33, 41, 29), (128, 16, 32, 32)]:
        cases += norms("in", shape, "nchw") + norms("in", shape, "nhwc")
    for shape in [(64, 576), (256, 2304), (512, 512), (100, 3072)]:
        cases += norms("ws", shape, "nc")
    return cases


def half_cases():
    """Batch, layer and RMS normalization on tensors of half width, within the caches and beyond, and the same of full width."""
    cases = []
    for kind, shape, layout in [("bn", (8192, 512), "nc"), ("bn", (65_536, 96), "nc"), ("bn", (256, 1024), "nc"),
                                ("bn", (32, 64, 56, 56), "nhwc"), ("bn", (128, 16, 32, 32), "nhwc"),
                                ("bn", (64, 256, 14, 14), "nhwc"), ("ln", (8192, 768), "nc"), ("ln", (4096, 4096), "nc"),
                                ("ln", (3150, 384), "nc"), ("rms", (8192, 768), "nc"), ("rms", (4096, 4096), "nc"),
                                ("rms", (10_007, 65), "nc")]:
        for case in norms(kind, shape, layout):
            cases += [case] + [dict(case, dtype=dtype, name=f"{case['name']} {dtype}") for dtype in ("bfloat16", "float16")]
    return cases


def row_mask(count):
    """Which rows count: of each 128 the first 64 to 128."""
    return [row % 128 < 64 + row // 128 * 37 % 65 for row in range(count)]


def odd_shapes():
    """Forty rows more, of shapes that networks of other families have: many small planes, channels last of tens of megabytes,
    a thousand channels in a small batch, sequences, and lengths that fill no vector."""
    def passes(shape, layout, *wanted):
        return [case for case in norms("bn", shape, layout) if case["pass"] in wanted]

    cases = []
    for shape in [(256, 1000, 7, 7), (16, 4000, 7, 7), (49, 1280, 7, 7), (100, 333, 14, 14), (7, 2000, 5, 5)]:
        cases += passes(shape, "nchw", "fwd", "bwd")
    for shape in [(32, 80, 56, 56), (37, 200, 41, 29), (64, 512, 14, 14), (25, 320, 28, 28), (3, 480, 93, 61)]:
        cases += passes(shape, "nhwc", "fwd", "bwd")
    for shape in [(9, 1000), (19, 1023), (5, 3000), (300, 12), (20_001, 257)]:
        cases += passes(shape, "nc", "fwd", "bwd")
    for shape in [(2, 1001, 3, 5), (6, 1152, 7, 7)]:
        cases += passes(shape, "nhwc", "fwd", "bwd")
    for shape in [(197, 192), (3150, 384), (10_007, 65)]:
        cases += norms("ln", shape, "nc")
    return cases


def convolutions():
    """The layers of ResNet-20 at batch 128, and two of ResNet-18's on larger images."""
    layers = [((128, 3, 32, 32), 16, 3, 1), ((128, 16, 32, 32), 16, 3, 1), ((128, 16, 32, 32), 32, 3, 2),
              ((128, 16, 32, 32), 32, 1, 2), ((128, 32, 16, 16), 32, 3, 1), ((128, 32, 16, 16), 64, 3, 2),
              ((128, 64, 8, 8), 64, 3, 1), ((16, 64, 56, 56), 64, 3, 1), ((16, 256, 14, 14), 256, 3, 1)]
    return [dict(sec="conv", shape=list(shape), outputs=outputs, window=window, stride=stride,
                 name=f"conv-{p} ({','.join(map(str, shape))}) to {outputs} {window}x{window}"
                      + (f" stride {stride}" if stride > 1 else ""), **{"pass": p})
            for shape, outputs, window, stride in layers for p in ("fwd", "input", "weight")]


def products():
    """A linear layer forward, its gradients, and plain products: batches of one to thousands, narrow and wide, odd lengths."""
    shapes = {
        "transposed": [(1, 784, 512), (1, 3072, 100), (1, 512, 10), (2, 784, 512), (4, 512, 512), (8, 784, 512),
                       (16, 784, 512), (32, 1000, 1000), (33, 65, 17), (50, 3072, 100), (50, 100, 100), (64, 64, 100),
                       (128, 784, 512), (128, 512, 10), (256, 3072, 100), (777, 333, 129), (1000, 64, 1000),
                       (1437, 64, 100), (4096, 512, 512)],
        "plain": [(1, 512, 512), (8, 512, 784), (50, 100, 3072), (64, 256, 256), (128, 784, 512), (128, 512, 784),
                  (128, 10, 512), (256, 100, 100), (300, 301, 299), (512, 512, 512), (1024, 1024, 1024), (1437, 10, 100),
                  (2048, 32, 48), (8192, 64, 64)],
        "weight": [(100, 8, 100), (100, 50, 3072), (512, 128, 784), (10, 128, 512), (100, 256, 100), (10, 1437, 100),
                   (512, 4096, 512)],
    }
    return [dict(sec="product", shape=list(shape), name=f"product-{kind} ({','.join(map(str, shape))})", **{"pass": kind})
            for kind, list_of_shapes in shapes.items() for shape in list_of_shapes]


def operations(case):
    """Multiplications and additions of a product or a convolution, those with the padding's zeros included."""
    if case["sec"] == "product":
        rows, inner, columns = case["shape"]
        return 2 * rows * inner * columns
    n, channels, height, width = case["shape"]
    size, stride = case["window"], case["stride"]
    results = n * case["outputs"]
    for length in (height, width):
        results *= (length + 2 * (size // 2) - size) // stride + 1
    return 2 * results * channels * size * size


def train_cases():
    cases = [(net, batch, opt, "nc") for net, batch, opts in
             [("cs231n", 50, ("adam", "sgd")), ("cs231n", 256, ("adam", "sgd")), ("mlp", 128, ("sgd", "adam"))]
             for opt in opts]
    cases += [("resnet20", 128, "sgd", layout) for layout in ("nchw", "nhwc")]
    return [dict(sec="train", net=net, batch=batch, opt=opt, layout=layout,
                 name=f"train {net} b{batch} {opt}" + ("" if layout == "nc" else f" {layout}"))
            for net, batch, opt, layout in cases]


def infer_cases():
    cases = [(net, batch, "nc") for net in ("cs231n", "mlp") for batch in (1, 128)]
    cases += [("resnet20", batch, layout) for batch in (1, 128) for layout in ("nchw", "nhwc")]
    return [dict(sec="infer", net=net, batch=batch, layout=layout,
                 name=f"infer {net} b{batch}" + ("" if layout == "nc" else f" {layout}"))
            for net, batch, layout in cases]


ONNX_MODELS = ["resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_b0", "densenet121", "vgg16_bn",
               "convnext_tiny", "squeezenet1_1"]


def onnx_cases():
    """Other people's models, a few images and many at a time."""
    folder = os.path.abspath(os.environ.get("NORMA_ONNX_MODELS", "onnx-models"))
    return [dict(sec="onnx", name=f"onnx {net} b{batch}", file=f"{folder}/{net}/model.onnx", shape=[3, 224, 224], batch=batch)
            for batch in (1, 32) for net in ONNX_MODELS]


def make_cases(sections):
    """The cases of some of SECTIONS."""
    makers = {"norm": norm_cases, "shapes": further_shapes, "family": family_cases, "half": half_cases, "conv": convolutions, "products": products,
              "train": train_cases, "infer": infer_cases, "onnx": onnx_cases}
    return [case for name in SECTIONS if name in sections for case in makers[name]()]
