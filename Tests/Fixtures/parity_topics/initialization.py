"""The bounds and deviations of Xavier's and Kaiming's initializations, checked against weights that PyTorch draws."""

import math

import torch
from torch.nn import init

from .fixture import Fixture

# name: (PyTorch's function, what `value` is, PyTorch's settings)
DRAWS = {
    "xavier_uniform": (init.xavier_uniform_, "bound", {}),
    "xavier_normal": (init.xavier_normal_, "deviation", {}),
    "kaiming_uniform": (init.kaiming_uniform_, "bound", {"nonlinearity": "relu"}),
    "kaiming_normal": (init.kaiming_normal_, "deviation", {"nonlinearity": "relu"}),
}


def cases() -> Fixture:
    result = Fixture()
    for scheme in DRAWS:
        for inputs, outputs in [(64, 100), (100, 10), (1, 1), (7, 1), (3, 1001)]:
            value = formula(scheme, inputs, outputs)
            if inputs * outputs > 5000:
                check_against_draws(scheme, inputs, outputs, value)
            settings = {
                "name": f"{scheme}_{inputs}_to_{outputs}", "scheme": scheme, "inputs": inputs, "outputs": outputs,
                "measure": DRAWS[scheme][1]}
            result.add_case(settings, {"value": torch.tensor([value], dtype=torch.float64)})
    return result


def formula(scheme: str, inputs: int, outputs: int) -> float:
    """Glorot & Bengio 2010, equation 16: variance 2 / (inputs + outputs); He et al. 2015, equation 10: 2 / inputs."""
    variance = 2 / (inputs + outputs) if scheme.startswith("xavier") else 2 / inputs
    # A uniform draw between −b and b has variance b²/3.
    return math.sqrt(3 * variance) if scheme.endswith("uniform") else math.sqrt(variance)


def check_against_draws(scheme: str, inputs: int, outputs: int, value: float) -> None:
    draw, measure, settings = DRAWS[scheme]
    generator = torch.Generator().manual_seed(1)
    weights = draw(torch.empty(outputs, inputs, dtype=torch.float64), generator=generator, **settings)
    measured = weights.abs().max().item() if measure == "bound" else weights.std().item()
    if not math.isclose(measured, value, rel_tol=0.03):
        raise RuntimeError(f"{scheme} {inputs} to {outputs}: PyTorch draws {measured}, the formula says {value}")
