# Shared by the scripts that run something in a small VM with Debian's kernel and
# busybox, after common.sh: what goes into its root, and its start.
# root, which they set, is the folder that becomes the VM's initramfs.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

# add_libraries_of FILE...: those that it is linked with, where they are here.
add_libraries_of() {
    local library
    ldd "$@" | grep -o '/[^ ]*[^ :]' | sort -u | while read -r library; do
        [ -e "$root$library" ] || [ "${library#"$root"}" != "$library" ] ||
            install -D "$library" "$root$library"
    done
}

# add_programs FILE...: put them where they are here, with their libraries.
add_programs() {
    local file
    for file; do
        install -s -D "$file" "$root$file"
    done
    add_libraries_of "$@"
}

# run_vm QEMU KERNEL FOLDER OPTION...: until it powers off; its console is a
# file in FOLDER, and OPTIONs are further serial lines.  vm_limit are the seconds
# that it has, if not 1200.
run_vm() {
    local qemu=$1 kernel=$2 folder=$3 data firmware=()
    shift 3
    (cd "$root" && find . -print0 | cpio --quiet --null -o -H newc -R 0:0) \
        >"$folder/initramfs"
    for data in /usr/share/seabios /usr/share/qemu; do
        firmware+=(-L "$data")
    done
    timeout "${vm_limit:-1200}" "$qemu" -M q35 -accel tcg -smp 2 -m 3G \
        -nodefaults -display none -no-reboot "${firmware[@]}" \
        -kernel "$kernel" -initrd "$folder/initramfs" \
        -append 'console=ttyS0 quiet panic=-1 tsc_early_khz=2000000' \
        -serial "file:$folder/console" "$@" </dev/null >&2
}
