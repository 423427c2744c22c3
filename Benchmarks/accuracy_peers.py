#!/usr/bin/env python3
"""Accuracy of float32 batch normalization, products and convolutions, ours and the peers', against a float64 NumPy reference.

    accuracy_peers.py [--norma COMMAND] [--json out.jsonl] [--seeds 3]

For each case the inputs are rounded to float32 first and the reference is computed in float64 from
those rounded values, so the errors are the implementation's own, not the input's. Errors are
    mean   max |m - ref| / max(|ref|, std)          (relative to the larger of mean and std)
    var    max |v - ref| / ref
    y      max |y - ref| / max |ref|                (y before scale/shift matters is ~1)
    dx     max |dx - ref| / max |ref|
    dgamma, dbeta   max |d - ref| / max |ref|
and for products and convolutions, whose errors grow with the number of terms of a sum, in units of 2^-24, half a unit in
the last place of 1,
    y, dx, dweight  max |r - ref| / sum |x w|       (over the absolute values of the terms of that very sum)
and the worst over `--seeds` seeds is reported; where the reference is 0 (the constant case) errors are absolute.
eps = 1e-5, gamma in [0.5,1.5], dy ~ N(0,1).
"norma" is the command's `bench accuracy`, from file to file; it ends with what exceeds --bound, if anything does, and with the
ratio of our products' and convolutions' errors to oneDNN's (its dnnl_sgemm; torch's convolutions are oneDNN's).
var from torch is recovered from save_invstd (1/invstd^2 - eps), so the float32 rounding of invstd is
in torch's var column (about 1e-7 relative at std 1, amplified by eps/var when var is tiny).
"jax fast(flax)" re-implements flax's default E[x^2]-E[x]^2; flax itself is not installed.
oneDNN is called through build/libonednn_bn.so (./setup makes it).
"""
import argparse
import ctypes
import json
import os
import shlex
import subprocess
import sys
import tempfile

import numpy as np

from peers.driving import BUILD, FOLDER

EPS = 1e-5


def cases():
    return [
        ("normal (256,1024)", (256, 1024), 0.0, 1.0),
        ("normal (128,64,32,32)", (128, 64, 32, 32), 0.0, 1.0),
        ("mean 1e3 std 1 (256,1024)", (256, 1024), 1e3, 1.0),
        ("mean 1e3 std 1 (64,32,16,16)", (64, 32, 16, 16), 1e3, 1.0),
        ("mean 1e4 std 0.1 (256,1024)", (256, 1024), 1e4, 0.1),
        ("mean 1e4 std 0.1 (64,32,16,16)", (64, 32, 16, 16), 1e4, 0.1),
        ("N=1e6 C=4 normal", (1_000_000, 4), 0.0, 1.0),
        ("N=1e6 C=4 mean 1e3", (1_000_000, 4), 1e3, 1.0),
        ("constant 1e3 (256,64)", (256, 64), 1e3, 0.0),
    ]


def product_cases():
    """Rows, terms and columns of x W^T; and images [N, C, H, W], outputs and the window of a convolution."""
    return [((64, 100, 100), None), ((128, 784, 512), None), ((50, 3072, 100), None), ((333, 255, 65), None),
            ((100, 64, 1437), None), ((8, 3, 33, 31), (16, 5)), ((8, 16, 32, 32), (16, 3)), ((4, 64, 14, 14), (100, 3)),
            ((2, 256, 14, 14), (256, 3)), ((4, 130, 9, 9), (64, 1))]


def red(x):
    return tuple(i for i in range(x.ndim) if i != 1)


def bc(v, x):
    return v.reshape((1, -1) + (1,) * (x.ndim - 2))


def reference(x, g, b, dy):
    x, g, b, dy = (a.astype(np.float64) for a in (x, g, b, dy))
    r, n = red(x), x.size / x.shape[1]
    mean = x.mean(r)
    xc = x - bc(mean, x)
    var = (xc * xc).mean(r)
    inv = 1 / np.sqrt(var + EPS)
    xh = xc * bc(inv, x)
    dg, db = (dy * xh).sum(r), dy.sum(r)
    dx = bc(g * inv, x) * (dy - bc(db / n, x) - xh * bc(dg / n, x))
    return dict(mean=mean, var=var, y=xh * bc(g, x) + bc(b, x), dx=dx, dgamma=dg, dbeta=db)


