"""A QEMU tree made of a base, the overlay and patches/, as git commits.

Each patch becomes one commit on top of the base, with its overlay files (files
that QEMU does not have) and its hunks (changes to QEMU's files).  The commits
are written directly into git's object store.  An update of an existing tree
therefore writes only the files that differ, and building again is quick.

A patch file is in the folder of its topic.  It is a commit message, the line "---"
and the hunks.  The message has three special fields: "Files:" names an overlay file
that the patch adds, "Removes:" names a file of QEMU's that the patch removes (so
that no patch quotes a whole file), and "Drop-when:" says when the patch is no longer
needed.
A commit in the tree has "Topic:" too, which names the folder.

A version of QEMU may have its own folder in patches/, with topics.  The series there
names patches that only this version needs; they come before the others.  A file
in that folder with the name of a common patch has only hunks: they replace the
common patch's hunks to the same files, in this version and in newer ones.  A line
"Without: FILE" before them drops the hunks to a file that QEMU no longer has.  The
file "dropped" names common patches that this version does not need.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import contextlib
import email
import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
OVERLAY_DIRS = ('contrib', 'hw', 'include', 'tests', 'ui', 'docs')
MAIN = '10.0'                   # the version that patches/*/*.patch are for


def numbers(version):
    """@version, such as '10.2', as a list that can be compared."""
    return [int(number) for number in version.split('.')]


def versions_in(folder):
    """The versions that have a folder in @folder, which is patches/; the oldest
    first."""
    return sorted((path.parent.name for path in folder.glob('*/series')),
                  key=numbers)


SUPPORTED = (MAIN, *versions_in(TOP / 'patches'))
DIFF_START = '\n---\n'
MOST_CONTEXT = 8

# One identity and date for all commits: the same input gives the same commit.
IDENTITY = {
    'GIT_AUTHOR_NAME': 'series', 'GIT_AUTHOR_EMAIL': 'series@localhost',
    'GIT_COMMITTER_NAME': 'series', 'GIT_COMMITTER_EMAIL': 'series@localhost',
    'GIT_AUTHOR_DATE': '1577836800 +0000',
    'GIT_COMMITTER_DATE': '1577836800 +0000',
}
# The user's configuration has no effect, and another user may own the tree.
# Messages are in English because they are parsed here.
CONFIG = {
    'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_SYSTEM': os.devnull,
    'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory',
    'GIT_CONFIG_VALUE_0': '*', 'LC_ALL': 'C.UTF-8', 'LANGUAGE': '',
}
CHANGE_OUTPUT = 'TAR_OPTIONS', 'XZ_DEFAULTS', 'XZ_OPT'


def environment(**more):
    """An environment in which git, tar and xz behave the same for every user."""
    inherited = {name: value for name, value in os.environ.items()
                 if not name.startswith('GIT_') and name not in CHANGE_OUTPUT}
    return {**inherited, **CONFIG, **more}


class TreeError(Exception):
    """An error that the user can fix; its text says how."""


def run(main):
    """Run @main; report an error that the user can fix in one line."""
    try:
        main()
    except TreeError as error:
        sys.exit(f'error: {error}')
    except OSError as error:
        where = f'{error.filename}: ' if error.filename else ''
        sys.exit(f'error: {where}{error.strerror or error}')


class Patch:
    """A file of patches/: its name, TOPIC/FILE, its message, the overlay files that
    it adds, the files of QEMU's that it removes, and its hunks."""

    def __init__(self, name, message, files, removes, diff):
        self.name, self.message = name, message
        self.files, self.removes, self.diff = files, removes, diff

    @classmethod
    def parse(cls, path):
        """Read @path; TreeError if it is not a valid patch file."""
        text = path.read_text()
        header, mark, diff = text.partition(DIFF_START)
        files = re.findall(r'^Files: (\S+)$', header, re.M)
        removes = re.findall(r'^Removes: (\S+)$', header, re.M)
        message = re.sub(r'^(Files|Removes): .*\n?', '', header,
                         flags=re.M).strip()
        if not mark or not message.startswith('Subject: '):
            raise TreeError(f'{path}: must have "Subject: ...", a body, "---" and '
                            'hunks')
        if not re.search(r'^Drop-when: .*(\n[A-Z][\w-]+: |\Z)', message, re.M):
            raise TreeError(f'{path}: must have a field "Drop-when:" of one line')
        if '\nnew file mode' in diff:
            raise TreeError(f'{path}: adds a file: put it into the overlay')
        if '\ndeleted file mode' in diff:
            raise TreeError(f'{path}: removes a file: use "Removes:" instead')
        return cls(name_of(path), message[len('Subject: '):] + '\n', files, removes,
                   diff)

    def adapt(self, own):
        """If the file @own exists, use its hunks in place of the hunks to the same
        files, and drop the hunks to the files that it names in "Without:"."""
        if own.is_file():
            text = own.read_text()
            hunks = {**self.hunks(), **hunks_by_file(text)}
            for name in re.findall(r'^Without: (\S+)$', text, re.M):
                if not hunks.pop(name, None):
                    raise TreeError(f'{own}: {self.name} has no hunks to {name}')
            self.diff = ''.join(hunks.values())
        return self

    def hunks(self):
        return hunks_by_file(self.diff)

    def commit_message(self):
        """The message in the tree."""
        topic = self.name.partition('/')[0]
        return self.message.replace('\nDrop-when: ',
                                    f'\nTopic: {topic}\nDrop-when: ', 1)

    def text(self):
        """The content of the file in patches/."""
        fields = ''.join([*(f'Files: {name}\n' for name in self.files),
                          *(f'Removes: {name}\n' for name in self.removes)])
        return f'Subject: {self.message.rstrip()}\n{fields}---\n{self.diff}'


