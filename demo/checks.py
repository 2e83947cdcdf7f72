"""
What the demo expects: the picture on the screen, the UUID in QEMU's trace

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import re
import subprocess
import time
import uuid

from guest import DemoError, say, tail


TRACE = re.compile(r'virtio_gpu_res_uuid_(assigned|loaded) .*'
                   r'res (0x[0-9a-f]+), uuid (\S+)')
PPM = re.compile(rb'P6\s(\d+)\s(\d+)\s255\s')


def read_ppm(command, **kwargs):
    """Size and pixels of the PPM that a command writes."""
    data = subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          **kwargs).stdout
    header = PPM.match(data)
    if not header:
        raise DemoError(f'{command[0]} wrote no picture in colour')
    return (int(header[1]), int(header[2])), data[header.end():]


def equal_pixels(ours, theirs):
    if ours == theirs:
        return len(ours) // 3
    return sum(ours[i:i + 3] == theirs[i:i + 3]
               for i in range(0, len(ours), 3))


def check_picture(opts, guest, screen, what='picture', file='screen.png'):
    """Compare a screendump with what the same code draws on the host."""
    path = os.path.join(guest.out, file)
    size, expected = read_ppm([os.path.join(opts.guest, 'picture-ppm'),
                               *screen.split('x'), what])
    # The guest's last command may still be in the queue.
    for _ in range(10):
        guest.screendump(path)
        shown, pixels = read_ppm(['pngtopnm', path])
        if shown != size:
            raise DemoError(f'the screen is {shown}, the {what} {size}')
        equal = equal_pixels(expected, pixels)
        if pixels == expected:
            break
        time.sleep(1)
    say(f'{what + ":":14}{equal} of {len(expected) // 3} pixels equal')
    say(f'              {path}')
    if pixels != expected:
        raise DemoError(f'the screen does not show the {what}')


def check_same(before, after):
    """The guest's report on the buffer is the one of before it was saved."""
    for word in sorted({*before, *after}):
        old, new = before.get(word), after.get(word)
        if old != new:
            raise DemoError(f'"{word}" was {old} before the guest was saved, '
                            f'and is now {new}')


def traced_uuids(guest):
    """What QEMU did with UUIDs: tuples of event, resource and UUID."""
    log = '\n'.join(tail(os.path.join(guest.out, 'trace.log'), 1000))
    return [(event, int(res, 16), text)
            for event, res, text in TRACE.findall(log)]


def check_uuid(said, traced, event):
    """The guest's UUID is random, and QEMU's for that very resource."""
    resource, text = int(said['resource']), said['uuid']
    say(f"guest's UUID: {text} (resource {resource})")
    for what, res, name in traced:
        say(f"QEMU's UUID:  {name} (resource {res}, {what})")
    parsed = uuid.UUID(text)
    if parsed.variant != uuid.RFC_4122 or parsed.version != 4:
        raise DemoError(f'{text} is no UUID of RFC 4122, version 4')
    if (resource, text) not in [trace[1:] for trace in traced]:
        raise DemoError(f"the guest's UUID is not the one that QEMU {event}")
    if [trace[0] for trace in traced if trace[1] == resource] != [event]:
        raise DemoError("QEMU's trace of the resource is not one "
                        f'"{event}" alone')
    say('same:         yes')


def check_no_uuid(said, traced):
    if 'uuid' in said:
        raise DemoError(f'resource_uuid is off, and yet: {said["uuid"]}')
    if said.get('no uuid:') != 'ENODEV':
        raise DemoError('the guest did not report ENODEV')
    if traced:
        raise DemoError(f'resource_uuid is off, and yet QEMU {traced[0][0]} '
                        'a UUID')
    say('no UUID:      ENODEV, as it should be')


def check_answer(opts, guest, said, event):
    """Compare what the guest said with what QEMU, which has ended, traced:
    @event, by which that QEMU came to know the UUID."""
    traced = traced_uuids(guest)
    if opts.expect_no_uuid:
        check_no_uuid(said, traced)
    elif 'uuid' not in said:
        raise DemoError('the guest got no UUID: ' + said['no uuid:'])
    else:
        check_uuid(said, traced, event)
