"""Session ids as folder names: any id gets a folder of its own, and stays inside.

Lower-case letters, digits, "_", "-" and inner "." stand for themselves; every other byte of the
UTF-8 becomes "%xx" (an upper-case letter too: some disks do not tell cases apart). A long name is
cut and completed by a hash. So no two ids share a folder, and none climbs out of it.
"""

from __future__ import annotations

import hashlib
from urllib.parse import unquote

from harness.lifecycle.errors import SessionIdError

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_NAME_LENGTH_MAX = 120
_ID_LENGTH_MAX = 4096


def folder_name(session_id: str) -> str:
    """The name of the session's folder; SessionIdError where there can be none."""
    if not isinstance(session_id, str) or not session_id:
        raise SessionIdError(f"expected a session id of at least one character, got {session_id!r}")
    if len(session_id) > _ID_LENGTH_MAX:
        raise SessionIdError(
            f"a session id of {len(session_id)} characters: at most {_ID_LENGTH_MAX} are allowed"
        )
    try:
        data = session_id.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SessionIdError(
            f"the session id {session_id!r} holds a lone surrogate, which no file name can"
        ) from error
    name = "".join(
        chr(byte) if byte in _PLAIN or (byte == 0x2E and index) else f"%{byte:02x}"
        for index, byte in enumerate(data)
    )
    if len(name) > _NAME_LENGTH_MAX:
        digest = hashlib.sha256(data).hexdigest()
        name = f"{name[:48]}%%{digest}"
    return name


def full_name(user_id: str | None, session_id: str) -> str:
    """What a session is called everywhere: its own id, behind its user's where it has one."""
    return session_id if user_id is None else f"{user_id}/{session_id}"


def session_key(user_id: str | None, session_id: str) -> str:
    """The key of a session in a store: its folder name, in its user's folder where it has one."""
    own = folder_name(session_id)
    return own if user_id is None else f"{folder_name(user_id)}/{own}"


def id_of(name: str) -> str:
    """The id that a folder or a key was named after; the name itself where it had to be cut."""
    return name if "%%" in name else unquote(name, errors="strict")
