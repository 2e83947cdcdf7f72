"""The Test Anything Protocol for test scripts in Python.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import atexit
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from .qemutree import TOP, environment


def need_arguments(doc):
    """Exit with an error unless the command line matches the usage in the script's
    docstring, @doc, and each argument called ...BUILD is a folder; print @doc and
    exit for --help."""
    script, names = re.search(r'^usage: (\S+)(.*)', doc, re.M).groups()
    names, given = names.split(), sys.argv[1:]
    if given[:1] in (['-h'], ['--help']):
        print(doc.partition('\nSPDX-')[0].strip())
        sys.exit()
    missing = [name for name in names[len(given):] if name[0] != '[']
    absent = [folder for name, folder in zip(names, given)
              if name.rstrip(']').endswith('BUILD') and not os.path.isdir(folder)]
    if missing:
        error = f'{missing[0]} is missing'
    elif absent:
        error = f"'{absent[0]}' is not a folder"
    elif len(given) > len(names) and not names[-1].endswith('...'):
        error = f"unexpected argument '{given[len(names)]}'"
    else:
        return
    print(f'error: {error}: see {script} --help', file=sys.stderr)
    sys.exit(2)


def command(*words, env=None, **options):
    """Run a command; return the result of subprocess.run(), with the command's output
    in English."""
    return subprocess.run([str(word) for word in words], text=True,
                          capture_output=True, check=False, **options,
                          env={**(os.environ if env is None else env),
                               'LC_ALL': 'C.UTF-8', 'LANGUAGE': ''})


def good(*words, **options):
    """The output of a command, which must succeed."""
    done = command(*words, **options)
    assert done.returncode == 0, f'{words}\n{done.stdout}{done.stderr}'
    return done.stdout


def rejected(*words):
    """The error message of a command, which must fail with exactly one line."""
    done = command(*words)
    assert done.returncode == 1 and done.stderr.count('\n') == 1, done.stderr
    return done.stderr


def files_here():
    """The files of this repository, committed or not; a release has no .git."""
    if (TOP / '.git').exists():
        names = good('git', '-C', TOP, 'ls-files', '-co', '--exclude-standard',
                     env=environment()).split()
        return [TOP / name for name in names]
    return [path for path in TOP.rglob('*') if path.is_file() and
            '__pycache__' not in path.parts and not re.match(
                'build|series/|VERSION', str(path.relative_to(TOP)))]


def glib_cases(listed):
    """The cases in @listed, the output of a GLib test program for -l.  Debian
    13's GLib prints them as comments."""
    return re.findall(r'^(?:# )?(/\S+)$', listed, re.M)


def temporary_folder(build):
    """A new folder in @build, which is removed when the script ends, also by a
    signal."""
    for number in signal.SIGHUP, signal.SIGINT, signal.SIGTERM:
        signal.signal(number, lambda number, _: sys.exit(signal.strsignal(number)))
    folder = tempfile.TemporaryDirectory(dir=build, ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name)


def cases_here():
    """The functions of the script whose names begin with "test_"."""
    return [thing for name, thing in vars(sys.modules['__main__']).items()
            if name.startswith('test_')]


def run(cases=None):
    """Run the functions in @cases, by default cases_here(), and exit.  The name of a
    function is the title of the case; an exception fails the case."""
    cases = cases or cases_here()
    failed = 0
    print(f'1..{len(cases)}')
    for number, case in enumerate(cases, 1):
        name = case.__name__.removeprefix('test_').replace('_', ' ')
        try:
            case()
            print(f'ok {number} - {name}', flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f'# {line}')
            print(f'not ok {number} - {name}', flush=True)
    sys.exit(failed != 0)
