"""The fully connected layer y = x·Wᵀ + b, forward and backward."""

import torch.nn.functional as F

from .fixture import Fixture, in_both_precisions, normal, random_source


def cases() -> Fixture:
    result = Fixture()
    for name, leading, inputs, outputs in [
        ("n1_1_to_1", [1], 1, 1),
        ("n2_3_to_5", [2], 3, 5),
        ("n1_7_to_3", [1], 7, 3),
        ("n7_13_to_11", [7], 13, 11),
        ("n33_17_to_29", [33], 17, 29),
        ("n50_100_to_10", [50], 100, 10),
        ("n5_1_to_9", [5], 1, 9),
        ("n5_9_to_1", [5], 9, 1),
        ("rank3", [3, 5], 7, 4),
    ]:
        add(result, name, leading, inputs, outputs, bias=True)
        add(result, name + "_no_bias", leading, inputs, outputs, bias=False)
    return result


def add(result: Fixture, name: str, leading: list, input_count: int, output_count: int, bias: bool) -> None:
    source = random_source("linear", name)
    settings = {
        "name": name, "shape": leading + [input_count], "inputs": input_count, "outputs": output_count, "bias": bias}
    inputs = {
        "x": normal(source, leading + [input_count]),
        "dy": normal(source, leading + [output_count]),
        "weight": normal(source, [output_count, input_count]),
    }
    if bias:
        inputs["bias"] = normal(source, [output_count])

    def results(inputs):
        parameters = {name: tensor.requires_grad_() for name, tensor in inputs.items() if name != "dy"}
        y = F.linear(parameters["x"], parameters["weight"], parameters.get("bias"))
        y.backward(inputs["dy"])
        return {"y": y} | {f"d{name}": tensor.grad for name, tensor in parameters.items()}

    result.add_case(settings, in_both_precisions(inputs, results))
