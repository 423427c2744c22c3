"""Makes the small files in Tests/Fixtures/files, with programs other than Norma's own.

    python Tests/Fixtures/make_file_fixtures.py

Needs Python 3.9 and `pip install safetensors numpy torch`. Running it again gives the same bytes.
"""

import gzip
import io
import pathlib
import tarfile

import numpy
import safetensors.numpy
import safetensors.torch
import torch

folder = pathlib.Path(__file__).parent / "files"
folder.mkdir(exist_ok=True)


def write_safetensors():
    # What Norma writes too: its bytes must be the same.
    written = {
        "layer.0.weight": numpy.array([[1.5, -2.25, 3e-8], [0.1, -0.0, 1e30]], numpy.float32),
        "layer.0.bias": numpy.array([0.5, -0.5], numpy.float32),
        "reference": numpy.array([1 / 3, 2 / 3], numpy.float64),
        "layer.1.num_batches_tracked": numpy.array(12345678901, numpy.int64),
        "größe \"q\"": numpy.array([7], numpy.int64),
        "empty": numpy.zeros((0, 3), numpy.float32),
    }
    metadata = {"note": "a \"quoted\" word,\na back\\slash, 数 and / a tab\t"}
    (folder / "written.safetensors").write_bytes(safetensors.numpy.save(written, metadata))

    # What Norma only reads.
    read = {
        "f16": torch.tensor([1, -2, 0.333251953125, 65504, 6e-8, 0, torch.inf], dtype=torch.float16),
        "bf16": torch.tensor([[1, -3], [0.333984375, 1e-40]], dtype=torch.bfloat16),
        "i32": torch.tensor([1, -2, 2**31 - 1], dtype=torch.int32),
        "i16": torch.tensor([-(2**15), 2**15 - 1], dtype=torch.int16),
        "i8": torch.tensor([[-128], [127]], dtype=torch.int8),
        "u64": torch.tensor([0, 2**63 - 1], dtype=torch.uint64),
        "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
        "u16": torch.tensor([2**16 - 1], dtype=torch.uint16),
        "u8": torch.tensor([0, 255, 7], dtype=torch.uint8),
        "bool": torch.tensor([True, False, True]),
    }
    (folder / "read.safetensors").write_bytes(safetensors.torch.save(read))

    # What Norma refuses.
    large = {"large": numpy.array([7, 2**63], numpy.uint64)}
    (folder / "large.safetensors").write_bytes(safetensors.numpy.save(large))
    waves = {"waves": torch.tensor([1 + 2j], dtype=torch.complex64)}
    (folder / "unsupported.safetensors").write_bytes(safetensors.torch.save(waves))


def write_gzip():
    members = [gzip.compress(text, mtime=0) for text in (b"The first member. ", b"", b"The second.")]
    (folder / "members.gz").write_bytes(b"".join(members))
    (folder / "padded.gz").write_bytes(members[0] + bytes(300))
    table = b"width,height,kind\n1,2.5,cat\n-3,4,dog\n"
    (folder / "table.csv.gz").write_bytes(gzip.compress(table, mtime=0))


def write_tar():
    long_name = "folder/" + "long" * 40 + ".txt"
    deep_name = "/".join(["directory"] * 12) + "/deep.txt"
    for name, format in (("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
            folder_entry = tarfile.TarInfo("folder")
            folder_entry.type = tarfile.DIRTYPE
            archive.addfile(folder_entry)
            names = ["folder/short.txt", deep_name] + ([] if name == "ustar" else [long_name, "größe.txt"])
            for entry_name in names:
                content = f"This is {entry_name}.".encode()
                entry = tarfile.TarInfo(entry_name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            link = tarfile.TarInfo("link")
            link.type = tarfile.SYMTYPE
            link.linkname = "folder/short.txt"
            archive.addfile(link)
        # One end mark instead of the padding to 10 KiB.
        content = buffer.getvalue().rstrip(b"\0")
        (folder / f"{name}.tar").write_bytes(content + bytes(-len(content) % 512 + 1024))


write_safetensors()
write_gzip()
write_tar()
