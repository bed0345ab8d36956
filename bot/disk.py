"""What a loss of power must not take away: names in a folder reach the disk, not only what they name."""

import errno
import os
from pathlib import Path


def settle(folder: Path) -> None:
    """The names in it are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a network share that has no such call
            raise
    finally:
        os.close(handle)
