# Runs the command that was asked for, leaves its exit code for the host, and switches off.
source /out/.vm/settings.sh
cd "$directory" || exit 1
"${command[@]}"
echo $? > /out/.vm/exit-code
sync
# Let the last words through the port before it is gone.
sleep 0.2
/bin/busybox poweroff -f
