"""
Checks of the demo: the picture on the screen, and the UUID in QEMU's trace

SPDX-License-Identifier: GPL-2.0-or-later
"""

import functools
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
        raise DemoError(f'{command[0]} did not write a colour PPM')
    return (int(header[1]), int(header[2])), data[header.end():]


def equal_pixels(ours, theirs):
    if ours == theirs:
        return len(ours) // 3
    return sum(ours[i:i + 3] == theirs[i:i + 3]
               for i in range(0, len(ours), 3))


def left_and_right(size, left, right):
    """The left half of one picture and the right half of another."""
    row = size[0] * 3
    half = size[0] // 2 * 3
    return b''.join(left[at:at + half] + right[at + half:at + row]
                    for at in range(0, len(left), row))


def expected_pixels(opts, screen, what):
    """Size and pixels of the picture, its negative, or half of each."""
    if what == 'half':
        size, left = expected_pixels(opts, screen, 'picture')
        return size, left_and_right(
            size, left, expected_pixels(opts, screen, 'negative')[1])
    return read_ppm([os.path.join(opts.guest, 'picture-ppm'),
                     *screen.split('x'), what])


def is_equal(path, where, what, expected):
    size, pixels = read_ppm(['pngtopnm', path])
    if size != expected[0]:
        raise DemoError(f'the size of the {where} is {size}, but that of the '
                        f'{what} is {expected[0]}')
    return equal_pixels(expected[1], pixels)


def report(path, where, what, equal, expected):
    count = len(expected[1]) // 3
    say(f'{what + ":":14}{equal} of {count} pixels equal')
    say(f'              {path}')
    if equal != count:
        raise DemoError(f'the {where} does not show the {what}')


def check_pixels(path, what, where, expected):
    """Check that the PNG @path shows @what."""
    report(path, where, what, is_equal(path, where, what, expected), expected)


def check_soon(opts, screen, what, path, where, make, tries):
    """Check that @make writes @what to @path in one of @tries."""
    expected = expected_pixels(opts, screen, what)
    # The guest's last command may still be in the queue.
    for left in reversed(range(tries)):
        make(path)
        equal = is_equal(path, where, what, expected)
        if equal * 3 == len(expected[1]):
            break
        time.sleep(min(left, 1))
    report(path, where, what, equal, expected)


def check_screen(opts, guest, screen, what='picture', file='screen.png',
                 tries=10):
    """Compare a screendump with the picture that the same code draws on the host."""
    check_soon(opts, screen, what, os.path.join(guest.out, file), 'screen',
               guest.screendump, tries)


def check_object(opts, guest, said, what, file, tries=10):
    """Like check_screen(), for the object that has the UUID in @said."""
    if 'uuid' not in said:
        raise DemoError('the guest got no UUID: ' + said['no uuid:'])
    check_soon(opts, said['screen'], what, os.path.join(guest.out, file),
               'object', functools.partial(guest.dump, said['uuid']), tries)


def check_same(before, after):
    """Check that the guest reports the same as before it was saved."""
    for word in sorted({*before, *after}):
        old, new = before.get(word), after.get(word)
        if old != new:
            raise DemoError(f'the guest reported "{word} {old}" before it was saved, '
                            f'and reports "{word} {new}" now')


def traced_uuids(guest):
    """The trace events of UUIDs: tuples of event, resource and UUID."""
    log = '\n'.join(tail(os.path.join(guest.out, 'trace.log'), 1000))
    return [(event, int(res, 16), text)
            for event, res, text in TRACE.findall(log)]


def check_uuid(said, traced, event):
    """Check that the guest's UUID is random, and that QEMU traced it for this
    resource."""
    resource, text = int(said['resource']), said['uuid']
    say(f"guest's UUID: {text} (resource {resource})")
    for what, res, name in traced:
        say(f"QEMU's UUID:  {name} (resource {res}, {what})")
    parsed = uuid.UUID(text)
    if parsed.variant != uuid.RFC_4122 or parsed.version != 4:
        raise DemoError(f'{text} is not a UUID of version 4 (RFC 4122)')
    if (resource, text) not in [trace[1:] for trace in traced]:
        raise DemoError(f"QEMU has not {event} the guest's UUID")
    if [trace[0] for trace in traced if trace[1] == resource] != [event]:
        raise DemoError("QEMU's trace of the resource must have exactly one "
                        f'event "{event}"')
    say('same:         yes')


def check_no_uuid(said, traced):
    if 'uuid' in said:
        raise DemoError('resource_uuid is off, but the guest got the UUID '
                        + said['uuid'])
    if said.get('no uuid:') != 'ENODEV':
        raise DemoError('the guest did not report ENODEV')
    if traced:
        raise DemoError(f'resource_uuid is off, but QEMU {traced[0][0]} a UUID')
    say('no UUID:      ENODEV, as expected')


def check_answer(opts, guest, said, event):
    """Compare the guest's report with QEMU's trace after the end of QEMU; @event
    tells whether this QEMU has "assigned" or "loaded" the UUID."""
    traced = traced_uuids(guest)
    if opts.expect_no_uuid:
        check_no_uuid(said, traced)
    elif 'uuid' not in said:
        raise DemoError('the guest got no UUID: ' + said['no uuid:'])
    else:
        check_uuid(said, traced, event)
