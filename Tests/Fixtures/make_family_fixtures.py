"""Torchvision's families of networks, and what Norma makes of their state dictionaries.

    python Tests/Fixtures/make_family_fixtures.py --names            writes Tests/Fixtures/families.txt
    python Tests/Fixtures/make_family_fixtures.py FOLDER NAME …      writes state dictionaries and what the networks compute
    python Tests/Fixtures/make_family_fixtures.py --check FOLDER NAME …

Needs torch, torchvision, numpy and safetensors; the committed file was made with torch 2.13.0 (CPU) and torchvision 0.28.0.

families.txt has a line `= NAME COUNT CHECKSUM ORDER` for each network: how many entries its state dictionary has, the CRC-32 of the lines
`ENTRY SHAPE` in the order of their names, and that of the names of its parameters in their own order. For one network of each family these lines
follow, where `ENTRY norm C` stands for the five of a batch normalization of C channels.

For each NAME the second form writes NAME.pt, drawn weights and the statistics of a batch, and NAME.safetensors with `x`, images with their channels
last, `y`, in float64, what the network makes of them in double precision, in inference, and `distance`, that of what it makes of them in
float32, relative to the largest. With --check, back-NAME.safetensors in the
folder, which Norma wrote, is loaded strictly and must have the same bits.
"""

import collections
import pathlib
import sys
import types
import zlib

# What the package registers for detection does not go with PyTorch's build for processors alone, and is not needed.
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))

import torch
import torch.nn.functional as functional
import torchvision
from safetensors.torch import load_file, save_file

FAMILIES = [
    "resnet18 resnet34", "resnet50 resnet101 resnet152 resnext50_32x4d resnext101_32x8d resnext101_64x4d wide_resnet50_2 wide_resnet101_2",
    "vgg11_bn vgg13_bn vgg16_bn vgg19_bn", "vgg11 vgg13 vgg16 vgg19", "alexnet", "squeezenet1_1 squeezenet1_0", "googlenet", "mobilenet_v2",
    "mobilenet_v3_small mobilenet_v3_large", "densenet121 densenet161 densenet169 densenet201",
    "efficientnet_b0 efficientnet_b1 efficientnet_b2 efficientnet_b3 efficientnet_b4 efficientnet_b5 efficientnet_b6 efficientnet_b7",
    "efficientnet_v2_s efficientnet_v2_m efficientnet_v2_l",
    "regnet_x_400mf regnet_x_800mf regnet_x_1_6gf regnet_x_3_2gf regnet_x_8gf regnet_x_16gf regnet_x_32gf",
    "regnet_y_400mf regnet_y_800mf regnet_y_1_6gf regnet_y_3_2gf regnet_y_8gf regnet_y_16gf regnet_y_32gf regnet_y_128gf",
    "shufflenet_v2_x0_5 shufflenet_v2_x1_0 shufflenet_v2_x1_5 shufflenet_v2_x2_0", "mnasnet0_5 mnasnet0_75 mnasnet1_0 mnasnet1_3",
    "convnext_tiny convnext_small convnext_base convnext_large",
]
NORM = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


def make(name, classes):
    options = dict(aux_logits=False, init_weights=False) if name == "googlenet" else {}
    return getattr(torchvision.models, name)(num_classes=classes, **options)


def shape_text(tensor):
    return "x".join(map(str, tensor.shape)) or "-"


def write_names(path):
    # Networks are only described; what RegNet computes its widths by has to have numbers.
    parameters = torchvision.models.regnet.BlockParams
    computed = parameters.from_init_params.__func__

    def on_processor(cls, **options):
        with torch.device("cpu"):
            return computed(cls, **options)

    parameters.from_init_params = classmethod(on_processor)
    lines = []
    for family in FAMILIES:
        for place, name in enumerate(family.split()):
            with torch.device("meta"):
                net = make(name, 1000)
            state = net.state_dict()
            entries = [f"{key} {shape_text(value)}" for key, value in state.items()]
            checksum = zlib.crc32("\n".join(sorted(entries)).encode())
            order = zlib.crc32("\n".join(key for key, _ in net.named_parameters()).encode())
            lines.append(f"= {name} {len(entries)} {checksum} {order}")
            if place > 0:
                continue
            norms = {key[:-len("running_var")] for key in state if key.endswith("running_var")}
            for key, value in state.items():
                prefix = key[:key.rfind(".") + 1]
                if prefix not in norms:
                    lines.append(f"{key} {shape_text(value)}")
                elif key.endswith(".weight"):
                    lines.append(f"{prefix[:-1]} norm {value.shape[0]}")
    path.write_text("\n".join(lines) + "\n")


# The layers that end the branch of a residual block, by the blocks' types.
ENDS = {
    "BasicBlock": "bn2", "Bottleneck": "bn3", "ResBottleneckBlock": "f", "MBConv": "block", "FusedMBConv": "block",
    "_InvertedResidual": "layers",
}


def images(count, side):
    """Coarse patterns under noise: of noise alone, the deeper layers of all images are nearly the same."""
    return functional.interpolate(torch.randn(count, 3, 6, 6), size=side, mode="bicubic") + 0.3 * torch.randn(count, 3, side, side)


def write(folder, name):
    torch.manual_seed(zlib.crc32(name.encode()))
    net = make(name, 10)
    side = 96 if name == "alexnet" else 64
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for module in norms:
            module.weight.uniform_(0.5, 1)
            module.momentum = None
        for module in net.modules():
            if end := ENDS.get(type(module).__name__):
                [*filter(norms.__contains__, getattr(module, end).modules())][-1].weight.uniform_(0.1, 0.3)
        for key, parameter in net.named_parameters():
            if key.endswith("layer_scale"):
                parameter.uniform_(0.2, 1)
            elif key.endswith("bias"):
                parameter.uniform_(-0.5, 0.5)
        if norms:
            net.train()(images(16, side))
        # Where a channel's mean is many deviations, float32 itself loses as many digits: not here.
        for module in norms:
            module.running_var += 0.1 * module.running_mean**2
        x = images(2, side)
        torch.save(net.state_dict(), folder / f"{name}.pt")
        net.eval()
        single = net(x)
        y = net.double()(x.double())
        distance = (single - y).abs().max() / y.abs().max()
    save_file({"x": x.permute(0, 2, 3, 1).contiguous(), "y": y, "distance": distance}, folder / f"{name}.safetensors")


def check(folder, name):
    net = make(name, 10)
    back = collections.OrderedDict(load_file(folder / f"back-{name}.safetensors"))
    # How state dictionaries are versioned, which tensors do not say; without it MNASNet takes one for its first version's.
    back._metadata = net.state_dict()._metadata
    net.load_state_dict(back, strict=True)
    original = torch.load(folder / f"{name}.pt", weights_only=True)
    changed = [key for key in original if original[key].dtype != back[key].dtype or not torch.equal(original[key], back[key])]
    if changed:
        sys.exit(f"{name}: changed {changed[:10]}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[0] == "--names":
        write_names(pathlib.Path(__file__).parent / "families.txt")
    elif arguments[0] == "--check":
        for name in arguments[2:]:
            check(pathlib.Path(arguments[1]), name)
    else:
        for name in arguments[1:]:
            write(pathlib.Path(arguments[0]), name)
