"""Self-attention and blocks of a transformer, forward and all gradients."""

import torch

from .fixture import Fixture, in_double_precision, normal, random_source


def case(name, shape, heads, *, hidden=None, causal=False, bias=True, rms=False, first=False, activation=None):
    """A case as it stands in the file; without `hidden` it is of attention alone."""
    return {
        "name": name, "shape": list(shape), "heads": heads, "hidden": hidden, "causal": causal, "bias": bias,
        "rms": rms, "first": first, "activation": activation,
    }


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("attention_1_head", [2, 4, 3], 1),
        case("attention_2_heads_causal", [2, 5, 6], 2, causal=True),
        case("attention_3_heads_no_bias", [1, 7, 6], 3, bias=False),
        case("attention_one_place", [3, 1, 4], 2, causal=True),
        case("block_layer_last_relu", [2, 3, 4], 2, hidden=6, activation="relu"),
        case("block_layer_first_gelu", [2, 3, 4], 2, hidden=5, first=True, activation="gelu"),
        case("block_rms_first_gelu_causal", [2, 4, 6], 3, hidden=5, rms=True, first=True, activation="gelu",
             causal=True),
        case("block_rms_last_relu", [1, 5, 4], 1, hidden=7, rms=True, activation="relu"),
    ]:
        add(result, settings)
    return result


def make(settings: dict, dtype: torch.dtype) -> torch.nn.Module:
    width = settings["shape"][2]
    if settings["hidden"] is None:
        return torch.nn.MultiheadAttention(width, settings["heads"], bias=settings["bias"], batch_first=True,
                                           dtype=dtype)
    block = torch.nn.TransformerEncoderLayer(
        width, settings["heads"], settings["hidden"], dropout=0, activation=settings["activation"], batch_first=True,
        norm_first=settings["first"], dtype=dtype)
    if settings["rms"]:
        block.norm1 = torch.nn.RMSNorm(width, eps=1e-5, dtype=dtype)
        block.norm2 = torch.nn.RMSNorm(width, eps=1e-5, dtype=dtype)
    return block


def add(result: Fixture, settings: dict) -> None:
    source = random_source("transformer", settings["name"])
    inputs = {"x": normal(source, settings["shape"]), "dy": normal(source, settings["shape"])}
    for name, parameter in make(settings, torch.float64).named_parameters():
        is_scale = "norm" in name and name.endswith("weight")
        inputs[name] = normal(source, list(parameter.shape), mean=1.0 if is_scale else 0.0, deviation=0.4)

    def results(inputs):
        x = inputs["x"].requires_grad_()
        module = make(settings, x.dtype)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(inputs[name])
        length = settings["shape"][1]
        mask = None
        if settings["causal"]:
            mask = torch.nn.Transformer.generate_square_subsequent_mask(length, dtype=x.dtype)
        y = module(x, x, x, attn_mask=mask)[0] if settings["hidden"] is None else module(x, src_mask=mask)
        y.backward(inputs["dy"])
        return {"y": y, "dx": x.grad} | {f"d{name}": parameter.grad for name, parameter in module.named_parameters()}

    result.add_case(settings, in_double_precision(inputs, results))
