"""Loads state dictionaries that Norma wrote into PyTorch's networks, and compares them with those it was given.

    python Tests/Fixtures/check_conversion.py FOLDER

FOLDER was made by make_conversion_fixtures.py, and for each NAME.safetensors in it Norma wrote back-NAME.safetensors. Prints a
line for each network to standard error; ends with status 1 if one has other bits, or computes something else.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file

from make_conversion_fixtures import NETWORKS, channels_first

folder = pathlib.Path(sys.argv[1])
expected = load_file(folder / "expected.safetensors")
failures = 0
for constructor in NETWORKS:
    name = constructor.__name__
    net = constructor()
    back = load_file(folder / f"back-{name}.safetensors")
    # Where Norma needs no bias, it comes back without: a bias of 0 stands for it.
    missing, unexpected = net.load_state_dict(back, strict=False)
    for key in missing:
        net.get_parameter(key).data.zero_()
    original = load_file(folder / f"{name}.safetensors")
    changed = [key for key in original if key not in back or not torch.equal(original[key], back[key])]
    with torch.no_grad():
        y = net.double().eval()(channels_first(expected[f"{name}.x"].double()))
    error = ((y - expected[f"{name}.y"]).abs().max() / expected[f"{name}.y"].abs().max()).item()
    print(f"{name}: {len(original)} entries, changed {sorted(changed)}, outputs differ by {error:.1e}",
          file=sys.stderr)
    # The running means that took in a bias are the only numbers that may change.
    cancelled = {"0.bias", "4.bias", "1.running_mean", "5.running_mean"} if name == "mlp_biased" else set()
    if set(changed) != cancelled or set(missing) - cancelled or unexpected or error > 1e-5:
        failures += 1
sys.exit(failures > 0)
