"""Changes to the series for QEMU upstream, which needs no compatibility code.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import re
from pathlib import Path

from .qemutree import SUPPORTED, TOP, TreeError, numbers

COMPAT = 'include/hw/virtio/virtio-export-compat.h'
# text that depends on COMPAT, and its replacement without COMPAT
ONE_VERSION = {f'#include "{COMPAT.removeprefix("include/")}"\n': '',
               'VirtIOExportClassData': 'const void'}


def sections_for_maintainers():
    """{title: patterns of files} of the sections to add to QEMU's MAINTAINERS."""
    sections = (TOP / 'MAINTAINERS').read_text().strip().split('\n\n')
    return {section.partition('\n')[0]:
            re.findall(r'^F: (\S+)$', section, re.M) for section in sections}


def covers(pattern, name):
    """Whether the @pattern of MAINTAINERS is for the file @name."""
    if pattern.endswith('/'):       # the whole folder
        return name.startswith(pattern)
    return Path(name).match(pattern)


class Changes:
    """Changes to the files of each commit of @tree: for QEMU's @release, and with
    @maintainer, (name, mail), for the new files.  Either may be None."""

    def __init__(self, tree, release, maintainer):
        self.tree, self.release, self.maintainer = tree, release, maintainer
        self.base = tree.ref('base')
        self.texts, self.added = {}, set()
        version = tree.version(self.base)[1]
        if release and (not re.fullmatch(r'[1-9][0-9]*\.[0-9]', release) or
                        numbers(release) <= numbers(version)):
            raise TreeError(f"'{release}' is not a release of QEMU after "
                            f'{version}')
        if release and numbers(version) < numbers(SUPPORTED[-1]):
            raise TreeError(
                f'a series for upstream cannot be based on QEMU {version}: '
                f'build with --qemu {SUPPORTED[-1]} and use --tree '
                f'build-{SUPPORTED[-1]}/src')

    def tree_of(self, commit):
        """The changed tree of @commit.  Call this for each commit, in order."""
        if not self.release and not self.maintainer:
            return f'{commit}^{{tree}}'
        for path, status in self.tree.changed(commit).items():
            self.texts.pop(path, None)
            self.added |= {path} if status == 'A' else set()
            if status != 'D':
                text = self.tree.blob(commit, path)
                changed = self.changed(path, text)
                if changed != text:
                    self.texts[path] = changed
        if self.maintainer:
            self.texts['MAINTAINERS'] = self.with_maintainer(
                self.tree.blob(commit, 'MAINTAINERS'))
        return self.tree.with_texts(commit, self.texts)

    def changed(self, path, text):
        """The changed @text of the file @path; None to remove the file."""
        if not self.release:
            return text
        if path == COMPAT:
            return None
        if path.startswith('qapi/'):
            return self.with_release(path, text)
        for old, new in ONE_VERSION.items():
            text = text.replace(old, new)
        return text

    def with_maintainer(self, text):
        """Put the sections for the files that were added into MAINTAINERS."""
        sections = []
        for title, patterns in sections_for_maintainers().items():
            used = [f'F: {pattern}\n' for pattern in patterns
                    if any(covers(pattern, name) for name in self.added)]
            if used:
                sections.append('{}\nM: {} <{}>\nS: Maintained\n{}\n'.format(
                    title, *self.maintainer, ''.join(used)))
        before = '\nvhost-user-blk\n'
        if text.count(before) != 1:
            raise TreeError('MAINTAINERS has no section vhost-user-blk')
        return text.replace(before, f'\n{"".join(sections)}{before[1:]}')

    def with_release(self, path, text):
        """Set "Since:" of each definition that the base does not have to the
        release."""
        before = self.tree.blob(self.base, path)

        def one(comment):
            if f'\n# @{comment[1]}:\n' in before:
                return comment[0]
            return re.sub('^# Since: .*', f'# Since: {self.release}',
                          comment[0], flags=re.M)
        return re.sub(r'^##\n# @(\S+):\n(?:#(?!#).*\n)*', one, text,
                      flags=re.M)
