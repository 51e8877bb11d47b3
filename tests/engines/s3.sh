# shellcheck shell=bash
# S3 with Object Lock: MinIO where a recent Go can build it, Ceph's gateway from Debian's packages where not.
# Each of the two files has start, processes and await; what they share is here. Sourced.

# shellcheck source=tests/engines/minio.sh
source "$HERE/minio.sh"
# shellcheck source=tests/engines/ceph.sh
source "$HERE/ceph.sh"

s3_configure() {
  local kind=minio
  minio_can_build || kind=ceph
  S3_KIND=$(setting s3 "${ENGINES_S3:-}" "$kind")
  [[ $S3_KIND == minio || $S3_KIND == ceph ]] || fail "ENGINES_S3 is minio or ceph, not $S3_KIND"
  # Made for this state; good for nothing but a server on loopback.
  S3_KEY_ID=$(setting s3-key-id "" verbale-tests)
  S3_SECRET=$(setting s3-secret "" "$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')")
}

s3_url() { printf 's3://verbale-tests?endpoint=http://127.0.0.1:%s&region=us-east-1&path_style=true\n' $((PORT + 31)); }
s3_fetch() { "${S3_KIND}_fetch"; }
s3_processes() { "${S3_KIND}_processes"; }
s3_start() { "${S3_KIND}_start" "$1"; }
s3_stop() { halt "$1" "$2" 20; }

s3_with_keys() { AWS_SESSION_TOKEN='' AWS_ACCESS_KEY_ID=$S3_KEY_ID AWS_SECRET_ACCESS_KEY=$S3_SECRET "$@"; }

s3_await() { "${S3_KIND}_await" "$1"; }
s3_check() {
  if [[ $1 == "$(s3_url)" ]]; then
    s3_with_keys python3 "$HERE/s3.py" check "$1"
  else
    python3 "$HERE/s3.py" check "$1"
  fi
}