def make_torch(channels_last):
    import torch

    def run(x, g, b, dy):
        t = [torch.from_numpy(a.copy()) for a in (x, g, b, dy)]
        if channels_last and x.ndim == 4:
            t[0], t[3] = (t[i].contiguous(memory_format=torch.channels_last) for i in (0, 3))
        xt, gt, bt, dyt = t
        for a in (xt, gt, bt):
            a.requires_grad_(True)
        y = torch.nn.functional.batch_norm(xt, None, None, gt, bt, True, 0.1, EPS)
        y.backward(dyt)
        with torch.no_grad():
            _, m, inv = torch.native_batch_norm(xt, gt, bt, None, None, True, 0.1, EPS)
        return dict(mean=m.numpy(), var=1 / inv.numpy().astype(np.float64) ** 2 - EPS, y=y.detach().numpy(),
                    dx=xt.grad.numpy(), dgamma=gt.grad.numpy(), dbeta=bt.grad.numpy())
    return run


def make_jax(fast):
    import jax
    import jax.numpy as jnp

    def f(x, g, b):
        r = red(x)
        m = x.mean(r)
        v = jnp.maximum(0.0, jnp.mean(x * x, r) - m * m) if fast else jnp.mean(jnp.square(x - bc(m, x)), r)
        return (x - bc(m, x)) * bc(jax.lax.rsqrt(v + EPS) * g, x) + bc(b, x), (m, v)

    @jax.jit
    def both(x, g, b, dy):
        y, vjp, (m, v) = jax.vjp(f, x, g, b, has_aux=True)
        return (y, m, v) + vjp(dy)

    def run(x, g, b, dy):
        y, m, v, dx, dg, db = (np.asarray(a) for a in both(x, g, b, dy))
        return dict(mean=m, var=v, y=y, dx=dx, dgamma=dg, dbeta=db)
    return run


def make_onednn(layout):
    library = ctypes.CDLL(os.path.join(BUILD, "libonednn_bn.so"))

    def pointer(array):
        return array.ctypes.data_as(ctypes.c_void_p)

    def run(x, g, b, dy):
        n, c = x.shape[:2]
        h, w = x.shape[2:] if x.ndim == 4 else (1, 1)
        nhwc = layout == 1 and x.ndim == 4
        if nhwc:
            x, dy = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)) for a in (x, dy))
        y, dx = np.empty_like(x), np.empty_like(x)
        mean, var, dgamma, dbeta = (np.empty(c, np.float32) for _ in range(4))
        status = library.onednn_bn(
            n, c, h, w, layout, ctypes.c_float(EPS), *map(pointer, (x, g, b, dy, y, mean, var, dx, dgamma, dbeta)))
        if status:
            raise RuntimeError(f"oneDNN status {status - 1}")
        if nhwc:
            y, dx = y.transpose(0, 3, 1, 2), dx.transpose(0, 3, 1, 2)
        return dict(mean=mean, var=var, y=y, dx=dx, dgamma=dgamma, dbeta=dbeta)
    return run


def make_norma(command, layout):
    from safetensors.numpy import load_file, save_file

    def run(x, g, b, dy):
        nhwc = layout == "nhwc" and x.ndim == 4
        if nhwc:
            x, dy = (np.ascontiguousarray(a.transpose(0, 2, 3, 1)) for a in (x, dy))
        with tempfile.TemporaryDirectory() as folder:
            source, result = (os.path.join(folder, name) for name in ("batch.safetensors", "result.safetensors"))
            save_file({"x": x, "dy": dy, "gamma": g, "beta": b}, source)
            subprocess.run([*command, "bench", "accuracy", source, result, "--layout", layout], check=True)
            got = load_file(result)
        got["var"] = got.pop("variance")
        if nhwc:
            got["y"], got["dx"] = (got[name].transpose(0, 3, 1, 2) for name in ("y", "dx"))
        return got
    return run


def norma_product(command):
    from safetensors.numpy import load_file, save_file

    def run(x, w, dy):
        with tempfile.TemporaryDirectory() as folder:
            source, result = (os.path.join(folder, name) for name in ("batch.safetensors", "result.safetensors"))
            save_file({"x": x, "dy": dy, "weight": w}, source)
            subprocess.run([*command, "bench", "accuracy", source, result], check=True)
            return load_file(result)
    return run


