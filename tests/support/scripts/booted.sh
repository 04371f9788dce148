#!/bin/sh
# Keeps one booted machine: an overlay of / on a tmpfs, run by systemd-nspawn. Runs in a mount namespace of its own, so
# that everything it mounts goes with it. Does what its standard input says, a word a line, and ends with it: the kernel
# closes that pipe however the test ends.
#
#   booted.sh FOLDER NAME
set -eu
folder=$1 name=$2 machine=''

# Takes the power away: first from the machine, whose first process takes all others along and would outlive the program
# that runs it.
cut() {
    pkill -KILL -P "$machine" || :
    kill -KILL "$machine" 2>/dev/null || :
    wait "$machine" || :
    machine=''
}

# What is mounted here goes with the namespace; an empty folder would stay.
end() {
    # Nobody may be left to read what the shell says about the killed machine.
    trap '' EXIT TERM INT HUP PIPE
    [ -z "$machine" ] || cut
    umount --lazy "$folder" || :
    rmdir "$folder" || :
    exit 0
}
trap end EXIT TERM INT HUP

# Leftovers of systemd-nspawn are to go as well.
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=755 none "$folder"
root=$folder/root
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"

# Nothing of what this machine runs is to run in there as well.
rm -rf "$root/etc/systemd/system" "$root"/etc/rc?.d
mkdir -m 755 "$root/etc/systemd/system" "$root/etc/systemd/system-generators"
for generator in cloud-init-generator postgresql-generator; do
    ln -s /dev/null "$root/etc/systemd/system-generators/$generator"
done
# Slow, and there to see people in.
for unit in systemd-logind.service getty.target ldconfig.service systemd-hwdb-update.service \
    systemd-journal-catalog-update.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
    systemd-pcrphase.service systemd-pcrphase-sysinit.service sys-kernel-debug.mount sys-kernel-tracing.mount \
    systemd-remount-fs.service sys-kernel-config.mount sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount; do
    ln -s /dev/null "$root/etc/systemd/system/$unit"
done
: >"$root/etc/fstab"
printf '%s\n' "$name" >"$root/etc/hostname"
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$name" >"$root/etc/hosts"
# An empty one would be a first boot, which enables whatever is installed.
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
echo prepared

while read -r order; do
    case $order in
    boot)
        # Without a terminal, and without a manager outside.
        systemd-nspawn --quiet --directory="$root" --machine="$name" --boot \
            --register=no --keep-unit --private-network --link-journal=no --resolv-conf=off --timezone=off \
            --console=pipe </dev/null >>"$folder/console" 2>&1 &
        machine=$!
        echo "$machine"
        ;;
    wait)
        wait "$machine" || :
        machine=''
        echo off
        ;;
    kill)
        cut
        echo off
        ;;
    esac
done
