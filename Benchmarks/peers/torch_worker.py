"""PyTorch as a worker: eager, with fused optimizers, compiled."""
from .cases import MLP_SIZES, NET_INPUT, row_mask
from .serving import serve


class TorchWorker:
    def __init__(self, threads):
        import torch
        import torch._dynamo
        self.torch, self.threads = torch, threads
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.manual_seed(0)
        torch._dynamo.config.cache_size_limit = 256

    def info(self):
        t = self.torch
        return f"torch {t.__version__} threads={t.get_num_threads()} capability={t.backends.cpu.get_cpu_capability()}"

    variants = {"norm": ["eager"], "norm+family": ["eager", "compile"], "norm+relu": ["eager", "compile"], "conv": ["channels last", "contiguous"],
                "train": ["eager", "fused-opt", "compile"], "infer": ["eager", "compile"]}

    def drop(self):
        self.torch._dynamo.reset()

    def net(self, name):
        torch, nn = self.torch, self.torch.nn
        if name in MLP_SIZES:
            s = MLP_SIZES[name]
            mods = []
            for i in range(len(s) - 2):
                mods += [nn.Linear(s[i], s[i + 1], bias=False), nn.BatchNorm1d(s[i + 1]), nn.ReLU(inplace=True)]
            return nn.Sequential(*mods, nn.Linear(s[-2], s[-1]))

        class Block(nn.Module):
            def __init__(self, i, o, stride):
                super().__init__()
                self.c1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
                self.b1 = nn.BatchNorm2d(o)
                self.c2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
                self.b2 = nn.BatchNorm2d(o)
                self.sc = (nn.Identity() if i == o
                           else nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)))
                self.r = nn.ReLU(inplace=True)

            def forward(self, x):
                return self.r(self.b2(self.c2(self.r(self.b1(self.c1(x))))) + self.sc(x))

        mods, i = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)], 16
        for st, o in enumerate((16, 32, 64)):
            for b in range(3):
                mods.append(Block(i, o, 2 if st and b == 0 else 1))
                i = o
        return nn.Sequential(*mods, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def convolution(self, c, variant):
        torch = self.torch
        fmt = torch.channels_last if variant == "channels last" else torch.contiguous_format
        stride, padding, size = [c["stride"]] * 2, [c["window"] // 2] * 2, c["window"]
        x = torch.randn(c["shape"]).contiguous(memory_format=fmt)
        w = torch.randn(c["outputs"], c["shape"][1], size, size).contiguous(memory_format=fmt)
        y = torch.conv2d(x, w, None, stride, padding)
        if c["pass"] == "fwd":
            def run():
                with torch.inference_mode():
                    torch.conv2d(x, w, None, stride, padding)
            return run
        g = torch.randn(y.shape).contiguous(memory_format=fmt)
        asked = [c["pass"] == "input", c["pass"] == "weight", False]

        def run():
            with torch.inference_mode():
                torch.ops.aten.convolution_backward(
                    g, x, w, None, stride, padding, [1, 1], False, [0, 0], 1, asked)
        return run

    def family(self, c):
        """Batch normalization by other moments than the batch's, as it is put together of what PyTorch has."""
        torch, F = self.torch, self.torch.nn.functional
        rows = c["shape"][0] * (c["shape"][2] * c["shape"][3] if len(c["shape"]) == 4 else 1)
        places = torch.tensor(row_mask(rows)).nonzero().squeeze(1)

        def flat(f):
            def run(x, w, b, rm, rv, training):
                if x.dim() == 2:
                    return f(x, w, b, rm, rv)
                last = x.permute(0, 2, 3, 1)
                return f(last.reshape(-1, last.shape[-1]), w, b, rm, rv).reshape(last.shape).permute(0, 3, 1, 2)
            return run

        if c["norm"] == "masked":
            return flat(lambda x, w, b, rm, rv: torch.zeros_like(x).index_copy(
                0, places, F.batch_norm(x.index_select(0, places), rm, rv, w, b, True, 0.1, 1e-5)))
        if c["norm"] == "ghost":
            return lambda x, w, b, rm, rv, training: torch.cat(
                [F.batch_norm(part, rm, rv, w, b, True, 0.1, 1e-5) for part in x.split(32)])

        def renorm(x, w, b, rm, rv):
            variance, mean = torch.var_mean(x, 0, correction=0)
            deviation, running = (variance + 1e-5).sqrt(), (rv + 1e-5).sqrt()
            ratio = (deviation / running).clamp(1 / 3, 3).detach()
            distance = ((mean - rm) / running).clamp(-5, 5).detach()
            with torch.no_grad():
                rm.lerp_(mean, 0.1)
                rv.lerp_(variance, 0.1)
            return F.batch_norm(x, None, None, w * ratio, b + w * distance, True, 0, 1e-5)
        return flat(renorm)

    def build(self, c, variant):
        torch, F = self.torch, self.torch.nn.functional
        if c["sec"] == "conv":
            return self.convolution(c, variant)
        if c["sec"] == "norm":
            shape, ch = c["shape"], c["shape"][1]
            fmt = torch.channels_last if c["layout"] == "nhwc" else torch.contiguous_format
            x = torch.randn(shape).contiguous(memory_format=fmt)
            g = torch.randn(shape).contiguous(memory_format=fmt)
            w, b = torch.rand(ch) + 0.5, torch.randn(ch)
            if c.get("dtype"):
                dtype = getattr(torch, c["dtype"])
                x, g = x.to(dtype), g.to(dtype)
                if c["norm"] == "rms":
                    w = w.to(dtype)
            rm, rv = torch.zeros(ch), torch.ones(ch)
            if c["norm"] == "bn":
                base = lambda x, w, b, rm, rv, tr: F.batch_norm(x, rm, rv, w, b, tr, 0.1, 1e-5)
            elif c["norm"] in ("masked", "ghost", "renorm"):
                base = self.family(c)
            elif c["norm"] == "in":
                base = lambda x, w, b, rm, rv, tr: F.instance_norm(x, rm, rv, w, b, True, 0.1, 1e-5)
            elif c["norm"] == "ws":  # as timm does it
                base = lambda x, w, b, rm, rv, tr: F.batch_norm(x[None], None, None, None, None, True, 0, 1e-5)
            elif c["norm"] == "rms":
                base = lambda x, w, b, rm, rv, tr: F.rms_norm(x, (ch,), w, 1e-5)
            elif c["norm"] == "ln":
                base = lambda x, w, b, rm, rv, tr: F.layer_norm(x, (ch,), w, b)
            else:
                base = lambda x, w, b, rm, rv, tr: F.group_norm(x, 32, w, b)
            f = (lambda x, w, b, rm, rv, tr: F.relu(base(x, w, b, rm, rv, tr))) if c["relu"] else base
            if variant == "compile":
                torch._functorch.config.donated_buffer = False
                f = torch.compile(f, dynamic=False)
            if c["pass"] == "infer":
                def run():
                    with torch.inference_mode():
                        f(x, w, b, rm, rv, False)
                return run
            if c["norm"] == "ws":
                g = g[None]
            leaves = {"rms": (x, w), "ws": (x,)}.get(c["norm"], (x, w, b))
            for t in leaves:
                t.requires_grad_(True)
            if c["pass"] == "fwd":
                return lambda: f(x, w, b, rm, rv, True)
            y = f(x, w, b, rm, rv, True)
            return lambda: torch.autograd.grad(y, leaves, g, retain_graph=True)
        net = self.net(c["net"])
        fmt = torch.channels_last if c["layout"] == "nhwc" else torch.contiguous_format
        if c["net"] == "resnet20":
            net = net.to(memory_format=fmt)
        xs = torch.randn(c["batch"], *NET_INPUT[c["net"]])
        if c["net"] == "resnet20":
            xs = xs.contiguous(memory_format=fmt)
        if c["sec"] == "infer":
            net.eval()
            if variant == "compile":
                import torch._inductor.config as ic
                ic.freezing = True
                net = torch.compile(net, dynamic=False)

            def run():
                with torch.inference_mode() if variant == "eager" else torch.no_grad():
                    net(xs)
            return run
        ys = torch.randint(0, 10, (c["batch"],))
        net.train()
        fused = variant != "eager"
        opt = (torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused) if c["opt"] == "adam"
               else torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9, fused=fused))
        lossf = lambda x, y: F.cross_entropy(net(x), y)
        if variant == "compile":
            lossf = torch.compile(lossf, dynamic=False)

        def run():
            opt.zero_grad(set_to_none=True)
            lossf(xs, ys).backward()
            opt.step()
        return run


if __name__ == "__main__":
    serve(TorchWorker)
