"""A vhost-user-blk front-end and guest driver in one, to test a back-end with
requests that no correct driver makes.

Written from docs/interop/vhost-user.rst and the virtio specification.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import mmap
import os
import select
import socket
import struct

VERSION, REPLY = 1, 4
(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE, SET_VRING_NUM,
 SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE, SET_VRING_KICK,
 SET_VRING_CALL, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES,
 SET_VRING_ENABLE, SET_BACKEND_REQ_FD, GET_CONFIG, RESET_DEVICE) = (
    1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 15, 16, 18, 21, 24, 34)
LOOKUP = 8
F_BACKEND_REQ, F_CONFIG, F_RESET_DEVICE, F_SHARED_OBJECT, F_INFO = (
    1 << 5, 1 << 9, 1 << 13, 1 << 18, 1 << 62)
INFO = '<IIQ4IQ4I4I'    # VhostUserObjectInfo
F_VERSION_1, F_PROTOCOL_FEATURES = 1 << 32, 1 << 30

MEMORY = 4 << 20
DESC, AVAIL, USED, BUFFERS = 0, 0x1000, 0x2000, 0x10000
QUEUE = 128
UADDR = 0x100000000
NEXT, WRITE = 1, 2
PATIENCE = 60

IN, OUT, FLUSH, GET_ID = 0, 1, 4, 8
OK, IOERR, UNSUPP = 0, 1, 2


class Gone(Exception):
    """The back-end has closed the connection."""


class Driver:
    """A connection to a back-end; @objects are what lookups find, and @infos how
    the front-end describes them."""

    def __init__(self, path, offer=F_BACKEND_REQ | F_CONFIG | F_RESET_DEVICE |
                 F_SHARED_OBJECT | F_INFO):
        self.objects, self.infos, self.lookups = {}, {}, 0
        self.has_info = offer & F_INFO
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        try:
            self.sock.connect(path)
        except OSError:
            self.sock.close()
            raise
        self.channel, self.theirs = socket.socketpair()
        fd = os.memfd_create('guest')
        os.ftruncate(fd, MEMORY)
        self.memory = mmap.mmap(fd, MEMORY)
        self.kick, self.call = os.eventfd(0), os.eventfd(0)
        self.negotiate(offer)
        self.send(SET_MEM_TABLE,
                  struct.pack('<IIQQQQ', 1, 0, 0, MEMORY, UADDR, 0), [fd])
        os.close(fd)
        self.start_queue()

    def close(self):
        self.sock.close()
        self.channel.close()
        self.theirs.close()
        self.memory.close()
        os.close(self.kick)
        os.close(self.call)

    def send(self, request, payload=b'', fds=()):
        header = struct.pack('<III', request, VERSION, len(payload))
        socket.send_fds(self.sock, [header + payload], fds)

    def ask(self, request, payload=b''):
        self.send(request, payload)
        head = self.sock.recv(12, socket.MSG_WAITALL)
        if len(head) < 12:
            raise Gone
        answered, flags, size = struct.unpack('<III', head)
        assert (answered, flags) == (request, VERSION | REPLY)
        return self.sock.recv(size, socket.MSG_WAITALL)

    def negotiate(self, offer):
        features, = struct.unpack('<Q', self.ask(GET_FEATURES))
        assert features & F_VERSION_1 and features & F_PROTOCOL_FEATURES
        protocol, = struct.unpack('<Q', self.ask(GET_PROTOCOL_FEATURES))
        assert protocol & offer == offer
        self.send(SET_PROTOCOL_FEATURES, struct.pack('<Q', offer))
        self.send(SET_FEATURES, struct.pack('<Q', F_VERSION_1 |
                                            F_PROTOCOL_FEATURES))
        self.send(SET_OWNER)
        if offer & F_BACKEND_REQ:
            self.send(SET_BACKEND_REQ_FD, fds=[self.theirs.fileno()])

    def start_queue(self):
        self.seen = 0
        self.memory[:BUFFERS] = bytes(BUFFERS)
        self.send(SET_VRING_NUM, struct.pack('<II', 0, QUEUE))
        self.send(SET_VRING_ADDR, struct.pack(
            '<IIQQQQ', 0, 0, UADDR + DESC, UADDR + USED, UADDR + AVAIL, 0))
        self.send(SET_VRING_BASE, struct.pack('<II', 0, 0))
        self.send(SET_VRING_CALL, struct.pack('<Q', 0), [self.call])
        self.send(SET_VRING_KICK, struct.pack('<Q', 0), [self.kick])
        self.send(SET_VRING_ENABLE, struct.pack('<II', 0, 1))

    def config(self, size):
        answer = self.ask(GET_CONFIG,
                          struct.pack('<III', 0, size, 0) + bytes(size))
        return answer[12:]

    def reset(self):
        """Reset the device as QEMU does, which leaves the queue stopped."""
        self.send(SET_VRING_ENABLE, struct.pack('<II', 0, 0))
        self.ask(GET_VRING_BASE, struct.pack('<II', 0, 0))
        self.send(RESET_DEVICE)
        self.ask(GET_FEATURES)      # the reply comes after the reset

    def answer_look_up(self):
        message = self.channel.recv(12 + 16, socket.MSG_WAITALL)
        if len(message) < 12 + 16:
            raise Gone
        assert struct.unpack('<III', message[:12])[0] == LOOKUP
        fd = self.objects.get(message[12:])
        self.lookups += 1
        reply = struct.pack('<Q', fd is None)
        if self.has_info:
            reply += self.infos.get(message[12:], bytes(struct.calcsize(INFO)))
        socket.send_fds(self.channel,
                        [struct.pack('<III', LOOKUP, VERSION | REPLY,
                                     len(reply)) + reply],
                        [] if fd is None else [fd])

    def run_queue(self):
        """Kick, and serve lookups until the next request is done."""
        os.eventfd_write(self.kick, 1)
        while True:
            ready, _, _ = select.select(
                [self.channel, self.call, self.sock], [], [], PATIENCE)
            assert ready, 'the back-end does nothing'
            if self.channel in ready:
                self.answer_look_up()
            elif self.call in ready:
                # a call may be spurious
                os.eventfd_read(self.call)
                used, = struct.unpack_from('<H', self.memory, USED + 2)
                if used != self.seen & 0xffff:
                    break
            else:
                raise Gone
        self.seen += 1
        assert used == self.seen & 0xffff

    def request(self, out, rooms):
        """Make a request whose device-readable buffers are @out and whose
        device-writable buffers have the sizes @rooms; the length that the device
        says it wrote, and the content of the writable buffers."""
        address, table = BUFFERS, []
        for piece, flags in [*((p, 0) for p in out),
                             *((bytes(r), WRITE) for r in rooms)]:
            self.memory[address:address + len(piece)] = piece
            table.append((address, len(piece), flags))
            address += len(piece)
        length = self.chain(table)
        start = BUFFERS + sum(map(len, out))
        return length, self.memory[start:start + sum(rooms)]

    def chain(self, table):
        """Make a request of descriptors with address, length and flags; the length
        that the device says it wrote."""
        for i, (address, size, flags) in enumerate(table):
            more = i + 1 < len(table)
            struct.pack_into('<QIHH', self.memory, DESC + 16 * i, address, size,
                             flags | more * NEXT, more * (i + 1))
        slot = self.seen % QUEUE
        struct.pack_into('<H', self.memory, AVAIL + 4 + 2 * slot, 0)
        struct.pack_into('<H', self.memory, AVAIL + 2, self.seen + 1 & 0xffff)
        self.run_queue()
        return struct.unpack_from('<II', self.memory, USED + 4 + 8 * slot)[1]

    def read(self, sector, *rooms):
        """The status, and the data if there is any."""
        _, got = self.request([struct.pack('<IIQ', IN, 0, sector)],
                              [*rooms, 1])
        return got[-1], got[:-1]

    def write(self, sector, *pieces):
        """The status."""
        _, got = self.request([struct.pack('<IIQ', OUT, 0, sector), *pieces],
                              [1])
        return got[0]
