"""Writing so that it is there after a power cut: whole files atomically, folders, sealed lines.

The model of the disk: what was not fsynced may be gone, in part or whole, sector by sector; a name
is durable only once its folder was fsynced; `rename` over a name shows either the old or the new
file. Files are 0600, folders 0700. A sealed line is one JSON object whose last field is the CRC-32
of the bytes before it: a torn line can still end in a newline, so only a checksum tells.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.lifecycle.errors import MessageRefused

_decode = json.JSONDecoder().decode
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_SEAL = b',"crc":"'
_SEAL_LENGTH = len(_SEAL) + 8 + 2


def create_directory(path: Path) -> None:
    """Make `path` and what is missing above it, 0700, each name durable in its parent."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        sync_directory(folder.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; the system may take them in several bites."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_temporary(path: Path, data: bytes) -> Path:
    """Write `data`, fsynced, to a file beside `path` and return that file's name."""
    temporary = path.with_name(path.name + ".tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
    finally:
        os.close(descriptor)
    return temporary


def seal(value: Mapping[str, Any]) -> bytes:
    """One JSON line with its checksum, without the newline.

    MessageRefused where the value has no JSON: a lone surrogate, NaN, or an object of another kind.
    """
    try:
        body = _encode(value).encode("utf-8")[:-1]
    except UnicodeEncodeError as error:
        found = f"U+{ord(error.object[error.start]):04X}"
        raise MessageRefused(
            f"the text holds the lone surrogate {found}, which UTF-8 cannot store and the API "
            "refuses; nothing was written: clean it with "
            "text.encode('utf-8', 'replace').decode('utf-8') before it is appended"
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise MessageRefused(
            f"expected content that JSON can hold (text, numbers, lists, dicts), got {error}; "
            "nothing was written"
        ) from error
    return b'%b%b%08x"}' % (body, _SEAL, zlib.crc32(body))


def unseal(line: bytes) -> dict[str, Any]:
    """What `seal` sealed; ValueError with the reason where a single byte has changed."""
    body, tail = line[:-_SEAL_LENGTH], line[-_SEAL_LENGTH:]
    if not line:
        raise ValueError("an empty line")
    if not tail.startswith(_SEAL) or not tail.endswith(b'"}'):
        raise ValueError(f"no checksum at the end of {len(line)} bytes")
    if tail[len(_SEAL) : -2] != b"%08x" % zlib.crc32(body):
        raise ValueError(f"the checksum does not fit its {len(line)} bytes")
    value = _decode(body.decode() + "}")
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value
