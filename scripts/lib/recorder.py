"""The messages between QEMU and a vhost-user back-end, which strace records.

Written from docs/interop/vhost-user.rst.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import re
import struct
from pathlib import Path

HEAD = struct.Struct('<III')
FRONT_END, BACK_END = "QEMU's requests", "the back-end's replies"
CHANNEL, CHANNEL_REPLIES = "the back-end's requests", "QEMU's replies"
TRACE = 'trace'                 # strace writes TRACE.PID for each thread
STRACE = ['strace', '-ff', '-ttt', '-xx', '-s', '65536', '--seccomp-bpf',
          '-e', 'trace=connect,socketpair,sendmsg,recvmsg']
CALL = re.compile(r'(\S+) (connect|socketpair|sendmsg|recvmsg)\((\w+), (.*)\) = \d')


def bytes_in(arguments):
    """What a system call's buffers contain."""
    found = re.findall(r'(?:iov_base|sun_path)="(.*?)"', arguments)
    return bytes.fromhex(''.join(found).replace(r'\x', ''))


def without_addresses(payload):
    """@payload in hexadecimal, with "*" in place of QEMU's own addresses."""
    words = (payload[i:i + 8] for i in range(0, len(payload), 8))
    return ''.join('*' if len(word) == 8 and
                   1 << 44 <= int.from_bytes(word, 'little') < 1 << 47
                   else word.hex() for word in words)


class Messages:
    """The messages that strace has recorded in the current folder.  The back-end's
    socket is @path; @source is the text of QEMU's vhost-user.c.

    @lines has a list of lines for each direction of the connection, and of the
    channel that QEMU hands over with SET_BACKEND_REQ_FD.
    """

    def __init__(self, path, source):
        front, back = ({int(number): name for name, number in re.findall(
            r'VHOST_USER_(\w+) = (\d+)', part)}
                       for part in source.split('typedef enum VhostUserBackendRequest'))
        self.names = {FRONT_END: front, BACK_END: front,
                      CHANNEL: back, CHANNEL_REPLIES: back}
        self.lines = {direction: [] for direction in self.names}
        # by file descriptor: the directions of sendmsg and recvmsg, and the other end
        self.directions, self.other_ends = {}, {}
        self.unread = dict.fromkeys(self.names, (b'', []))
        for _, name, fd, arguments in sorted(
                call for file in Path().glob(f'{TRACE}.*')
                for call in CALL.findall(file.read_text())):
            if name == 'socketpair':
                ours, theirs = re.search(r'\[(\d+), (\d+)\]', arguments).groups()
                self.other_ends[theirs] = ours
            elif name == 'connect' and bytes_in(arguments) == path.encode():
                self.lines[FRONT_END].append('connection')
                self.directions[fd] = FRONT_END, BACK_END
            elif fd in self.directions:
                self.add(self.directions[fd][name == 'recvmsg'], arguments)

    def add(self, direction, arguments):
        """Add what a system call has sent in @direction."""
        data, fds = self.unread[direction]
        data += bytes_in(arguments)
        fds = fds + re.findall(r'cmsg_data=\[(\d+)', arguments)
        while len(data) >= HEAD.size:
            request, flags, size = HEAD.unpack_from(data)
            payload, rest = data[HEAD.size:HEAD.size + size], data[HEAD.size + size:]
            if len(payload) < size:
                break
            name = self.names[direction].get(request, request)
            self.lines[direction].append(
                f'{name} flags {flags:#x} size {size} fds {len(fds)} '
                f'{without_addresses(payload)}')
            if direction == FRONT_END and name == 'SET_BACKEND_REQ_FD':
                self.directions[self.other_ends[fds[0]]] = CHANNEL_REPLIES, CHANNEL
            data, fds = rest, []
        self.unread[direction] = data, fds
