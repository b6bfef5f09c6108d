"""Recordings of any length that hold next to nothing: Ogg Opus as voice messages come, and WAV."""

import struct

RATE = 48_000
BYTES = 50  # of a second of WAV


def opus(seconds: float) -> bytes:
    """Three pages: what it is, who made it, and a last one that tells how long it is."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, RATE, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    ends = round(seconds * RATE)
    return _page(0, 2, 0, head) + _page(1, 0, 0, tags) + _page(2, 4, ends, b"\xf8\xff\xfe")


def wav(seconds: float) -> bytes:
    size = round(seconds * BYTES)
    form = struct.pack("<IHHIIHH", 16, 1, 1, BYTES, BYTES, 1, 8)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size) + bytes(size)


def _page(number: int, flags: int, granule: int, body: bytes) -> bytes:
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, 7, number, 0) + bytes([1, len(body)])
    return head[:22] + struct.pack("<I", _checksum(head + body)) + head[26:] + body


def _checksum(page: bytes) -> int:
    found = 0
    for byte in page:
        found ^= byte << 24
        for _ in range(8):
            found = (found << 1 ^ 0x04C11DB7 if found & 0x80000000 else found << 1) & 0xFFFFFFFF
    return found