def torch_product(dtype=None):
    """In float32, or exact enough to be the reference."""
    import torch

    def run(x, w, dy):
        x, w, dy = (torch.from_numpy(a.copy()).to(dtype or torch.float32) for a in (x, w, dy))
        x.requires_grad_(True)
        w.requires_grad_(True)
        y = x @ w.T if x.ndim == 2 else torch.nn.functional.conv2d(x, w, padding=w.shape[-1] // 2)
        y.backward(dy)
        return dict(y=y.detach().numpy(), dx=x.grad.numpy(), dweight=w.grad.numpy())
    return run


def jax_product():
    import jax

    def f(x, w):
        if x.ndim == 2:
            return x @ w.T
        padding = [(w.shape[-1] // 2,) * 2] * 2
        return jax.lax.conv_general_dilated(x, w, (1, 1), padding)

    @jax.jit
    def both(x, w, dy):
        y, vjp = jax.vjp(f, x, w)
        return (y,) + vjp(dy)

    def run(x, w, dy):
        return dict(zip(("y", "dx", "dweight"), (np.asarray(a) for a in both(x, w, dy))))
    return run


def onednn_product():
    library = ctypes.CDLL(os.path.join(BUILD, "libonednn_bn.so"))

    def times(a, transposes_a, b, transposes_b):
        rows, inner = a.shape[::-1] if transposes_a else a.shape
        columns = b.shape[0] if transposes_b else b.shape[1]
        c = np.empty((rows, columns), np.float32)
        long, char, f32 = ctypes.c_int64, ctypes.c_char, ctypes.c_float
        status = library.dnnl_sgemm(
            char(b"NT"[transposes_a]), char(b"NT"[transposes_b]), long(rows), long(columns), long(inner), f32(1),
            a.ctypes.data_as(ctypes.c_void_p), long(a.shape[1]), b.ctypes.data_as(ctypes.c_void_p), long(b.shape[1]),
            f32(0), c.ctypes.data_as(ctypes.c_void_p), long(columns))
        if status:
            raise RuntimeError(f"oneDNN status {status}")
        return c

    def run(x, w, dy):
        return dict(y=times(x, False, w, True), dx=times(dy, False, w, False), dweight=times(dy, True, x, False))
    return run


def product_implementations(a):
    made = {}
    if a.norma:
        made["norma"] = norma_product(shlex.split(a.norma))
    made["torch"] = torch_product()
    if not a.no_jax:
        made["jax"] = jax_product()
    if not a.no_onednn:
        made["onednn"] = onednn_product()
    return made


def compare_products(a, js):
    """Prints the errors, and returns for each case the ratio of our largest to oneDNN's."""
    import torch

    made, exact, ratios = product_implementations(a), torch_product(torch.float64), []
    keys = ["y", "dx", "dweight"]
    for shape, convolution in product_cases():
        worst = {k: {} for k in made}
        for seed in range(a.seeds):
            rng = np.random.default_rng(seed)
            if convolution:
                outputs, window = convolution
                size, weight = shape, (outputs, shape[1], window, window)
                result = (shape[0], outputs) + tuple(n + 2 * (window // 2) - window + 1 for n in shape[2:])
            else:
                size, weight, result = shape[:2], (shape[2], shape[1]), (shape[0], shape[2])
            x, w, dy = (rng.standard_normal(s).astype(np.float32) for s in (size, weight, result))
            ref, scale = exact(x, w, dy), exact(*map(np.abs, (x, w, dy)))
            for k, f in made.items():
                if k == "onednn" and convolution:
                    continue
                got = f(x, w, dy)
                for q in keys:
                    e = float((np.abs(got[q].astype(np.float64) - ref[q]) / scale[q]).max()) * 2**24
                    worst[k][q] = max(worst[k].get(q, 0), e)
        name = f"convolution {shape} to {convolution[0]}, {convolution[1]}x{convolution[1]}" if convolution else f"product {shape}"
        print(f"\n{name}\n   {'':<15}" + "".join(f"{k:>11}" for k in keys))
        for k, e in worst.items():
            if e:
                print(f"   {k:<15}" + "".join(f"{e[q]:11.2f}" for q in keys))
                if js:
                    js.write(json.dumps(dict(case=name, backend=k, **e)) + "\n")
        peer = worst["torch" if convolution else "onednn"] if convolution or not a.no_onednn else {}
        if a.norma and peer:
            ratios += [(f"{name} {q}", worst["norma"][q] / peer[q]) for q in keys]
        sys.stdout.flush()
    return ratios


def errors(got, ref):
    e = {}
    std = np.sqrt(ref["var"])
    for k, r in ref.items():
        d = np.abs(np.asarray(got[k], np.float64) - r)
        if k == "mean":
            e[k] = float((d / np.maximum(np.maximum(np.abs(r), std), 1e-30)).max())
        elif k == "var":
            e[k] = float((d / np.maximum(r, 1e-30)).max()) if r.min() > 0 else float(d.max())
        else:
            e[k] = float(d.max() / max(np.abs(r).max(), 1e-30)) if np.abs(r).max() > 1e-12 else float(d.max())
    return e


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--norma", default=os.path.join(FOLDER, "..", ".build", "release", "norma"), metavar="COMMAND",
                    help="our command (default: the release build beside this folder); empty for none")
    ap.add_argument("--json", default="")
    ap.add_argument("--seeds", type=int, default=3)
    ap.add_argument("--bound", type=float, default=1e-6, help="what our errors should keep to (default: 1e-6)")
    ap.add_argument("--no-torch", action="store_true")
    ap.add_argument("--no-jax", action="store_true")
    ap.add_argument("--no-onednn", action="store_true")
    return ap.parse_args()


def implementations(a):
    made = {}
    if a.norma:
        command = shlex.split(a.norma)
        made |= {"norma": make_norma(command, "nchw"), "norma nhwc": make_norma(command, "nhwc")}
    if not a.no_torch:
        made |= {"torch": make_torch(False), "torch nhwc": make_torch(True)}
    if not a.no_jax:
        made |= {"jax fast(flax)": make_jax(True), "jax two-pass": make_jax(False)}
    if not a.no_onednn:
        made |= {"onednn": make_onednn(0), "onednn nhwc": make_onednn(1)}
    return made


def main():
    a = arguments()
    made = implementations(a)
    js = open(a.json, "w") if a.json else None
    keys = ["mean", "var", "y", "dx", "dgamma", "dbeta"]
    beyond = []
    for name, shape, mu, sd in cases():
        worst = {k: {} for k in made}
        for seed in range(a.seeds):
            rng = np.random.default_rng(seed)
            x = (mu + sd * rng.standard_normal(shape)).astype(np.float32)
            dy = rng.standard_normal(shape).astype(np.float32)
            g = rng.uniform(0.5, 1.5, shape[1]).astype(np.float32)
            b = rng.standard_normal(shape[1]).astype(np.float32)
            ref = reference(x, g, b, dy)
            for k, f in made.items():
                if "nhwc" in k and len(shape) == 2:
                    continue
                for q, v in errors(f(x, g, b, dy), ref).items():
                    worst[k][q] = max(worst[k].get(q, 0), v) if v == v else float("nan")
        print(f"\n{name}\n   {'':<15}" + "".join(f"{k:>11}" for k in keys))
        for k, e in worst.items():
            if e:
                print(f"   {k:<15}" + "".join(f"{e[q]:11.2e}" for q in keys))
                if js:
                    js.write(json.dumps(dict(case=name, backend=k, **e)) + "\n")
                if k.startswith("norma"):
                    beyond += [f"{name}, {k}: {q} {e[q]:.2e}" for q in keys if not e[q] <= a.bound]
        sys.stdout.flush()
    ratios = [] if a.no_torch else compare_products(a, js)
    if a.norma:
        print(f"\nnorma beyond {a.bound:.0e}: " + ("; ".join(beyond) or "nothing"))
    if ratios:
        mean = float(np.exp(np.mean([np.log(r) for _, r in ratios])))
        name, largest = max(ratios, key=lambda pair: pair[1])
        print(f"norma's errors by oneDNN's, products and convolutions: geometric mean {mean:.2f}, largest {largest:.2f} ({name})")


if __name__ == "__main__":
    main()
