# Functions for scripts that run something in a small VM with Debian's kernel and
# busybox.  Source common.sh first.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

# new_vm BUILD: make a folder in BUILD for a VM.  Sets vm to it, and root to the folder
# that becomes the VM's initramfs.
new_vm() {
    kernel=$("$TOP/scripts/build/fetch" vm-kernel)
    vm=$(mktemp -d "$1/vm-XXXXXX")
    trap 'rm -rf "$vm"' EXIT
    root=$vm/root
    mkdir -p "$root"/{bin,dev,proc,tmp,usr/bin}
    install "$kernel/busybox" "$root/bin/busybox"
}

# add_libraries_of FILE...: copy the libraries that FILEs are linked with to root.
add_libraries_of() {
    local library
    ldd "$@" | grep -o '/[^ ]*[^ :]' | sort -u | while read -r library; do
        [ -e "$root$library" ] || [ "${library#"$root"}" != "$library" ] ||
            install -D "$library" "$root$library"
    done
}

# add_programs FILE...: copy programs to root at the same path, with their libraries.
add_programs() {
    local file
    for file; do
        install -s -D "$file" "$root$file"
    done
    add_libraries_of "$@"
}

# add_qemu BUILD: copy the emulator in BUILD to root, with its modules.
add_qemu() {
    local modules
    mapfile -t modules < <(find "$1/qemu-bundle" -name '*.so')
    add_programs "$1/qemu-system-x86_64"
    [ ${#modules[@]} -eq 0 ] || {
        cp -L --parents -t "$root" "${modules[@]}"
        add_libraries_of "${modules[@]}"
    }
}

# run_vm QEMU LIMIT OPTION...: run the busybox script on standard input in the VM, and
# print what the script writes to /dev/ttyS1.  LIMIT is in seconds; OPTIONs of QEMU add
# further serial lines.  Fails if the script fails.
run_vm() {
    local qemu=$1 limit=$2 outcome=0
    {
        cat <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs none /dev
mount -t proc none /proc
export PATH=/usr/bin:/bin LC_ALL=C.UTF-8
stty -F /dev/ttyS1 raw
END
        cat
        printf 'echo "exit code $?" >/dev/ttyS1\npoweroff -f\n'
    } >"$root/init"
    chmod +x "$root/init"
    (cd "$root" && find . -print0 | cpio --quiet --null -o -H newc -R 0:0) \
        >"$vm/initramfs"
    timeout "$limit" "$qemu" -M q35 -accel tcg -smp 2 -m 3G -nodefaults \
        -display none -no-reboot -L /usr/share/seabios -L /usr/share/qemu \
        -kernel "$kernel/vmlinuz" -initrd "$vm/initramfs" \
        -append 'console=ttyS0 quiet panic=-1 tsc_early_khz=2000000' \
        -serial "file:$vm/console" -serial "file:$vm/out" "${@:3}" \
        </dev/null >&2 || outcome=1
    tr -d '\r' <"$vm/out" | grep -v '^exit code' || :
    if [ $outcome -ne 0 ] || ! grep -q '^exit code 0' "$vm/out"; then
        tail -n 40 "$vm/console" >&2
        die "the run in the VM failed: $(grep '^exit code' "$vm/out" ||
            echo "it did not end in $limit seconds")"
    fi
}
