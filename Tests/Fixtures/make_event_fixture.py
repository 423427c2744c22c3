"""Writes Tests/Fixtures/files/written.tfevents with TensorBoard's own writer, for EventWriterTests, which writes the same.

    python Tests/Fixtures/make_event_fixture.py

Needs `pip install tensorboard`. Running it again gives the same bytes. The file is read again with TensorBoard's reader.
"""

import pathlib

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

Value = summary_pb2.Summary.Value
TIME = 1_700_000_000.25


def text(string):
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)])
    return tensor_pb2.TensorProto(dtype=7, tensor_shape=shape, string_val=[string.encode()])


def values():
    yield 1, Value(tag="loss/training", simple_value=0.1)
    yield -3, Value(tag="größe", simple_value=-2.5e-38)
    yield 0, Value(tag="zero", simple_value=0)
    yield 2**40, Value(tag="infinite", simple_value=float("inf"))
    histogram = summary_pb2.HistogramProto(
        min=-1, max=3, num=5, sum=4, sum_squares=16.5, bucket_limit=[0, 1, 2, 3], bucket=[2, 0, 1, 2])
    yield 2, Value(tag="activations/hidden 1", histo=histogram)
    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin, data_class=summary_pb2.DATA_CLASS_TENSOR)
    yield 0, Value(tag="settings", tensor=text("a | b\n数"), metadata=metadata)


path = pathlib.Path(__file__).parent / "files" / "written.tfevents"
with open(path, "wb") as file:
    writer = RecordWriter(file)
    writer.write(event_pb2.Event(wall_time=TIME, file_version="brain.Event:2").SerializeToString())
    for step, value in values():
        summary = summary_pb2.Summary(value=[value])
        writer.write(event_pb2.Event(wall_time=TIME, step=step, summary=summary).SerializeToString())
    writer.flush()

events = list(EventFileLoader(str(path)).Load())
assert len(events) == 1 + len(list(values())), events
