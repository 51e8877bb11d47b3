"""Asks a Kafka cluster for its metadata: kafka.py kafka://host:port[,host:port] [BROKERS]

Succeeds if one of the addresses answers and names at least BROKERS live brokers (one if not given) and a
controller. Standard library only, so that asking costs no Java machine.
"""

import socket
import struct
import sys

TIMEOUT = 3
LIMIT = 1 << 20
METADATA, METADATA_VERSION = 3, 4
CLIENT = b"engines"


class Reader:
    """Reads Kafka's primitive types; struct.error where the answer is short."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        size = self.take(">h")
        self.at += max(size, 0)
        return self.data[self.at - max(size, 0) : self.at].decode()


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


def metadata(host, port):
    """The number of live brokers, and the controller's id or -1."""
    header = struct.pack(">hhih", METADATA, METADATA_VERSION, 1, len(CLIENT)) + CLIENT
    body = struct.pack(">ib", 0, 0)  # no topics, and none to be created
    with socket.create_connection((host, port), TIMEOUT) as sock:
        sock.settimeout(TIMEOUT)
        sock.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        (size,) = struct.unpack(">i", exactly(sock, 4))
        answer = Reader(exactly(sock, size))
    if answer.take(">i") != 1:
        raise ValueError("an answer to another request")
    answer.take(">i")  # throttle time
    brokers = answer.take(">i")
    for _ in range(brokers):
        answer.take(">i"), answer.text(), answer.take(">i"), answer.text()
    answer.text()  # cluster id
    return brokers, answer.take(">i")


def main(url, wanted="1"):
    scheme, _, addresses = url.partition("://")
    if scheme != "kafka":
        sys.exit(f"not a kafka:// URL: {url}")
    word = "no address"
    for address in addresses.split(","):
        host, _, port = address.rpartition(":")
        try:
            brokers, controller = metadata(host, int(port))
        except (OSError, ValueError, struct.error) as error:
            word = f"{address}: {error}"
            continue
        if brokers >= int(wanted) and controller >= 0:
            return
        word = f"{address}: {brokers} of {wanted} brokers, controller {controller}"
    sys.exit(f"kafka does not answer: {word}")


if __name__ == "__main__":
    main(*sys.argv[1:])
