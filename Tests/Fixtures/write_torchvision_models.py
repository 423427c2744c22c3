"""Writes torchvision's architectures as ONNX models with an input and PyTorch's output each, as the folders that `norma check-onnx` takes:
a folder for each with model.onnx and test_data_set_0/{input,output}_0.pb.

    python Tests/Fixtures/write_torchvision_models.py FOLDER [--only REGEX] [--exporter dynamo|torchscript] [--mode eval|train]
                                                            [--batch N] [--open] [--side PIXELS]

Weights are drawn, statistics of batch normalization are those of no batch. Needs torch, torchvision 0.28, onnx and, for PyTorch's
default exporter (dynamo), onnxscript. Beside torchvision's architectures there are a transformer encoder and a U-Net. With --open the
length of the batch is left open, and --side says how large images are. In training mode nothing is dropped, so that outputs can be compared;
the default exporter writes the inference form of a model in training mode too, and has that form's output. With --double outputs are
computed in double precision, to tell whose rounding a difference is: a batch of two images leaves few values to normalize by, and what
comes of that is as far from double precision in PyTorch as here (1e-5 to 3e-4 of the largest output in fifteen architectures, 0.2 in
inception_v3, and less than 1e-5 in the others).
"""

import argparse
import pathlib
import re
import sys
import types
import warnings

# What the package registers for detection does not go with PyTorch's build for processors alone, and is not needed.
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))

import onnx
import torch
import torchvision
from onnx import numpy_helper
from torch import nn

NAMES = """alexnet convnext_tiny convnext_small densenet121 densenet161 densenet169 densenet201 efficientnet_b0 efficientnet_b1
efficientnet_b2 efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5 mnasnet1_0 mobilenet_v2 mobilenet_v3_large
mobilenet_v3_small regnet_x_400mf regnet_x_1_6gf regnet_y_400mf regnet_y_800mf resnet18 resnet34 resnet50 resnet101
resnext50_32x4d shufflenet_v2_x0_5 shufflenet_v2_x1_0 squeezenet1_0 squeezenet1_1 swin_t swin_v2_t vgg11 vgg11_bn vgg13
vgg16_bn vit_b_16 vit_b_32 wide_resnet50_2 transformer_encoder unet""".split()

# The images that an architecture takes, where it is not any of 64 by 64.
SIDES = {"alexnet": 224, "vgg11": 224, "vgg11_bn": 224, "vgg13": 224, "vgg16_bn": 224, "inception_v3": 96, "maxvit_t": 224, "vit_b_16": 224, "vit_b_32": 224, "swin_t": 64, "swin_v2_t": 64}


class UNet(nn.Module):
    """Two steps down and two up, by transposed convolutions and by interpolation."""

    def __init__(self):
        super().__init__()

        def block(inputs, outputs):
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
                nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())

        self.first, self.second, self.third = block(3, 16), block(16, 32), block(32, 64)
        self.up = nn.ConvTranspose2d(64, 32, 2, stride=2)
        self.back, self.last = block(64, 32), block(48, 16)
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x):
        a = self.first(x)
        b = self.second(nn.functional.max_pool2d(a, 2))
        c = self.third(nn.functional.max_pool2d(b, 2))
        d = self.back(torch.cat([self.up(c), b], 1))
        wide = nn.functional.interpolate(d, scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(self.last(torch.cat([wide, a], 1)))


def make(name, side=None):
    if name == "transformer_encoder":
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0, batch_first=True, activation="gelu")
        return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), (17, 64)
    if name == "unet":
        return UNet(), (3, 64, 64)
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    if name in ("googlenet", "inception_v3"):
        options["aux_logits"] = False
    side = side or SIDES.get(name, 64)
    return getattr(torchvision.models, name)(weights=None, **options), (3, side, side)


def prepare(model, is_training):
    generator = torch.Generator().manual_seed(7)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.copy_(0.3 * torch.randn(module.running_mean.shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(module.running_var.shape, generator=generator))
            with torch.no_grad():
                module.weight.copy_(0.7 + 0.6 * torch.rand(module.weight.shape, generator=generator))
                module.bias.copy_(0.2 * torch.randn(module.bias.shape, generator=generator))
        # Nothing is dropped.
        if is_training and "Drop" in type(module).__name__ and hasattr(module, "p"):
            module.p = 0
        if is_training and type(module).__name__ == "StochasticDepth":
            module.p = 0.0
    return model.train(is_training)


def write(folder, name, exporter, is_training, batch, is_open, side, is_double):
    torch.manual_seed(len(name) + batch)
    model, shape = make(name, side)
    model = prepare(model, is_training)
    x = torch.randn(batch, *shape)
    place = folder / name
    (place / "test_data_set_0").mkdir(parents=True, exist_ok=True)
    file = str(place / "model.onnx")
    options = {}
    if is_training:
        options = {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
    if is_open:
        options["dynamic_shapes" if exporter == "dynamo" else "dynamic_axes"] = (
            ({0: torch.export.Dim("batch")},) if exporter == "dynamo" else {"images": {0: "batch"}})
        if exporter != "dynamo":
            options["input_names"] = ["images"]
    with torch.no_grad():
        if exporter == "dynamo":
            options.pop("training", None)
            options.pop("do_constant_folding", None)
            torch.onnx.export(model, (x,), file, dynamo=True, verbose=False, **options)
        else:
            torch.onnx.export(model, (x,), file, dynamo=False, **options)
        # The statistics that training moves are not looked at.
        model.train(is_training and exporter != "dynamo")
        y = model.double()(x.double()).float() if is_double else model(x)
    for role, tensor in [("input", x), ("output", y)]:
        data = numpy_helper.from_array(tensor.detach().numpy(), role).SerializeToString()
        (place / "test_data_set_0" / f"{role}_0.pb").write_bytes(data)
    graph = onnx.load(file, load_external_data=False).graph
    for index in range(1, len(graph.output)):
        print(f"{name}: output {index} is {graph.output[index].name}", file=sys.stderr)


def main():
    # What PyTorch runs in inference in place of an encoder's layers has no form in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default=".")
    parser.add_argument("--exporter", choices=["dynamo", "torchscript"], default="dynamo")
    parser.add_argument("--mode", choices=["eval", "train"], default="eval")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--side", type=int, help="of the images, where the architecture leaves it open")
    parser.add_argument("--double", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in NAMES:
        if not re.search(options.only, name):
            continue
        try:
            write(options.folder, name, options.exporter, options.mode == "train", options.batch, options.open,
                  options.side, options.double)
            print(name, flush=True)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}", flush=True)


if __name__ == "__main__":
    main()
