# SPDX-License-Identifier: MPL-2.0
"""A bearer token (JWT, HS256) of an administrator, good for an hour, signed with the stack's SECRET_KEY_FILE."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import time


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token():
    key = pathlib.Path(os.environ["SECRET_KEY_FILE"]).read_text(encoding="ascii").split("\n")[0]
    claims = {"sub": "stack-tests", "role": "admin", "exp": int(time.time()) + 3600}
    text = ".".join(encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{text}.{encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())}"


if __name__ == "__main__":
    print(token())
