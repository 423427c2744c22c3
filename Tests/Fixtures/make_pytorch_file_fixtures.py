"""Makes Tests/Fixtures/pytorch: files of torch.save, and files that look like them.

    python Tests/Fixtures/make_pytorch_file_fixtures.py [FOLDER]

Needs torch, numpy and safetensors; the committed files were made with torch 2.13.0 (CPU). Running it again gives the same bytes but for keys
of storages in `earlier.pt`, which are addresses.

- state.pt: tensors of every type, and every way to lie in a storage; `expected.safetensors` holds the same, contiguous.
- protocol4.pt, earlier.pt, big.pt: the same by a later protocol of pickle, in the form before PyTorch 1.6, and (without what numbers of several
  bytes do not tell) with the bytes of each number the other way round.
- module.pt, script.pt: a whole module and a TorchScript program, which are refused.
- checkpoint.pt: a state dictionary in a dictionary beside an optimizer's; two.pt: two of them, and no text, None and lists beside.
- system.pt: calls os.system, to make a file `called` in the folder where it is read; build.pt: the same by way of an attribute.
"""

import io
import os
import pathlib
import pickle
import sys
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import save_file

TYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8, torch.bool]


def count(*shape):
    total = 1
    for length in shape:
        total *= length
    return torch.arange(total).reshape(shape) - 3


def tensors():
    state = OrderedDict((str(kind).split(".")[1], (count(2, 3) % 2 if kind == torch.bool else count(2, 3)).to(kind))
                        for kind in TYPES)
    state["uint16"] = torch.tensor([1, 2, 65535], dtype=torch.uint16)
    state["scalar"] = torch.tensor(1.5)
    state["batches"] = torch.tensor(7)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(count(4).float() / 8)
    state["transposed"] = count(3, 5).float().t()
    state["channels_last"] = count(2, 3, 4, 5).float().contiguous(memory_format=torch.channels_last)
    shared = count(6, 4).double()
    state["shared.all"], state["shared.row"] = shared, shared[2]
    state["shared.column"], state["shared.steps"] = shared[:, 1], shared[1::2, ::3]
    state["one"] = count(2, 3).float()[:1, 1:2].expand(1, 1)
    return state


class Call:
    """What pickle takes for a call of os.system."""

    def __reduce__(self):
        return os.system, ("touch called",)


def archive(path, content, members=()):
    """A zip archive as PyTorch's, of any pickle."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, data in [("data.pkl", content), ("byteorder", b"little"), *members, ("version", b"3\n")]:
            file.writestr(zipfile.ZipInfo("archive/" + name), data)


def other_byte_order(path, target):
    with zipfile.ZipFile(path) as file, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as result:
        widths = {"float32": 4, "float64": 8, "int16": 2}
        for member in file.infolist():
            data = file.read(member)
            name = member.filename.split("/", 1)[1]
            if name == "byteorder":
                data = b"big"
            elif name.startswith("data/"):
                width = list(widths.values())[int(name[5:])]
                data = b"".join(data[i:i + width][::-1] for i in range(0, len(data), width))
            result.writestr(zipfile.ZipInfo("archive/" + name), data)


def main(folder):
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    torch.manual_seed(19)
    state = tensors()
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in state.items()}, "expected.safetensors")
    torch.save(state, "state.pt")
    torch.save(state, "protocol4.pt", pickle_protocol=4)
    torch.save(OrderedDict((name, tensor) for name, tensor in state.items() if name != "uint16"), "earlier.pt",
               _use_new_zipfile_serialization=False)
    some = io.BytesIO()
    torch.save(OrderedDict((name, state[name].clone()) for name in ["float32", "float64", "int16"]), some)
    other_byte_order(some, "big.pt")
    torch.save(torch.nn.Linear(2, 2), "module.pt")
    torch.jit.script(torch.nn.Linear(2, 2)).save("script.pt")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(count(4, 3).float()).square().sum().backward()
    optimizer.step()
    torch.save({"epoch": 3, "arch": "small", "model_state_dict": model.state_dict(), "optimizer": optimizer.state_dict(),
                "best": 0.5, "device": torch.device("cpu"), "best_loss": torch.tensor(0.25),
                "callbacks": {"best": {"score": torch.tensor(0.5)}}}, "checkpoint.pt")
    torch.save({"model": {"weight": count(2).float(), "steps": 5, "rate": 0.5, "done": True, "note": "text", "none": None},
                "averaged": {"weight": count(2).float() / 2}}, "two.pt")
    archive("system.pt", pickle.dumps({"weight": Call()}, protocol=2))
    # A dictionary's attributes are set by instances of a class elsewhere.
    archive("build.pt", b"\x80\x02ccollections\nOrderedDict\n)R" + b"cos\nsystem\n" + b"X\x0c\x00\x00\x00touch called\x85R" + b"b.")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "pytorch"))
