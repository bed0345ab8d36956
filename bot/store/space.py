"""What is left of the disk: where it is little no more files are kept, then no more messages. It deletes nothing."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOST_FOR_FILES = 5 * 2**30  # bytes: of a large disk a share would be far more than files ever need
MOST_FOR_MESSAGES = 2**30


@dataclass(frozen=True, slots=True)
class Space:
    """The disks of these folders; the fullest counts. The shares are percent that must be free."""

    folders: tuple[Path, ...]
    for_files: float
    for_messages: float

    @property
    def takes_files(self) -> bool:
        """Whether files from people are still kept."""
        return self._has(self.for_files, MOST_FOR_FILES)

    @property
    def takes_messages(self) -> bool:
        """Whether anything from people is still taken: what is not stays with the platform, unconfirmed."""
        return self._has(self.for_messages, MOST_FOR_MESSAGES)

    def _has(self, percent: float, most: int) -> bool:
        return all(free >= min(total * percent / 100, most) for total, free in self._disks())

    def _disks(self) -> Iterable[tuple[int, int]]:
        for folder in self.folders:
            with suppress(OSError):  # it is made with the first file, or cannot be read: writing there will tell
                found = shutil.disk_usage(folder)
                yield found.total, found.free
