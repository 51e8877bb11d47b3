#!/bin/sh
# Makes a bucket with Object Lock, which a bucket gets when it is made or never, and checks that it has it.
# Usage: bucket.sh ENDPOINT BUCKET. Credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
set -eu

endpoint=$1 bucket=$2

# One signed request. Credentials go by standard input: arguments can be seen by others.
call() {
  printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" |
    curl --config - --silent --show-error --max-time 20 --retry 5 --retry-connrefused \
      --aws-sigv4 aws:amz:us-east-1:s3 "$@"
}

status=$(call --output /dev/null --write-out '%{http_code}' --request PUT \
  --header 'x-amz-bucket-object-lock-enabled: true' "$endpoint/$bucket")
case $status in
  200) echo "bucket $bucket is made" ;;
  409) echo "bucket $bucket is there" ;;
  *) echo "bucket $bucket cannot be made: HTTP $status" >&2 && exit 1 ;;
esac

case $(call --fail "$endpoint/$bucket?object-lock=") in
  *'<ObjectLockEnabled>Enabled<'*) echo "bucket $bucket has Object Lock" ;;
  *) echo "bucket $bucket has no Object Lock: remove it and let it be made anew" >&2 && exit 1 ;;
esac
