# shellcheck shell=bash
# MinIO, built from its Go module; it serves the tests and is no part of the product. Sourced by s3.sh.

MINIO_MODULE=github.com/minio/minio
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
MINIO_SUM=h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=
# The Go that its go.mod asks for.
MINIO_GO=1.24.8

minio_can_build() {
  need go && printf 'go%s\n' "$MINIO_GO" "$(go env GOVERSION | sed 's/^go//')" | sort -VC
}

# Built inside the module, whose go.sum (covered by the module's own sum) then holds for every dependency.
minio_fetch() {
  local folder=$CACHE/minio-$MINIO_VERSION part=$CACHE/minio.part module
  MINIO=$folder/minio
  if [[ ! -x $MINIO ]]; then
    minio_can_build || fail "MinIO needs Go $MINIO_GO or later; ENGINES_S3=ceph needs none"
    say "building MinIO (about four minutes, once)"
    module=$(cd / && go mod download -json "$MINIO_MODULE@$MINIO_VERSION" 9>&-) || fail "go could not fetch MinIO: $module"
    [[ $(json_field Sum <<<"$module") == "$MINIO_SUM" ]] || fail "MinIO's module is not the one with sum $MINIO_SUM"
    rm -rf "$part" && mkdir -p "$part"
    cp -r "$(json_field Dir <<<"$module")" "$part/source"
    chmod -R u+w "$part/source"
    (cd "$part/source" && GOWORK=off CGO_ENABLED=0 nice -n 10 go build -mod=readonly -buildvcs=false -o ../minio .) \
      >"$STATE/log/go.log" 2>&1 9>&- || { tail -n 20 "$STATE/log/go.log" >&2; fail "go could not build MinIO"; }
    rm -rf "$part/source"
    (cd "$part" && sha256sum minio >minio.sha256)
    rm -rf "$folder" && mv "$part" "$folder"
  fi
  (cd "$folder" && sha256sum --quiet -c minio.sha256 >&2) || fail "$folder is damaged; remove it to build it again"
}

json_field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

minio_processes() { echo minio; }

minio_start() {
  free_port minio $((PORT + 31))
  mkdir -p "$STATE/data/minio"
  MINIO_ROOT_USER=$S3_KEY_ID MINIO_ROOT_PASSWORD=$S3_SECRET MINIO_UPDATE=off MINIO_BROWSER=off GOMEMLIMIT=512MiB \
    launch minio "$MINIO" server --quiet --address "127.0.0.1:$((PORT + 31))" "$STATE/data/minio"
}

minio_await() { s3_with_keys await "$1" 60 python3 "$HERE/s3.py" create "$(s3_url)"; }
