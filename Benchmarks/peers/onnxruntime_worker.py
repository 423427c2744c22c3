"""ONNX Runtime as a worker: inference of networks exported from PyTorch."""
from .cases import NET_INPUT
from .serving import serve
from .torch_worker import TorchWorker


class OrtWorker:
    variants = {"norm": [], "norm+relu": [], "train": [], "infer": ["ort"], "onnx": ["ort"]}

    def __init__(self, threads):
        import onnxruntime
        self.ort, self.threads = onnxruntime, threads
        self.tw = None

    def info(self):
        return f"onnxruntime {self.ort.__version__} intra_op={self.threads}"

    def drop(self):
        pass

    def build(self, c, variant):
        if c["sec"] == "onnx":
            return self.file(c)
        import io
        if c["layout"] == "nhwc":
            raise NotImplementedError("onnx is NCHW only")
        if self.tw is None:
            self.tw = TorchWorker(1)
        torch = self.tw.torch
        x = torch.randn(c["batch"], *NET_INPUT[c["net"]])
        buf = io.BytesIO()
        torch.onnx.export(self.tw.net(c["net"]).eval(), (x,), buf, dynamo=False)
        s = self.session(buf.getvalue())
        feed = {s.get_inputs()[0].name: x.numpy()}
        return lambda: s.run(None, feed)

    def session(self, model):
        o = self.ort.SessionOptions()
        o.intra_op_num_threads = self.threads
        return self.ort.InferenceSession(model, o, providers=["CPUExecutionProvider"])

    def file(self, c):
        import numpy
        s = self.session(c["file"])
        x = numpy.random.default_rng(0).standard_normal((c["batch"], *c["shape"]), dtype=numpy.float32)
        feed = {s.get_inputs()[0].name: x}
        return lambda: s.run(None, feed)


if __name__ == "__main__":
    serve(OrtWorker)