class Topic:
    """A topic: @path is the file "topic" in its folder, in the form of a mail."""

    def __init__(self, path):
        mail = email.message_from_string(path.read_text())
        self.title, self.blurb = mail['Subject'], mail.get_payload().strip()
        self.depends = mail.get('Depends-on', '').split()
        self.sections = re.split(r',\s+', mail.get('Maintainers', ''))


def read_topics(version, top=TOP):
    """{name: Topic} in the order of sending.  The common topics depend on all topics
    that only this version has."""
    found = {}
    for folder in (top / 'patches' / version, top / 'patches'):
        before = list(found)
        for name in names_in(folder):
            topic = name.partition('/')[0]
            if topic not in found:
                found[topic] = Topic(folder / topic / 'topic')
                found[topic].depends[:0] = before
    return found


def with_needed(topics, name):
    """The topics that the topic @name depends on, in the order of sending, and
    @name."""
    needed = {name}
    for other in reversed(topics):
        if other in needed:
            needed.update(topics[other].depends)
    return [other for other in topics if other in needed]


def name_of(path):
    """The name of the patch in the file @path."""
    return f'{path.parent.name}/{path.name}'


def overlay_files(top=TOP):
    """The path in QEMU of every file of the overlay.  A README.md does not belong to
    the overlay: it describes the folder in this repository."""
    found = []
    for directory in OVERLAY_DIRS:
        for path in sorted((top / directory).rglob('*')):
            if path.is_file() and not path.name.startswith('.') \
                    and not path.name.endswith('~') \
                    and path.name != 'README.md':
                found.append(str(path.relative_to(top)))
    return found


def hunks_by_file(diff):
    """{path: the part of @diff that changes the file}."""
    parts = re.split(r'^(?=diff --git )', diff, flags=re.M)[1:]
    return {re.search(r'^\+\+\+ b/(\S+)', part, re.M)[1]: part
            for part in parts}


def names_in(folder, file='series'):
    """The names of the patches in @file of @folder, in order; none if there is
    no such file."""
    path = folder / file
    return path.read_text().split() if path.is_file() else []


def older_versions(version, top=TOP):
    """The versions with a folder that are older than @version, the oldest
    first."""
    return [other for other in versions_in(top / 'patches')
            if numbers(other) < numbers(version)]


def read_common(name, versions, top=TOP):
    """The common patch @name, with the hunks of @versions, the oldest first."""
    patch = Patch.parse(top / 'patches' / name)
    for version in versions:
        patch.adapt(top / 'patches' / version / name)
    return patch


