"""Checks an S3 bucket with Object Lock: s3.py check|create URL, where URL is

s3://bucket?endpoint=http://host:port&region=us-east-1&path_style=true

`check` demands that the bucket has an enabled lock and that an object put is the object got; `create` makes
the bucket, locked and versioned, before that if it is not there. Credentials come from AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY. Signature version 4 with the standard library, the same for every server.
"""

import datetime
import hashlib
import hmac
import http.client
import os
import sys
import urllib.parse

TIMEOUT = 10
LIMIT = 1 << 20
OBJECT = "engines-check"


class Bucket:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        self.name, self.region = parts.netloc, query.get("region", "us-east-1")
        at = urllib.parse.urlsplit(query.get("endpoint", f"https://s3.{self.region}.amazonaws.com"))
        if parts.scheme != "s3" or not self.name or not at.hostname:
            sys.exit(f"not an s3://bucket?endpoint=... URL: {url}")
        self.path_style = query.get("path_style") == "true"
        self.host = at.netloc if self.path_style else f"{self.name}.{at.netloc}"
        self.secure = at.scheme == "https"
        self.key_id = os.environ.get("AWS_ACCESS_KEY_ID", "")
        self.secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "")

    def call(self, method, key="", query="", body=b"", **extra):
        """One signed request; its status, headers and body."""
        path = (f"/{self.name}/" if self.path_style else "/") + urllib.parse.quote(key)
        path = path.rstrip("/") or "/"
        headers = self.sign(method, path, query, body, {name.replace("_", "-"): extra[name] for name in extra})
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(self.host, timeout=TIMEOUT)
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read(LIMIT)
        finally:
            connection.close()

    def sign(self, method, path, query, body, headers):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(body).hexdigest()
        headers = {**headers, "host": self.host, "x-amz-date": stamp, "x-amz-content-sha256": digest}
        if os.environ.get("AWS_SESSION_TOKEN"):
            headers["x-amz-security-token"] = os.environ["AWS_SESSION_TOKEN"]
        signed = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        # A parameter without value is signed with an empty one.
        canonical = "&".join(sorted(word if "=" in word else word + "=" for word in query.split("&") if word))
        request = "\n".join([method, path, canonical, lines, signed, digest])
        scope = f"{day}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = b"AWS4" + self.secret.encode()
        for word in scope.split("/"):
            key = hmac.new(key, word.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        return headers


def demand(done, what):
    if not done:
        raise ValueError(what)


def create(bucket):
    status, _, body = bucket.call("HEAD")
    if status == 200:
        return
    demand(status == 404, f"asking for the bucket: {status}")
    status, _, body = bucket.call("PUT", x_amz_bucket_object_lock_enabled="true")
    demand(status == 200, f"creating the bucket: {status} {body[:300]!r}")


def check(bucket):
    status, _, body = bucket.call("GET", query="object-lock")
    demand(status == 200 and b"Enabled" in body, f"the bucket has no Object Lock: {status} {body[:300]!r}")
    status, _, body = bucket.call("GET", query="versioning")
    demand(status == 200 and b"Enabled" in body, f"the bucket is not versioned: {status} {body[:300]!r}")
    content = os.urandom(16).hex().encode()
    status, headers, body = bucket.call("PUT", OBJECT, body=content)
    demand(status == 200, f"putting an object: {status} {body[:300]!r}")
    version = urllib.parse.quote(headers.get("x-amz-version-id", ""))
    demand(version, "an object put got no version")
    status, _, body = bucket.call("GET", OBJECT, query=f"versionId={version}")
    demand(status == 200 and body == content, f"getting it back: {status}, {len(body)} bytes")
    # The version goes again, so that asking often leaves nothing behind.
    status, _, body = bucket.call("DELETE", OBJECT, query=f"versionId={version}")
    demand(status == 204, f"deleting it: {status} {body[:300]!r}")


def main(command, url):
    bucket = Bucket(url)
    try:
        if command == "create":
            create(bucket)
        check(bucket)
    except (OSError, http.client.HTTPException, ValueError) as error:
        sys.exit(f"s3 does not answer: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
