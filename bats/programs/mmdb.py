# SPDX-License-Identifier: GPL-2.0-or-later
#
# mmdb.py TYPE NET=JSON...: a database in MaxMind's format (version 2.0) on standard output. Nets do not overlap.
import ipaddress
import json
import struct
import sys


def control(kind, size):
    """The bytes that begin a value; sizes from 29 to 284 take one more."""
    first = (kind if kind < 8 else 0) << 5 | min(size, 29)
    return bytes([first]) + (bytes([kind - 7]) if kind >= 8 else b"") + (bytes([size - 29]) if size >= 29 else b"")


def encode(value):
    """Whole numbers are (type, bytes, number): 5 is of 16 bits, 6 of 32, 9 of 64."""
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogateescape")
        return control(2, len(text)) + text
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, tuple):
        kind, size, number = value
        return control(kind, size) + number.to_bytes(size, "big")
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


def bits_of(net):
    """IPv4 is ::a.b.c.d/96+n here."""
    net = ipaddress.ip_network(net)
    if net.version == 4:
        return f"{int(net.network_address):0128b}"[: 96 + net.prefixlen]
    return f"{int(net.network_address):0128b}"[: net.prefixlen]


nodes, data = [[None, None]], b""
for argument in sys.argv[2:]:
    net, _, value = argument.partition("=")
    node, bits = 0, bits_of(net)
    for bit in map(int, bits[:-1]):
        if nodes[node][bit] is None:
            nodes.append([None, None])
            nodes[node][bit] = len(nodes) - 1
        node = nodes[node][bit]
    nodes[node][int(bits[-1])] = ("data", len(data))
    data += encode(json.loads(value))

count = len(nodes)
out = sys.stdout.buffer
for pair in nodes:
    for entry in pair:
        number = count if entry is None else count + 16 + entry[1] if isinstance(entry, tuple) else entry
        out.write(number.to_bytes(3, "big"))
out.write(bytes(16) + data + b"\xab\xcd\xefMaxMind.com")
out.write(encode({"node_count": (6, 4, count), "record_size": (5, 2, 24), "ip_version": (5, 2, 6), "database_type": sys.argv[1],
                  "languages": ["en"], "binary_format_major_version": (5, 2, 2), "binary_format_minor_version": (5, 2, 0),
                  "build_epoch": (9, 8, 1), "description": {"en": "of a test"}}))
