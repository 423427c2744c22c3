"""Prints what TensorBoard's own reader finds in the event files of a folder, as JSON: an object for every value.

    python Tests/Fixtures/read_events.py FOLDER

Needs `pip install tensorboard`. Numbers that JSON does not know are strings: "nan", "inf", "-inf".
"""

import base64
import json
import math
import pathlib
import sys

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader, LegacyEventFileLoader


def number(value):
    return value if math.isfinite(value) else str(value)


found = []
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for event in LegacyEventFileLoader(str(path)).Load():
        for value in event.summary.value:
            entry = {"file": path.name, "time": event.wall_time, "step": event.step, "tag": value.tag}
            kind = value.WhichOneof("value")
            if kind == "simple_value":
                entry["scalar"] = number(value.simple_value)
            elif kind == "histo":
                histogram = value.histo
                entry["histogram"] = {
                    "range": [histogram.min, histogram.max],
                    "sums": [number(histogram.num), number(histogram.sum), number(histogram.sum_squares)],
                    "limits": list(histogram.bucket_limit), "counts": list(histogram.bucket),
                }
            elif kind == "image":
                image = value.image
                entry["image"] = {
                    "height": image.height, "width": image.width, "channels": image.colorspace,
                    "png": base64.b64encode(image.encoded_image_string).decode(),
                }
            elif kind == "tensor":
                assert value.metadata.plugin_data.plugin_name == "text"
                entry["texts"] = [text.decode() for text in value.tensor.string_val]
            found.append(entry)

    # The pages that TensorBoard shows are made of values in a newer form, into which it brings these.
    shown = sum(len(event.summary.value) for event in EventFileLoader(str(path)).Load())
    assert shown == sum(entry["file"] == path.name for entry in found)
json.dump(found, sys.stdout)
