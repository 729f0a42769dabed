"""What is mounted in a folder is found before the folder is removed."""

from pathlib import Path

from dev.host.cleaning import mounts_below


def test_mounts_below_a_folder_innermost_first() -> None:
    mountinfo = """22 1 0:20 / / rw - ext4 /dev/x rw
30 22 0:21 / /c/.cache/a\\040b rw - tmpfs tmpfs rw
31 30 0:22 / /c/.cache/a\\040b/c rw - tmpfs tmpfs rw
32 22 0:23 / /c/.cache2 rw - tmpfs tmpfs rw
"""
    assert mounts_below(Path("/c/.cache"), mountinfo) == [Path("/c/.cache/a b/c"), Path("/c/.cache/a b")]
