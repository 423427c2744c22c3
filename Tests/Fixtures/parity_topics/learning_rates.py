"""Learning-rate schedules: the rate of every step, by PyTorch's schedulers and checked against the stated formula."""

import math

import torch
from torch.optim import lr_scheduler

from .fixture import Fixture

FORMULAS = {
    "constant": "r",
    "step": "r * factor ^ floor(k / interval)",
    "milestones": "r * factor ^ (how many milestones <= k)",
    "one_cycle":
        "k <= peak = rise * steps - 1: r + (start - r) * (1 + cos(pi * k / peak)) / 2; "
        "then: final + (r - final) * (1 + cos(pi * (k - peak) / (steps - 1 - peak))) / 2",
    "cosine": "final + (r - final) * (1 + cos(pi * k / steps)) / 2",
    "warm_up_cosine":
        "k < warm_up: r * (start + (1 - start) * k / ramp); "
        "k >= warm_up: final + (r - final) * (1 + cos(pi * (k - warm_up) / (steps - warm_up))) / 2",
}


def case(name, schedule, rate, steps, *, factor=None, interval=None, final=None, warm_up=None, start=None, ramp=None,
         milestones=None, rise=None):
    """A case as it stands in the file; None where the schedule has no such setting."""
    return {
        "name": name, "schedule": schedule, "rate": rate, "steps": steps, "factor": factor, "interval": interval,
        "final": final, "warm_up": warm_up, "start": start, "ramp": ramp, "milestones": milestones, "rise": rise,
        "formula": FORMULAS[schedule],
    }


def cases() -> Fixture:
    result = Fixture()
    for settings in [
        case("constant", "constant", 0.01, 10),
        case("step", "step", 0.1, 20, factor=0.1, interval=5),
        case("step_every", "step", 1e-3, 12, factor=0.95, interval=1),
        case("step_odd", "step", 0.3, 23, factor=0.5, interval=7),
        case("milestones", "milestones", 0.1, 20, factor=0.1, milestones=[5, 12, 13]),
        case("milestones_twice", "milestones", 0.3, 9, factor=0.5, milestones=[4, 4, 100]),
        case("one_cycle", "one_cycle", 0.1, 30, rise=0.3, start=0.004, final=4e-7),
        case("one_cycle_late", "one_cycle", 0.02, 37, rise=0.75, start=0.002, final=2e-6),
        case("cosine", "cosine", 0.1, 20, final=0.0),
        case("cosine_final", "cosine", 3e-4, 37, final=1e-5),
        case("cosine_one_step", "cosine", 0.1, 1, final=0.0),
        # The first step of the warm-up runs at `start` of the rate and step `warm_up` is the first at the whole rate.
        case("warm_up_cosine", "warm_up_cosine", 0.1, 30, final=0.0, warm_up=5, start=0.2, ramp=5),
        case("warm_up_cosine_final", "warm_up_cosine", 1e-3, 41, final=1e-5, warm_up=10, start=1e-3, ramp=10),
        # The rate is (k + 1) / warm_up of the whole in step k.
        case("warm_up_cosine_inclusive", "warm_up_cosine", 0.1, 30, final=0.0, warm_up=5, start=0.2, ramp=4),
    ]:
        rates = scheduled_rates(settings)
        for step, rate in enumerate(rates):
            if not math.isclose(rate, formula(settings, step), rel_tol=1e-12, abs_tol=1e-15):
                raise RuntimeError(f"{settings['name']}: PyTorch has {rate} in step {step}, not the stated formula's")
        result.add_case(settings, {"rates": torch.tensor(rates, dtype=torch.float64)})
    return result


def scheduled_rates(settings: dict) -> list:
    """The rates of steps 0 to `steps`, the last of them the one after all steps are done."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=settings["rate"])
    scheduler = make_scheduler(settings, optimizer)
    rates = []
    # PyTorch's cycle is over after its last step, and knows of no further one.
    count = settings["steps"] + (settings["schedule"] != "one_cycle")
    for step in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < count:
            scheduler.step()
    return rates if count > settings["steps"] else rates + rates[-1:]


def make_scheduler(settings: dict, optimizer: torch.optim.Optimizer):
    schedule, steps, final = settings["schedule"], settings["steps"], settings["final"]
    if schedule == "constant":
        return lr_scheduler.ConstantLR(optimizer, factor=1.0)
    if schedule == "step":
        return lr_scheduler.StepLR(optimizer, step_size=settings["interval"], gamma=settings["factor"])
    if schedule == "milestones":
        return lr_scheduler.MultiStepLR(optimizer, milestones=settings["milestones"], gamma=settings["factor"])
    if schedule == "one_cycle":
        return lr_scheduler.OneCycleLR(
            optimizer, max_lr=settings["rate"], total_steps=steps, pct_start=settings["rise"],
            div_factor=settings["rate"] / settings["start"], final_div_factor=settings["start"] / final,
            cycle_momentum=False)
    if schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=final)
    warm_up = settings["warm_up"]
    return lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, start_factor=settings["start"], total_iters=settings["ramp"]),
            lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps - warm_up, eta_min=final),
        ],
        milestones=[warm_up])


def formula(settings: dict, k: int) -> float:
    """The formula of `FORMULAS`, as it is written there."""
    schedule, r, steps, final = settings["schedule"], settings["rate"], settings["steps"], settings["final"]
    if schedule == "constant":
        return r
    if schedule == "step":
        return r * settings["factor"] ** (k // settings["interval"])
    if schedule == "milestones":
        return r * settings["factor"] ** sum(milestone <= k for milestone in settings["milestones"])
    if schedule == "one_cycle":
        start, k = settings["start"], min(k, steps - 1)
        peak = settings["rise"] * steps - 1
        if k <= peak:
            return r + (start - r) * (1 + math.cos(math.pi * k / peak)) / 2
        return final + (r - final) * (1 + math.cos(math.pi * (k - peak) / (steps - 1 - peak))) / 2
    if schedule == "cosine":
        return final + (r - final) * (1 + math.cos(math.pi * k / steps)) / 2
    warm_up, start = settings["warm_up"], settings["start"]
    if k < warm_up:
        return r * (start + (1 - start) * k / settings["ramp"])
    return final + (r - final) * (1 + math.cos(math.pi * (k - warm_up) / (steps - warm_up))) / 2
