"""JAX as a worker: everything in one jit."""
import os

from .cases import MLP_SIZES, NET_INPUT, row_mask
from .serving import serve


class JaxWorker:
    variants = {"norm": ["jit"], "norm+family": ["jit"], "norm+relu": ["jit"], "train": ["jit"], "infer": ["jit"]}

    def __init__(self, threads):
        if threads == 1:  # XLA sizes its pool from the affinity mask
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        import jax
        import numpy as np
        self.jax, self.jnp, self.np, self.threads = jax, jax.numpy, np, threads
        self.rng = np.random.default_rng(0)

    def info(self):
        return f"jax {self.jax.__version__} cpus={len(os.sched_getaffinity(0))}"

    def drop(self):
        self.jax.clear_caches()

    def arr(self, *shape):
        return self.jnp.asarray(self.rng.standard_normal(shape, dtype=self.np.float32))

    def bn(self, x, w, b, axis):  # flax.linen.BatchNorm, use_fast_variance=True
        jnp, lax = self.jnp, self.jax.lax
        red = tuple(i for i in range(x.ndim) if i != axis)
        sh = [1] * x.ndim
        sh[axis] = -1
        mean = jnp.mean(x, red)
        var = jnp.maximum(0.0, jnp.mean(lax.square(x), red) - lax.square(mean))
        mul = lax.rsqrt(var + 1e-5) * w
        return (x - mean.reshape(sh)) * mul.reshape(sh) + b.reshape(sh), mean, var

    def family(self, kind, x, w, b, rm, rv):
        """Batch normalization by other moments than the batch's; masked as flax.linen.BatchNorm does it."""
        jnp, lax = self.jnp, self.jax.lax
        rows = x.reshape(-1, x.shape[-1])
        if kind == "ghost":
            parts = x.reshape(-1, min(32, x.shape[0]), *x.shape[1:]) if x.shape[0] % 32 == 0 else x[None]
            axes = tuple(range(1, parts.ndim - 1))
            m = parts.mean(axes, keepdims=True)
            v = jnp.mean(jnp.square(parts), axes, keepdims=True) - m * m
            y = ((parts - m) * (lax.rsqrt(v + 1e-5) * w) + b).reshape(x.shape)
            return y, m.mean(tuple(range(m.ndim - 1))), v.mean(tuple(range(v.ndim - 1)))
        if kind == "masked":
            mask = jnp.asarray(row_mask(rows.shape[0]))[:, None]
            m = jnp.mean(rows, 0, where=mask)
            v = jnp.mean(jnp.square(rows), 0, where=mask) - m * m
            y = jnp.where(mask, (rows - m) * (lax.rsqrt(v + 1e-5) * w) + b, 0)
            return y.reshape(x.shape), m, v
        m = rows.mean(0)
        v = jnp.mean(jnp.square(rows), 0) - m * m
        deviation, running = jnp.sqrt(v + 1e-5), jnp.sqrt(rv + 1e-5)
        ratio = lax.stop_gradient(jnp.clip(deviation / running, 1 / 3, 3))
        distance = lax.stop_gradient(jnp.clip((m - rm) / running, -5, 5))
        return (x - m) / deviation * (ratio * w) + (distance * w + b), m, v

    def build(self, c, variant):
        jax, jnp = self.jax, self.jnp
        block = jax.block_until_ready
        if c["sec"] == "norm":
            n = list(c["shape"])
            ch = n[1]
            nhwc = c["layout"] == "nhwc"
            shape = [n[0], n[2], n[3], n[1]] if nhwc else n
            ax = len(shape) - 1 if nhwc else 1
            sh = [1] * len(shape)
            sh[ax] = -1
            x, g, w, b = self.arr(*shape), self.arr(*shape), self.arr(ch) + 1.5, self.arr(ch)
            rm, rv = jnp.zeros(ch), jnp.ones(ch)
            dtype = getattr(jnp, c.get("dtype", "float32"))
            x, g = x.astype(dtype), g.astype(dtype)

            def f(x, w, b):
                # As flax does it: statistics and arithmetic in float32.
                y, aux = normalized(x.astype(jnp.float32), w, b)
                return y.astype(dtype), aux

            def normalized(x, w, b):
                if c["norm"] == "bn":
                    y, m, v = self.bn(x, w, b, ax)
                    aux = (0.9 * rm + 0.1 * m, 0.9 * rv + 0.1 * v)
                elif c["norm"] in ("masked", "ghost", "renorm"):
                    y, m, v = self.family(c["norm"], x, w, b, rm, rv)
                    aux = (0.9 * rm + 0.1 * m, 0.9 * rv + 0.1 * v)
                elif c["norm"] == "in":
                    red = tuple(i for i in range(1, x.ndim) if i != ax)
                    m = x.mean(red, keepdims=True)
                    v = jnp.mean(jnp.square(x), red, keepdims=True) - m * m
                    y = (x - m) * (jax.lax.rsqrt(v + 1e-5) * w.reshape(sh)) + b.reshape(sh)
                    aux = (0.9 * rm + 0.1 * m.mean(0).reshape(-1), 0.9 * rv + 0.1 * v.mean(0).reshape(-1))
                elif c["norm"] == "ws":
                    m = x.mean(1, keepdims=True)
                    v = jnp.mean(jnp.square(x), 1, keepdims=True) - m * m
                    y, aux = (x - m) * jax.lax.rsqrt(v + 1e-5), ()
                elif c["norm"] == "rms":
                    y, aux = x * (jax.lax.rsqrt(jnp.mean(jnp.square(x), -1, keepdims=True) + 1e-5) * w), ()
                elif c["norm"] == "ln":
                    m = x.mean(-1, keepdims=True)
                    v = jnp.mean(jnp.square(x), -1, keepdims=True) - m * m
                    y, aux = (x - m) * (jax.lax.rsqrt(v + 1e-5) * w) + b, ()
                else:
                    if nhwc:
                        xr, red = x.reshape(n[0], -1, 32, ch // 32), (1, 3)
                    else:
                        xr, red = x.reshape(n[0], 32, -1), (2,)
                    m = xr.mean(red, keepdims=True)
                    v = jnp.mean(jnp.square(xr), red, keepdims=True) - m * m
                    y = ((xr - m) * jax.lax.rsqrt(v + 1e-5)).reshape(x.shape) * w.reshape(sh) + b.reshape(sh)
                    aux = ()
                return (jnp.maximum(y, 0) if c["relu"] else y), aux
            if c["pass"] == "infer":
                fi = jax.jit(lambda x, w, b, rm, rv: (
                    (x - rm.reshape(sh)) * (jax.lax.rsqrt(rv + 1e-5) * w).reshape(sh) + b.reshape(sh)).astype(dtype))
                return lambda: block(fi(x, w, b, rm, rv))
            if c["pass"] == "fwd":
                ff = jax.jit(f)
                return lambda: block(ff(x, w, b))
            vjp = jax.jit(lambda x, w, b: jax.vjp(lambda *a: f(*a)[0], x, w, b)[1])(x, w, b)
            fb = jax.jit(lambda v, g: v(g))
            return lambda: block(fb(vjp, g))
        predict, params, stats = (self.mlp(c) if c["net"] in MLP_SIZES else self.resnet(c))
        shp = NET_INPUT[c["net"]]
        if c["net"] == "resnet20" and c["layout"] == "nhwc":
            shp = (32, 32, 3)
        x = self.arr(c["batch"], *shp)
        if c["sec"] == "infer":
            f = jax.jit(lambda p, s, x: predict(p, s, x, False)[0])
            return lambda: block(f(params, stats, x))
        y = jnp.asarray(self.rng.integers(0, 10, c["batch"]))

        def loss(p, s, x, y):
            z, s = predict(p, s, x, True)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1)), s

        tm = jax.tree.map
        adam = c["opt"] == "adam"

        def step(st, x, y):
            p, s, m, v, t = st
            (_, s), g = jax.value_and_grad(loss, has_aux=True)(p, s, x, y)
            t = t + 1
            if adam:
                m = tm(lambda m, g: 0.9 * m + 0.1 * g, m, g)
                v = tm(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
                a = 1e-3 * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
                p = tm(lambda p, m, v: p - a * m / (jnp.sqrt(v) + 1e-8), p, m, v)
            else:
                m = tm(lambda m, g: 0.9 * m + g, m, g)
                p = tm(lambda p, m: p - 1e-2 * m, p, m)
            return p, s, m, v, t
        step = jax.jit(step, donate_argnums=0)
        zeros = lambda: tm(jnp.zeros_like, params)
        box = [(params, stats, zeros(), zeros() if adam else (), jnp.float32(0))]

        def run():
            box[0] = block(step(box[0], x, y))
        return run

    def norm_apply(self, x, p, s, train, axis):
        if train:
            y, m, v = self.bn(x, p["w"], p["b"], axis)
            return y, {"m": 0.9 * s["m"] + 0.1 * m, "v": 0.9 * s["v"] + 0.1 * v}
        sh = [1] * x.ndim
        sh[axis] = -1
        k = self.jax.lax.rsqrt(s["v"] + 1e-5) * p["w"]
        return (x - s["m"].reshape(sh)) * k.reshape(sh) + p["b"].reshape(sh), s

    def mlp(self, c):
        jnp, S = self.jnp, MLP_SIZES[c["net"]]
        ps = [dict(W=self.arr(S[i], S[i + 1]) * (2 / S[i]) ** 0.5, w=jnp.ones(S[i + 1]), b=jnp.zeros(S[i + 1]))
              for i in range(len(S) - 1)]
        ss = [dict(m=jnp.zeros(n), v=jnp.ones(n)) for n in S[1:-1]]

        def predict(p, s, x, train):
            out = []
            for q, t in zip(p[:-1], s):
                x, t = self.norm_apply(x @ q["W"], q, t, train, 1)
                x = jnp.maximum(x, 0)
                out.append(t)
            return x @ p[-1]["W"] + p[-1]["b"], out
        return predict, ps, ss

    def resnet(self, c):
        jnp, lax = self.jnp, self.jax.lax
        nhwc = c["layout"] == "nhwc"
        ax = 3 if nhwc else 1
        dn = ("NHWC", "HWIO", "NHWC") if nhwc else ("NCHW", "OIHW", "NCHW")

        def conv_p(i, o, k):
            w = self.arr(k, k, i, o) * (2 / (k * k * i)) ** 0.5
            return (dict(W=w if nhwc else w.transpose(3, 2, 0, 1), w=jnp.ones(o), b=jnp.zeros(o)),
                    dict(m=jnp.zeros(o), v=jnp.ones(o)))
        spec, i = [(3, 16, 3)], 16
        blocks = []
        for st, o in enumerate((16, 32, 64)):
            for b in range(3):
                stride = 2 if st and b == 0 else 1
                blocks.append((len(spec), stride, i != o))
                spec += [(i, o, 3), (o, o, 3)] + ([(i, o, 1)] if i != o else [])
                i = o
        ps, ss = zip(*[conv_p(*s) for s in spec])
        fc = dict(W=self.arr(64, 10) * 0.2, b=jnp.zeros(10))

        def cb(x, p, s, k, stride, train):
            pad = [(1, 1), (1, 1)] if spec[k][2] == 3 else [(0, 0), (0, 0)]
            x = lax.conv_general_dilated(x, p[0][k]["W"], (stride, stride), pad, dimension_numbers=dn)
            return self.norm_apply(x, p[0][k], s[k], train, ax)

        def predict(p, s, x, train):
            o = list(s)
            x, o[0] = cb(x, p, s, 0, 1, train)
            x = jnp.maximum(x, 0)
            for k, stride, proj in blocks:
                h, o[k] = cb(x, p, s, k, stride, train)
                h, o[k + 1] = cb(jnp.maximum(h, 0), p, s, k + 1, 1, train)
                if proj:
                    x, o[k + 2] = cb(x, p, s, k + 2, stride, train)
                x = jnp.maximum(h + x, 0)
            x = x.mean((1, 2) if nhwc else (2, 3))
            return x @ p[1]["W"] + p[1]["b"], o
        return predict, (list(ps), fc), list(ss)


if __name__ == "__main__":
    serve(JaxWorker)
