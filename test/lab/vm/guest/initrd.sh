#!/bin/busybox sh
# Process 1 of the initial RAM disk: mounts the machine's own root below a layer that forgets every
# write, and goes on there. The kernel's command line says where the lab's home is.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for module in netfs 9pnet 9pnet_virtio 9p overlay; do $b insmod /modules/$module.ko; done
home=$($b sed -n 's/.*stillpoint.home=\([^ ]*\).*/\1/p' /proc/cmdline)

options=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o ro,$options,cache=loose machine /lower
$b mount -t tmpfs -o mode=755 writes /writes
$b mkdir /writes/upper /writes/work
$b mount -t overlay -o lowerdir=/lower,upperdir=/writes/upper,workdir=/writes/work root /root

cd /root || exec $b sh
$b mkdir -p out ".$home/run" usr/lib/modules
for dir in proc sys dev; do $b mount --move /$dir $dir; done
$b mkdir -p dev/pts dev/shm
$b ln -s /proc/self/fd dev/fd
$b mount -t devpts -o mode=620,ptmxmode=666 devpts dev/pts
for dir in dev/shm tmp run ".$home/run"; do $b mount -t tmpfs -o mode=1777 tmpfs "$dir"; done
# Not cached loosely: what is written here is read on the other side.
$b mount -t 9p -o $options,cache=mmap out out
$b mount --bind ".$home/vm/kernel/usr/lib/modules" usr/lib/modules

$b mount -t cgroup2 cgroup2 sys/fs/cgroup
for controller in $($b cat sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" > sys/fs/cgroup/cgroup.subtree_control
done

# Not chroot: CRIU refuses a process whose root is not that of its mount namespace.
exec $b switch_root . /bin/bash /out/.vm/init.sh
