"""Parts of timm, without the package around them, which asks for torchvision."""

import importlib.util
import sys
import types
from pathlib import Path


def timm_part(name: str):
    """A module of timm, such as `layers.std_conv`, that imports no more than its neighbours and torch."""
    if "timm" not in sys.modules:
        root = Path(importlib.util.find_spec("timm").origin).parent
        for package, folder in [("timm", root), ("timm.layers", root / "layers"), ("timm.utils", root / "utils")]:
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = [str(folder)]
    return importlib.import_module(f"timm.{name}")
