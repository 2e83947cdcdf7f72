"""
The steps of the demo: a second device maps a buffer of the GPU

Each step prints a line, and fails if the result is not as expected.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import os
import re
import subprocess
import tempfile

from checks import check_object, check_pixels, check_screen, expected_pixels
from guest import DemoError, say

STORY = 'story.png'
DRAWN = 'drawn.png'
CHANGED = 'changed.png'
# The pictures in STORY, from left to right
SCENES = (DRAWN, CHANGED, 'painted.png', 'overwritten.png')
WIDTH = 320
MAPPING = 'mapping.png'
KEPT = 'kept.png'


def step(text):
    say(f'--- {text}')


def draw_strip(pictures, path):
    """Write pictures, which are PNM files, side by side into the PNG @path."""
    with tempfile.TemporaryDirectory() as folder:
        small = [os.path.join(folder, f'{number}.ppm')
                 for number in range(len(pictures))]
        for picture, name in zip(pictures, small):
            with open(name, 'wb') as file:
                subprocess.run(['pamscale', '-xsize', str(WIDTH)],
                               input=picture, stdout=file, check=True)
        row = subprocess.run(['pnmcat', '-lr', *small], check=True,
                             capture_output=True).stdout
    with open(path, 'wb') as file:
        subprocess.run(['pnmtopng', '-compression', '9'], input=row,
                       stdout=file, stderr=subprocess.DEVNULL, check=True)


class Story:
    """
    The steps, for one buffer that @guest shares with @disk

    With GL, the buffer is a texture.  QEMU has no screendump of a texture, so the
    picture that the monitor's lookup returns is checked instead.  The guest does not
    know the order of a texture's rows and pixels.
    """

    def __init__(self, opts, guest, disk, said):
        self.opts = opts
        self.guest = guest
        self.disk = disk
        self.said = said
        self.screen = said['screen']
        self.uuid = said['uuid']
        self.format = '-' if opts.gl else 'XR24'
        self.width, self.height = (int(n) for n in self.screen.split('x'))

    def path(self, name):
        return os.path.join(self.guest.out, name)

    def check_disk(self, what, name):
        """Check that the back-end's mapping shows @what; save it as a PNG."""
        path = self.path(name)
        self.disk.command(f'png {path}')
        check_pixels(path, what, 'mapping',
                     expected_pixels(self.opts, self.screen, what))

    def check_screen(self, what, name, tries=10):
        """Check that the screen shows @what; save it as a PNG."""
        if self.opts.gl:
            check_object(self.opts, self.guest, self.said, what, name, tries)
        else:
            check_screen(self.opts, self.guest, self.screen, what, name, tries)

    def check_guest(self, backing, equal):
        """Check how many pixels the guest finds as drawn in its buffer, and how many
        pixels of the disk it finds equal to its buffer."""
        said = self.guest.tell('compare', 'disk')
        if self.opts.gl:
            equal = int(said['disk'])
        if (int(said['backing']), int(said['disk'])) != (backing, equal):
            raise DemoError(f'the guest found {said["backing"]} pixels as drawn in '
                            f'its buffer and {said["disk"]} equal pixels on the '
                            f'disk, but {backing} and {equal} are expected')

    def show_exports(self):
        """Check that the monitor lists the shared buffer with its size and format."""
        table = self.guest.command('human-monitor-command', **{
            'command-line': 'info virtio-exports'})
        for line in table.splitlines():
            say(f'    {line}')
        row = f'{self.uuid} .* {self.screen} {self.format} '
        if not re.search(row, table):
            raise DemoError(f"'info virtio-exports' has no line '{row}'")

    def check_dump(self, what, name):
        """Check that the monitor, which looks up the UUID, writes @what to a PNG."""
        path = self.path(name)
        self.guest.dump(self.uuid, path)
        check_pixels(path, what, 'object',
                     expected_pixels(self.opts, self.screen, what))

    def invert_half(self):
        """The back-end paints; the screen shows it without a command of the guest."""
        self.disk.command(f'invert 0 0 {self.width // 2} {self.height}')
        self.check_screen('half', SCENES[2], tries=1)

    def share_a_copy(self, pixels):
        """The device has a copy of the guest's buffer, and transfers update it."""
        where = "the monitor's lookup" if self.opts.gl else 'the screen'
        step(f'the back-end inverts the left half: {where} shows it, '
             "the guest's backing does not have it")
        self.invert_half()
        self.check_guest(pixels, pixels // 2)

        step("the guest's next transfer overwrites what the back-end wrote")
        self.guest.tell('transfer', 'shown')
        self.check_screen('negative', 'negative.png')
        self.check_disk('negative', MAPPING)
        self.check_guest(pixels, pixels)

    def share_a_blob(self, pixels):
        """The guest, the device and the disk use the same memory."""
        step('the back-end inverts the left half: the screen shows it, '
             "and the guest's memory has it")
        self.invert_half()
        self.check_guest(pixels // 2, pixels)

        step('the guest shows the blob again: nothing is overwritten')
        self.guest.tell('transfer', 'shown')
        self.check_screen('half', KEPT)
        self.check_disk('half', MAPPING)
        self.check_guest(pixels // 2, pixels)

        step('the guest draws the negative and sends no command: the screen and '
             'the disk show it')
        self.guest.tell('draw', 'drawn')
        self.check_screen('negative', 'negative.png', tries=1)
        self.check_disk('negative', MAPPING)
        self.check_guest(pixels, pixels)

    def tell(self):
        pixels = self.width * self.height

        step('the guest writes the UUID to the disk, which looks it up')
        self.guest.tell('share', 'shared')
        self.check_disk('picture', SCENES[0])
        step('the monitor lists the buffer: info virtio-exports')
        self.show_exports()
        if not self.opts.gl:
            step('the guest reads the same bytes through the disk')
        self.check_guest(pixels, pixels)

        step('the guest draws the negative: the disk shows it')
        self.guest.tell('again', 'ready')
        self.check_screen('negative', 'negative.png')
        self.check_disk('negative', SCENES[1])
        self.check_guest(pixels, pixels)

        if self.opts.blob:
            self.share_a_blob(pixels)
        else:
            self.share_a_copy(pixels)
        if self.disk.lookups() != 1:
            raise DemoError(f'the disk made {self.disk.lookups()} lookups, not one')

        step('the monitor looks up the UUID: x-virtio-export-dump')
        self.check_dump('negative', SCENES[3])

    def check_trace(self):
        """Check that QEMU traced the lookups of the disk and of the monitor."""
        with open(self.path('trace.log'), encoding='utf-8') as log:
            lines = re.findall(r'virtio_export_lookup .*', log.read())
        if len(lines) != 1 + self.guest.dumps:
            raise DemoError(f'QEMU traced {len(lines)} lookups, not '
                            f'{1 + self.guest.dumps}')
        geometry = f'{self.width}x{self.height}, fourcc 0x'
        if not self.opts.gl:
            geometry += '34325258'
        for line in lines:
            if geometry not in line:
                raise DemoError(f'QEMU traced a lookup without {geometry}: {line}')
            say(f'lookup:       {line.split(": ", 1)[1]}')
        padded = f'stride {self.width * 4},' not in lines[0]
        if padded != self.opts.gl:
            raise DemoError('the rows of a texture must have padding, other rows none')

    def draw(self):
        """Write the pictures side by side into STORY."""
        draw_strip([subprocess.run(['pngtopnm', self.path(name)], check=True,
                                   capture_output=True).stdout
                    for name in SCENES], self.path(STORY))
        say(f'the story:    {self.path(STORY)}')
