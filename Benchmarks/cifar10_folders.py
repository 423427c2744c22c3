#!/usr/bin/env python3
"""CIFAR-10 as folders of PNG files, a folder a class, divided for fine-tuning: most classes to train a backbone with, and a few images of
others to give it another head.

    cifar10_folders.py cifar-10-binary.tar.gz FOLDER [--others horse,ship] [--count 100]

Writes FOLDER/backbone and FOLDER/backbone-test (all classes but the others), FOLDER/few (so many training images of each of the others) and
FOLDER/few-test. Needs Pillow.
"""
import argparse
import collections
import os
import tarfile

from PIL import Image

SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE


def records(data):
    for start in range(0, len(data), RECORD):
        yield data[start], data[start + 1:start + RECORD]


def save(path, planes):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    size = SIDE * SIDE
    channels = [Image.frombytes("L", (SIDE, SIDE), planes[i * size:(i + 1) * size]) for i in range(3)]
    Image.merge("RGB", channels).save(path)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("archive")
    ap.add_argument("folder")
    ap.add_argument("--others", default="horse,ship")
    ap.add_argument("--count", type=int, default=100)
    a = ap.parse_args()
    archive = tarfile.open(a.archive)
    members = {os.path.basename(member.name): member for member in archive.getmembers()}
    names = archive.extractfile(members["batches.meta.txt"]).read().decode().split()
    others = a.others.split(",")
    unknown = set(others) - set(names)
    if unknown:
        ap.error(f"no class {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    taken = collections.Counter()
    number = 0
    for file in sorted(members):
        if not file.endswith(".bin"):
            continue
        is_test = file.startswith("test")
        for label, planes in records(archive.extractfile(members[file]).read()):
            number += 1
            name = names[label]
            part = "few" if name in others else "backbone"
            if part == "few" and not is_test:
                taken[name] += 1
                if taken[name] > a.count:
                    continue
            save(os.path.join(a.folder, part + ("-test" if is_test else ""), name, f"{number:05}.png"), planes)


if __name__ == "__main__":
    main()
