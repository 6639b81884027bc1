# Process 1 on the real root. What the guest prints goes to the virtio port that the host listens
# on; the kernel's own words go to the serial console. With systemd, this makes way for it.
exec > "$(echo /dev/vport*)" 2>&1 < /dev/null
mount --make-rshared /
ip link set lo up
hostname lab
# shellcheck source=/dev/null
source /out/.vm/settings.sh
[ -n "$with_systemd" ] || exec env -i "${environment[@]}" bash /out/.vm/run.sh

mkdir -p /run/systemd/system
cat > /run/systemd/system/lab.target <<UNIT
[Unit]
DefaultDependencies=no
Wants=lab.service
UNIT
{
  printf '[Unit]\nDefaultDependencies=no\n[Service]\nDelegate=yes\nKillMode=process\n'
  printf 'Environment="%s"\n' "${environment[@]}"
  printf 'StandardOutput=file:%s\nStandardError=inherit\n' /dev/vport*
  printf 'ExecStart=/bin/bash /out/.vm/run.sh\n'
} > /run/systemd/system/lab.service
exec /lib/systemd/systemd --unit=lab.target
