"""Opens one VRS1 span with Python's cryptography alone, and prints its frames as JSON.

Usage: open_span.py CONTAINER SPAN_KEY_HEX
Written from services/seal/FORMAT.md; shares no code with the program.
"""

import hashlib
import json
import sys

from cryptography.cobblestone import Cobblestone256Decryptor


def open_payload(container, key):
    if container[:8] != b"VRS1\x00\x01\x02\x56":
        raise ValueError("not a VRS1 span of version 1 under Cobblestone-256")
    start = 12 + int.from_bytes(container[8:12], "big")
    context = b"vrs1/v1" + hashlib.sha256(container[:start]).digest()
    decryptor = Cobblestone256Decryptor(key, context)
    return decryptor.update(container[start:]) + decryptor.finalize()


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def difference(data, at):
    value, at = varint(data, at)
    return (value >> 1 if value % 2 == 0 else -(value + 1 >> 1)), at


def frames(data):
    found, at = [], 0
    number = sequence = 0
    timestamp, timestamp_step = 0, 0
    position, position_step = 0, 0
    while at < len(data):
        length, at = varint(data, at)
        marked, at = data[at], at + 1
        d, at = difference(data, at)
        number += d
        d, at = difference(data, at)
        sequence += d
        d, at = difference(data, at)
        timestamp_now = (timestamp + timestamp_step + d) % 2**64
        d, at = difference(data, at)
        position_now = (position + position_step + d) % 2**64
        arrival, at = difference(data, at)
        payload, at = data[at : at + length], at + length
        if len(payload) != length:
            raise ValueError("a frame is cut short")
        if found:
            timestamp_step = (timestamp_now - timestamp) % 2**64
            position_step = (position_now - position) % 2**64
        timestamp, position = timestamp_now, position_now
        found.append(
            {
                "number": number,
                "rtp_sequence": sequence,
                "rtp_timestamp": timestamp,
                "position": position,
                "arrival_offset": arrival,
                "marker": bool(marked >> 7),
                "payload_type": marked & 0x7F,
                "payload": payload.hex(),
            }
        )
        number += 1
        sequence = (sequence + 1) % 2**16
    return found


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        print(json.dumps(frames(open_payload(file.read(), bytes.fromhex(sys.argv[2])))))