def read_series(version, top=TOP):
    """The patches, in order; TreeError if they do not match the overlay."""
    common, own = top / 'patches', top / 'patches' / version
    names, own_names = names_in(common), names_in(own)
    dropped = names_in(own, 'dropped')
    versions = [*older_versions(version, top), version]
    patches = [Patch.parse(own / name) for name in own_names]
    patches += [read_common(name, versions, top) for name in names]
    strays = set(map(name_of, common.glob('*/*.patch'))) - set(names) | \
        set(map(name_of, own.glob('*/*.patch'))) - {*names, *own_names}
    strays |= set(dropped) - set(names)
    if strays:
        raise TreeError(f'patches/series does not name {sorted(strays)}')
    named = [name for patch in patches for name in patch.files]
    for name in set(named) | set(overlay_files(top)):
        if named.count(name) != 1 or not (top / name).is_file():
            raise TreeError(f'{name}: {named.count(name)} patches name it in '
                            '"Files:"; exactly one patch must')
    return [patch for patch in patches if patch.name not in dropped]


class QemuTree:
    """The git repository that has the commits, and its work tree."""

    def __init__(self, path):
        self.path = Path(path).resolve()

    def git(self, *args, stdin=None, env=None, cwd=None, check=True):
        """Run git on the tree; return its output, or raise TreeError with its error."""
        done = subprocess.run(
            ['git', '-C', str(cwd or self.path), *args], input=stdin, text=True,
            errors='surrogateescape', capture_output=True, check=False,
            env=environment(**{**IDENTITY, **(env or {})}))
        if check and done.returncode != 0:
            raise TreeError(f'git {args[0]}: {done.stderr.strip()}')
        return done.stdout

    def init(self):
        """Make the repository if it does not exist."""
        if not (self.path / '.git').exists():
            self.path.mkdir(parents=True, exist_ok=True)
            self.git('init', '-q', '-b', 'series')

    def ref(self, name):
        """The commit of refs/virtio-gpu-uuid/@name, or ''."""
        return self.git('rev-parse', '-q', '--verify',
                        f'refs/virtio-gpu-uuid/{name}', check=False).strip()

    def set_ref(self, name, commit):
        self.git('update-ref', f'refs/virtio-gpu-uuid/{name}', commit)

    @contextlib.contextmanager
    def index(self):
        """A context with an environment in which git has its own, temporary index
        file."""
        with tempfile.TemporaryDirectory(dir=self.path / '.git') as folder:
            yield {'GIT_INDEX_FILE': f'{folder}/index'}

    def commit(self, tree, message, parent=None):
        """Commit @tree; return the id of the commit."""
        parents = ['-p', parent] if parent else []
        return self.git('commit-tree', tree, *parents, stdin=message).strip()

    def import_base(self, source):
        """Commit the unmodified QEMU in @source; return the id of the commit."""
        env = {'GIT_INDEX_FILE': str(self.path / '.git/base-index'),
               'GIT_DIR': str(self.path / '.git'), 'GIT_WORK_TREE': '.'}
        self.git('add', '-A', '-f', '--', '.', ':!/roms', env=env, cwd=source)
        tree = self.git('write-tree', env=env).strip()
        version = (Path(source) / 'VERSION').read_text().strip()
        return self.commit(tree, f'QEMU {version}\n')

    def version(self, commit):
        """QEMU's version at @commit, as (whole, 'MAJOR.MINOR')."""
        whole = self.git('show', f'{commit}:VERSION').strip()
        return whole, '.'.join(whole.split('.')[:2])

    def apply(self, base, patches, top=TOP):
        """Commit @patches on top of @base; return the id of the last commit."""
        commit = base
        with self.index() as env:
            self.git('read-tree', base, env=env)
            for patch in patches:
                if patch.files:
                    self.git('update-index', '--add', '--', *patch.files, cwd=top,
                             env={**env, 'GIT_DIR': str(self.path / '.git'),
                                  'GIT_WORK_TREE': str(top)})
                self.apply_hunks(base, patch, env)
                commit = self.commit(self.git('write-tree', env=env).strip(),
                                     patch.commit_message(), commit)
        return commit

    def apply_hunks(self, base, patch, env):
        """Remove and change files of QEMU's in the index of @env; git rejects hunks to
        a file that is removed."""
        try:
            if patch.removes:
                self.git('rm', '-q', '-f', '--cached', *patch.removes, env=env)
            if patch.diff.strip():
                self.git('apply', '--cached', '-', stdin=patch.diff, env=env)
        except TreeError as failure:
            raise TreeError(
                f'patches/{patch.name} does not apply to QEMU '
                f'{self.version(base)[0]}; supported: {", ".join(SUPPORTED)}: '
                f'{str(failure).partition(chr(10))[0]}') from None

    def pick(self, commits, changes=None):
        """Apply only @commits of the series to the base; return the new commits.
        @changes, {commit: diffs}, become part of those commits."""
        picked = [self.ref('base')]
        with self.index() as env:
            self.git('read-tree', picked[0], env=env)
            for commit in commits:
                text = self.git('show', '-s', '--format=%B', commit)
                diff = self.git('diff', '--no-renames', '--full-index', f'{commit}^',
                                commit)
                try:
                    for part in (diff, *(changes or {}).get(commit, ())):
                        self.git('apply', '--cached', '--3way', '-', stdin=part,
                                 env=env)
                except TreeError:
                    raise TreeError(
                        f"'{text.partition(chr(10))[0]}' does not apply to the "
                        'topics that its own depends on') from None
                tree = self.git('write-tree', env=env).strip()
                picked.append(self.commit(tree, text, picked[-1]))
        return picked[1:]

    def with_texts(self, commit, texts):
        """The tree of @commit with the files in @texts, {path: text}, replaced; a
        text of None removes the file."""
        with self.index() as env:
            self.git('read-tree', commit, env=env)
            for path, text in texts.items():
                if text is None:
                    self.git('update-index', '--force-remove', path, env=env)
                    continue
                blob = self.git('hash-object', '-w', '--stdin', stdin=text).strip()
                mode = '100755' if os.access(self.path / path, os.X_OK) else '100644'
                self.git('update-index', '--add', '--cacheinfo',
                         f'{mode},{blob},{path}', env=env)
            return self.git('write-tree', env=env).strip()

    def applied(self, commit, diff, path):
        """The text of @path in @commit after @diff; '' if @diff does not apply."""
        with self.index() as env:
            self.git('read-tree', commit, env=env)
            try:
                self.git('apply', '--cached', '-', stdin=diff, env=env)
                return self.git('show', f':{path}', env=env)
            except TreeError:
                return ''

    def dirty(self):
        """The files that differ from HEAD, including untracked files."""
        out = self.git('status', '--porcelain', '-z', '--no-renames')
        return [entry[3:] for entry in out.split('\0') if entry]

    def commits(self, base, tip):
        return self.git('rev-list', '--reverse', f'{base}..{tip}').split()

    def changed(self, commit):
        """{path: status letter} of the files that @commit changes."""
        out = self.git('diff-tree', '-r', '--no-renames', '--name-status',
                       f'{commit}^', commit)
        return {path: status for status, path in
                (line.split('\t', 1) for line in out.splitlines())}

    def touched(self):
        """The files that the patches touch, once for each patch."""
        return [path for commit in self.commits(self.ref('base'),
                                                self.ref('prepared'))
                for path in self.changed(commit)]

    def write_touched(self, folder, *more):
        """Write the files of QEMU that the patches touch, and the files and
        folders @more, to @folder."""
        folder.mkdir(parents=True)
        base = self.ref('base')
        there = set(self.git('ls-tree', '-r', '--name-only', base).splitlines())
        with self.index() as env:
            env['GIT_WORK_TREE'] = str(folder)
            self.git('read-tree', base, env=env)
            self.git('checkout', base, '--', 'VERSION', *more,
                     *sorted(there & set(self.touched())), env=env)

    def blob(self, commit, path):
        return self.git('show', f'{commit}:{path}')

    def has(self, commit, path):
        """Whether @commit has the file @path."""
        return bool(self.git('ls-tree', commit, '--', path))

    def message(self, commit):
        """(subject, body) of @commit, without "Drop-when:"."""
        text = self.git('show', '-s', '--format=%B', commit)
        text = re.sub(r'^(Topic|Drop-when): .*\n', '', text, flags=re.M)
        subject, _, body = text.strip().partition('\n\n')
        return subject, body

    def topic_of(self, commit):
        """The "Topic:" of @commit or, if it has none, of the last earlier commit that
        has one."""
        text = self.git('log', '-1', '--grep=^Topic: ', '--format=%B', commit)
        match = re.search(r'^Topic: (\S+)$', text, re.M)
        if not match:
            raise TreeError(f'no "Topic:" in {commit} says which folder of '
                            'patches/ it is for')
        return match[1]

    @functools.cache
    def patch_of(self, commit):
        """The Patch to write into patches/ for @commit."""
        changed = self.changed(commit)
        files = [path for path, status in changed.items() if status == 'A']
        removes = [path for path, status in changed.items() if status == 'D']
        others = [path for path in changed if path not in files + removes]
        message = self.git('show', '-s', '--format=%B', commit).strip() + '\n'
        message = re.sub(r'^Topic: .*\n', '', message, flags=re.M)
        slug = self.git('show', '-s', '--format=%f', commit).strip()
        return Patch(f'{self.topic_of(commit)}/{slug}.patch', message, files,
                     removes, ''.join(self.least_diffs(commit, others)))

    def least_diffs(self, commit, paths):
        """The change of each of @paths with the least context for which the text
        that each hunk replaces is unique in the old file."""
        old, found = {path: self.blob(f'{commit}^', path) for path in paths}, {}
        for context in range(1, MOST_CONTEXT + 1):
            left = [path for path in paths if path not in found]
            if not left:
                break
            diff = self.git('diff', '--no-renames', f'-U{context}',
                            f'{commit}^', commit, '--', *left)
            diff = re.sub(r'^index .*\n', '', diff, flags=re.M)
            for path, part in hunks_by_file(diff).items():
                if context == MOST_CONTEXT or all(
                        f'\n{old[path]}'.count(f'\n{text}') == 1
                        for text in preimages(part)):
                    found[path] = part
        return [found[path] for path in paths]


