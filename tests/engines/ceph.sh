# shellcheck shell=bash
# Ceph's S3 gateway from Debian's packages: one monitor, one object store in a sparse file, one gateway, which
# share a keyring. Sourced by s3.sh.

ceph_fetch() {
  local program
  for program in ceph ceph-mon ceph-osd radosgw radosgw-admin; do
    need "$program" || { install ceph-base ceph-common ceph-mon ceph-osd radosgw; return; }
  done
}

# In the order in which they start; they stop the other way round.
ceph_processes() { printf '%s\n' ceph-mon ceph-osd ceph-gateway; }

ceph_conf() {
  local data=$STATE/data/ceph
  cat <<-END
	[global]
	fsid = $(setting ceph-fsid "" "$(</proc/sys/kernel/random/uuid)")
	mon host = [v2:127.0.0.1:$((PORT + 32)),v1:127.0.0.1:$((PORT + 33))]
	public addr = 127.0.0.1
	cluster addr = 127.0.0.1
	ms bind port min = $((PORT + 34))
	ms bind port max = $((PORT + 49))
	keyring = $data/keyring
	run dir = $STATE/run
	admin socket = $STATE/run/\$name.asok
	log file =
	log to stderr = true
	err to stderr = true
	crash dir = $data/crash
	osd pool default size = 1
	osd pool default min size = 1
	osd pool default pg num = 8
	osd pool default pgp num = 8
	osd pool default pg autoscale mode = off
	osd crush chooseleaf type = 0
	mon allow pool size one = true
	mon max pg per osd = 1000
	mon data avail crit = 1
	mon data avail warn = 2

	[mon]
	mon data = $data/mon
	auth allow insecure global id reclaim = true

	[osd]
	osd data = $data/osd
	osd objectstore = bluestore
	osd journal size = 100
	bluestore block create = true
	bluestore block size = 21474836480
	bluestore cache autotune = false
	bluestore cache size = 134217728
	osd numa auto affinity = false

	[client.gateway]
	rgw data = $data/gateway
	rgw frontends = beast endpoint=127.0.0.1:$((PORT + 31))
	rgw thread pool size = 64
	rgw override bucket index max shards = 1
	rgw enable usage log = false
	rgw enable ops log = false
	END
}

ceph_start() {
  CEPH_CONF=$STATE/run/ceph.conf
  mkdir -p "$STATE/data/ceph"/{mon,osd,gateway,crash}
  ceph_conf >"$CEPH_CONF"
  "${1//-/_}_start"
  # Each needs the one before it.
  ceph_settle "$1"
}

ceph_settle() {
  case $1 in
  ceph-mon) await "$1" 60 ceph_ask mon stat ;;
  ceph-osd) await "$1" 60 ceph_osd_is_up ;;
  ceph-gateway) ;;
  esac
}

ceph_ask() { timeout 10 ceph -c "$CEPH_CONF" --connect-timeout 5 "$@" 9>&-; }
ceph_osd_is_up() { [[ $(ceph_ask osd stat) == *"1 up"* ]]; }

ceph_run() { "$@" >>"$STATE/log/ceph-setup.log" 2>&1 9>&- || die_with_log ceph-setup "failed at: $*"; }

ceph_mon_start() {
  free_port ceph-mon $((PORT + 32))
  if [[ ! -e $STATE/data/ceph/mon-made ]]; then
    rm -f "$STATE/run/monmap"
    ceph_run monmaptool --create --fsid "$(setting ceph-fsid "" "")" \
      --addv a "[v2:127.0.0.1:$((PORT + 32)),v1:127.0.0.1:$((PORT + 33))]" "$STATE/run/monmap"
    rm -rf "$STATE/data/ceph/mon" && mkdir -p "$STATE/data/ceph/mon"
    ceph_keyring "$STATE/data/ceph/keyring"
    ceph_run ceph-mon -c "$CEPH_CONF" --mkfs -i a --monmap "$STATE/run/monmap" --keyring "$STATE/data/ceph/keyring"
    touch "$STATE/data/ceph/mon-made"
  fi
  launch ceph-mon ceph-mon -f -c "$CEPH_CONF" -i a
}

# The monitor takes every key at its birth, so that none has to be asked for later.
ceph_keyring() {
  local name
  rm -f "$1"
  ceph_run ceph-authtool "$1" --create-keyring --gen-key -n mon. --cap mon 'allow *'
  for name in client.admin client.gateway osd.0; do
    ceph_run ceph-authtool "$1" --gen-key -n "$name" --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  done
}

ceph_osd_start() {
  local id=$STATE/data/ceph/osd-id
  if [[ ! -s $id ]]; then
    rm -rf "$STATE/data/ceph/osd" && mkdir -p "$STATE/data/ceph/osd"
    printf '%s\n' "$(</proc/sys/kernel/random/uuid)" >"$id.new"
    ceph_run ceph_ask osd new "$(<"$id.new")" 0
    ceph_run ceph-osd -c "$CEPH_CONF" -i 0 --mkfs --osd-uuid "$(<"$id.new")"
    mv "$id.new" "$id"
  fi
  launch ceph-osd ceph-osd -f -c "$CEPH_CONF" -i 0
}

ceph_gateway_start() {
  free_port ceph-gateway $((PORT + 31))
  if [[ ! -e $STATE/data/ceph/user ]]; then
    ceph_run timeout 120 radosgw-admin -c "$CEPH_CONF" -n client.gateway user create --uid verbale --display-name verbale \
      --access-key "$S3_KEY_ID" --secret-key "$S3_SECRET"
    touch "$STATE/data/ceph/user"
  fi
  launch ceph-gateway radosgw -f -c "$CEPH_CONF" -n client.gateway
}

# Only the last of the three answers requests.
ceph_await() {
  [[ $1 == ceph-gateway ]] || return 0
  s3_with_keys await "$1" 180 python3 "$HERE/s3.py" create "$(s3_url)"
}
