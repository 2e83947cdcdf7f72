"""Changes to the series for QEMU upstream, which needs no compatibility code.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import re

from .qemutree import SUPPORTED, TOP, TreeError, numbers

COMPAT = 'include/hw/virtio/virtio-export-compat.h'
# text that depends on COMPAT, and its replacement without COMPAT
ONE_VERSION = {f'#include "{COMPAT.removeprefix("include/")}"\n': '',
               'VirtIOExportClassData': 'const void'}


class Changes:
    """Changes to the files of each commit of @tree: for QEMU's @release, and with
    @maintainer, (name, mail), for the new files.  Either may be None."""

    def __init__(self, tree, release, maintainer):
        self.tree, self.release, self.maintainer = tree, release, maintainer
        self.base = tree.ref('base')
        self.texts = {}
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
            if status != 'D':
                text = self.tree.blob(commit, path)
                changed = self.changed(path, text)
                if changed != text:
                    self.texts[path] = changed
        return self.tree.with_texts(commit, self.texts)

    def changed(self, path, text):
        """The changed @text of the file @path; None to remove the file."""
        if self.maintainer and path == 'MAINTAINERS':
            return self.with_maintainer(text)
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
        titles = re.findall(r'^(.+)\nS: ', (TOP / 'MAINTAINERS').read_text(),
                            re.M)
        who = '{} <{}>'.format(*self.maintainer)
        for title in titles:
            text = text.replace(f'\n{title}\nS: Orphan\n',
                                f'\n{title}\nM: {who}\nS: Maintained\n')
        return text

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
