# program.sh ROOT FOLDER COMMAND…: gives this network systemd-resolved with the folder's configuration, then becomes the
# command. Below ROOT stands what Debian's package has. It is meant for namespaces of network and mounts.
set -e
root=${1%/} folder=$2
shift 2
# It asks nobody where there is nothing but a loopback.
ip link set lo up
ip link add outside type veth peer name inside
ip address add 192.0.2.7/24 dev outside
ip link set outside up
ip link set inside up
# No bus, no other settings, and a user of its name that it need not become.
mount -t tmpfs none /run
mkdir -p /run/systemd/resolve /run/systemd/resolved.conf.d
cp "$folder/resolved.conf" /run/systemd/resolved.conf.d/lictor.conf
{ cat /etc/passwd; echo systemd-resolve:x:0:0::/:/bin/false; } | sort -u -t: -k1,1 >/run/passwd
mount --bind /run/passwd /etc/passwd
mount --bind "$folder/resolv.conf" /etc/resolv.conf
LD_LIBRARY_PATH=$root/usr/lib/$(uname -m)-linux-gnu/systemd \
  setpriv --pdeathsig KILL "$root/lib/systemd/systemd-resolved" >/run/resolved.log 2>&1 &
# It knows `localhost` itself.
for try in $(seq 1 100); do
  if dig @127.0.0.53 +time=1 +tries=1 localhost >/run/asked 2>&1; then exec "$@"; fi
  sleep 0.1
done
cat /run/resolved.log /run/asked >&2
exit 1