def small_tree(tree, folder, *more):
    """A tree with the patches, on a QEMU that has only the files that the patches
    touch, and the files and folders @more: git handles it a hundred times faster."""
    tree.write_touched(folder / 'base', *more)
    subprocess.run([TOP / 'scripts/build/prepare', '--base', folder / 'base',
                    folder / 'tree'], check=True)
    return QemuTree(folder / 'tree')


def need_tree(path):
    """The prepared tree at @path; TreeError if there is none."""
    tree = QemuTree(path)
    if not tree.path.is_dir() or not tree.ref('base'):
        raise TreeError(f'{path} is not a prepared tree: build first')
    return tree


def package_command(tree):
    """The command that prints the .dsc of Debian's package of the QEMU version
    of @tree."""
    version = tree.version(tree.ref('base'))[1]
    return [TOP / 'scripts/build/fetch', 'package',
            *([version] if version != MAIN else [])]


def sender_of(text):
    """(name, mail) of 'NAME <MAIL>', or of git's user if @text is empty."""
    if not text:
        text = '{} <{}>'.format(*(
            subprocess.run(['git', 'config', key], text=True, check=False,
                           stdout=subprocess.PIPE).stdout.strip()
            for key in ('user.name', 'user.email')))
    match = re.fullmatch(r'(.+) <(.+@.+)>', text)
    if not match:
        raise TreeError("no author: use --from 'NAME <MAIL>' or set git's "
                        'user.name and user.email')
    return match.groups()


def preimages(diff):
    """For each hunk of @diff, the text that it replaces, including context."""
    for hunk in re.split(r'^@@ .*\n', diff, flags=re.M)[1:]:
        yield ''.join(line[1:] for line in hunk.splitlines(keepends=True)
                      if line[0] in ' -')
