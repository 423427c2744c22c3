"""ONNX Runtime behind HTTP, as one would write it: Starlette, to be run by uvicorn. Each request is computed by itself.

    MODEL=mlp.onnx THREADS=1 uvicorn peers.serving_onnxruntime:app

POST /predict takes an example as 32-bit floats and answers the likeliest class with the probability of each, as JSON.
"""
import json
import os

import numpy as np
import onnxruntime
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(os.environ.get("THREADS", "0"))
session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
name = session.get_inputs()[0].name
shape = [1, *session.get_inputs()[0].shape[1:]]


async def predict(request):
    scores = session.run(None, {name: np.frombuffer(await request.body(), np.float32).reshape(shape)})[0][0]
    weights = np.exp(scores - scores.max())
    probabilities = (weights / weights.sum()).tolist()
    answer = {"label": str(int(scores.argmax())), "probabilities": {str(i): p for i, p in enumerate(probabilities)}}
    return Response(json.dumps(answer), media_type="application/json")


app = Starlette(routes=[Route("/predict", predict, methods=["POST"])])
