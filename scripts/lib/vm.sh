# Functions for scripts that run something in a small VM with Debian's kernel and
# busybox.  Source common.sh first.  Set root to the folder that becomes the VM's
# initramfs.
#
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash

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
    local modules=()
    [ ! -d "$1/qemu-bundle" ] ||
        mapfile -t modules < <(find "$1/qemu-bundle" -name '*.so')
    add_programs "$1/qemu-system-x86_64"
    [ ${#modules[@]} -eq 0 ] || {
        cp -L --parents -t "$root" "${modules[@]}"
        add_libraries_of "${modules[@]}"
    }
}

# run_vm QEMU KERNEL FOLDER OPTION...: run the VM until it powers off.  Its console is
# written to FOLDER/console; OPTIONs add further serial lines.  Set vm_limit for a time
# limit other than 1200 seconds.
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
