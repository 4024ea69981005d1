"""What a kubelet does to a mounted volume, for a program that runs as a local process.

Source: Kubernetes, pkg/volume/util/atomic_writer.go. The files are in a directory named after the time; ``..data``
links to it and is exchanged in one step (rename); what a program opens links into ``..data``. The old one is removed.
"""

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path


def mounted(directory: Path, files: Mapping[str, bytes], mode: int = 0o440) -> None:
    """Lay `files` out in `directory`, or exchange what is there for them."""
    directory.mkdir(parents=True, exist_ok=True)
    fresh = directory / f"..{datetime.now(UTC):%Y_%m_%d_%H_%M_%S.%f}"
    fresh.mkdir(mode=0o755)
    for name, content in files.items():
        (fresh / name).write_bytes(content)
        (fresh / name).chmod(mode)
    data = directory / "..data"
    old = data.resolve() if data.is_symlink() else None
    staged = directory / "..data_tmp"
    staged.symlink_to(fresh.name)
    staged.rename(data)
    for name in files:
        if not (directory / name).is_symlink():
            os.symlink(f"..data/{name}", directory / name)
    if old is not None:
        shutil.rmtree(old)
