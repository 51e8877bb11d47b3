"""Asks a CQL server for one row: cql.py scylla://host:port[,host:port]

OPTIONS, STARTUP and a SELECT on system.local, over the native protocol in its version 4. Standard library
only. Succeeds if one of the addresses answers with a row.
"""

import socket
import struct
import sys

TIMEOUT = 5
LIMIT = 1 << 20
ERROR, STARTUP, READY, OPTIONS, SUPPORTED, QUERY, RESULT = 0x00, 0x01, 0x02, 0x05, 0x06, 0x07, 0x08
ROWS = 2
ONE = 1
QUESTION = b"SELECT release_version FROM system.local"


def exactly(sock, size):
    if not 0 <= size <= LIMIT:
        raise ValueError(f"an answer of {size} bytes")
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ValueError("the connection closed")
        data += part
    return data


def ask(sock, opcode, body, wanted):
    sock.sendall(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
    _, _, _, answer, size = struct.unpack(">BBhBi", exactly(sock, 9))
    data = exactly(sock, size)
    if answer == ERROR:
        (length,) = struct.unpack_from(">H", data, 4)
        raise ValueError("the server says: " + data[6 : 6 + length].decode(errors="replace"))
    if answer != wanted:
        raise ValueError(f"answered {answer:#x} to {opcode:#x}")
    return data


def text(word):
    return struct.pack(">H", len(word)) + word


def select(host, port):
    with socket.create_connection((host, port), TIMEOUT) as sock:
        sock.settimeout(TIMEOUT)
        ask(sock, OPTIONS, b"", SUPPORTED)
        ask(sock, STARTUP, struct.pack(">H", 1) + text(b"CQL_VERSION") + text(b"3.0.0"), READY)
        query = struct.pack(">i", len(QUESTION)) + QUESTION + struct.pack(">HB", ONE, 0)
        (kind,) = struct.unpack_from(">i", ask(sock, QUERY, query, RESULT))
    if kind != ROWS:
        raise ValueError(f"a result of kind {kind}, not rows")


def main(url):
    scheme, _, addresses = url.partition("://")
    if scheme != "scylla":
        sys.exit(f"not a scylla:// URL: {url}")
    word = "no address"
    for address in addresses.split(","):
        host, _, port = address.rpartition(":")
        try:
            return select(host, int(port))
        except (OSError, ValueError, struct.error) as error:
            word = f"{address}: {error}"
    sys.exit(f"cql does not answer: {word}")


if __name__ == "__main__":
    main(*sys.argv[1:])
