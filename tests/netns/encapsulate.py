# SPDX-License-Identifier: BSD-2-Clause
# encapsulate.py INTERFACE MAC SOURCE DESTINATION ipip|gue VIP...: the gateway of a test. Packets
# for a VIP go to the backend with that MAC address, in an outer header between these addresses.
import ipaddress
import socket
import struct
import sys

interface, mac = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", ""))
source, destination = map(ipaddress.ip_address, sys.argv[3:5])
is_gue = sys.argv[5] == "gue"
vips = {ipaddress.ip_address(vip).packed for vip in sys.argv[6:]}
TYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}


def ip_header(protocol, size):
    ends = source.packed + destination.packed
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, size, protocol, 64) + ends
    header = struct.pack("!BBHIBBH", 0x45, 0, 20 + size, 0x4000, 64, protocol, 0) + ends
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + header[12:]


def wrap(packet, version):
    if is_gue:
        packet = struct.pack("!HHHH", 50000, 6080, 8 + len(packet), 0) + packet
    protocol = 17 if is_gue else {4: 4, 6: 41}[version]
    return ip_header(protocol, len(packet)) + packet


with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as link:
    link.bind((interface, 3))
    own = link.getsockname()[4]
    print("encapsulating", flush=True)
    while True:
        frame, sender = link.recvfrom(65536)
        version = next((v for v, ethertype in TYPES.items() if frame[12:14] == ethertype), 0)
        target = {4: frame[30:34], 6: frame[38:54]}.get(version)
        if sender[2] == socket.PACKET_HOST and target in vips:
            link.send(mac + own + TYPES[source.version] + wrap(frame[14:], version))
