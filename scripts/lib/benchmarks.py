"""Run the benchmarks in qos-test and in tests/bench, with or without valgrind.

SPDX-License-Identifier: GPL-2.0-or-later
"""

import functools
import os
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

from .qemutree import TOP
from .tap import command, good

# The functions whose instructions are counted: they handle commands and a
# back-end's requests, save all devices, give loaded resources their UUIDs, and list
# objects for the monitor
COUNTED = ('virtio_gpu_handle_ctrl', 'virtio_gpu_gl_handle_ctrl',
           'reader_source_dispatch', 'qmp_xen_save_devices_state',
           'virtio_gpu_uuid_records_post_load', 'qmp_x_query_virtio_exports')
CALLGRIND = ['valgrind', '--tool=callgrind', '--compress-strings=no']
# The cost of these depends on earlier allocations
ALLOCATOR = ('malloc', 'calloc', 'realloc', 'free')
LOOKUPS = 1000                  # lookups that on/lookups makes
STRACE = ['strace', '-D', '--follow-forks', '--string-limit=0']
HEAP = ['valgrind', '--leak-check=no', '--undef-value-errors=no']

ON_ONE_CPU = ['taskset', '--cpu-list', str(min(os.sched_getaffinity(0)))]

# qos-test first starts a QEMU to list its devices, which is not measured
WRAPPER = '''#!/bin/sh
case " $* " in *" -machine none "*) exec {qemu} "$@" ;; esac
exec {tool} {qemu} "$@"
'''


def emulator(build):
    return Path(build).resolve() / 'qemu-system-x86_64'


class QosTest:
    """The qos-test of a build, which can also drive the QEMU of another build."""

    def __init__(self, build):
        self.build = Path(build).resolve()

    def bench(self, name, *options, qemu=None, tool=(), prefix=(), env=()):
        """Run the benchmark bench/@name on @qemu, with QEMU under @tool, by
        scripts/run/qos with @options under @prefix, and the variables @env; a list of
        (name, times, value), in order."""
        qemu = qemu or emulator(self.build)
        with tempfile.TemporaryDirectory() as folder:
            if tool:
                wrapper = Path(folder) / qemu.name
                wrapper.write_text(WRAPPER.format(qemu=qemu,
                                                  tool=' '.join(tool)))
                wrapper.chmod(0o755)
                qemu = wrapper
            out = good(*prefix, TOP / 'scripts/run/qos', *options, self.build,
                       f'/bench/{name}$', qemu, env={
                           **os.environ, 'QTEST_MODE': 'perf', 'MALLOC_PERTURB_': '0',
                           **dict(env)})
        return [(what, int(times), int(value)) for what, times, value in
                re.findall(r'^# bench (\S+) (\d+) (\d+)$', out, re.M)]

    def times(self, name, *options, prefix=()):
        """{what: figure per operation}; times are in nanoseconds."""
        return {what: value / times for what, times, value in
                self.bench(name, *options, prefix=prefix)}

    def calls_per_lookup(self):
        """{system call: number per lookup} of QEMU, for a resource."""
        with tempfile.NamedTemporaryFile('r') as trace:
            self.bench('on/lookups', tool=[*STRACE, f'--output={trace.name}'])
            # strace ends after QEMU
            while not re.search(r'\+\+\+$', trace.read()):
                time.sleep(0.1)
                trace.seek(0)
            trace.seek(0)
            calls = [line for line in trace if re.match(r'\d+ +\w+\(', line)]
        replies = [number for number, call in enumerate(calls)
                   if 'sendmsg(' in call and 'SCM_RIGHTS' in call]
        # QEMU has sent descriptors before the first lookup, too
        names = Counter(re.match(r'\d+ +(\w+)', call)[1]
                        for call in calls[replies[-LOOKUPS]:replies[-1]])
        return {name: number / (LOOKUPS - 1) for name, number in names.items()}

    @functools.cache
    def instructions(self, name, qemu=None, but=(), env=()):
        """{what: instructions per operation} of a benchmark, without those of the
        functions in @but."""
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            found = self.bench(name, qemu=qemu, env=env, tool=[
                *CALLGRIND, f'--callgrind-out-file={folder}/out-%p',
                '--log-file=/dev/null', '--dump-before=qmp_query_name',
                *(f'--toggle-collect={function}' for function in COUNTED)])
            phases = [(what, times) for what, times, _ in found
                      if not what.startswith('bytes/')]
            # two may have the same time; the number decides
            dumps = sorted(folder.glob('out-*.*'),
                           key=lambda path: (path.stat().st_mtime_ns,
                                             int(path.suffix[1:])))
            assert len(dumps) == 2 * len(phases), (dumps, phases)
            return {what: (total(dump) - calls_to(but, dump)) / times
                    for (what, times), dump in zip(phases, dumps[1::2])}

    def heap(self, name):
        """The bytes that QEMU has not freed at the end of a benchmark."""
        with tempfile.NamedTemporaryFile('r') as log:
            self.bench(name, tool=[*HEAP, f'--log-file={log.name}'])
            return heap_at_exit(log.read())


def collected(stderr):
    """The number of instructions in callgrind's output."""
    return int(re.search(r'Collected : (\d+)', stderr)[1])


def lookup_instructions(program, objects, exporters=1):
    """The instructions of the 20000 lookups of a program in tests/bench, whose
    UUIDs are the same in each run."""
    return collected(command(
        *CALLGRIND, '--callgrind-out-file=/dev/null',
        '--toggle-collect=look_up_all', program, objects, exporters).stderr)


def program_instructions(program, *arguments):
    """{what: instructions per operation} of a program in tests/bench."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / 'callgrind.out'
        text = good(*CALLGRIND, f'--callgrind-out-file={out}',
                    '--toggle-collect=step', '--dump-after=step', program,
                    *arguments)
        return {what: total(Path(f'{out}.{number}')) / int(times)
                for number, (what, times) in enumerate(
                    re.findall(r'^bench (\S+) (\d+) ', text, re.M), 1)}


def program_heap(program, *arguments):
    """The bytes that a program in tests/bench has not freed at its end."""
    done = command(*HEAP, program, *arguments)
    return heap_at_exit(done.stderr)


def total(dump):
    """The number of instructions in a dump of callgrind."""
    return int(re.search(r'^totals: (\d+)', dump.read_text(), re.M)[1])


def calls_to(functions, dump):
    """The instructions of @functions and their callees in a dump."""
    if not functions:
        return 0
    names = '|'.join(functions)
    return sum(map(int, re.findall(rf"^cfn=(?:{names})\ncalls=.*\n\S+ (\d+)$",
                                   dump.read_text(), re.M)))


def heap_at_exit(log):
    """The bytes that were not freed, from valgrind's @log."""
    return int(re.search(r'in use at exit: ([\d,]+) bytes', log)[1]
               .replace(',', ''))


def grown(figures, what, live):
    """By how much a UUID increases a migration's @what, with @live resources."""
    return figures[f'{what}/with/{live}'] - figures[f'{what}/without/{live}']
