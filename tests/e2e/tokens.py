# SPDX-License-Identifier: MPL-2.0
"""Bearer tokens for tests: good ones, and whatever else one can put together. Servers of the tests take those signed
with SECRET, which conftest.py puts into the environment."""
import base64
import hashlib
import hmac
import json
import os
import secrets
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

SECRET = os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe(48))


def b64(data):
    """base64url without padding, of bytes, text or anything JSON."""
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data)
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def claims(subject="ann", **more):
    """Claims that are good for ten minutes; None takes one away."""
    made = {"sub": subject, "email": f"{subject}@example.com", "role": "user", "exp": int(time.time()) + 600, **more}
    return {name: value for name, value in made.items() if value is not None}


def hs256(text, key=SECRET):
    return hmac.new(key.encode() if isinstance(key, str) else key, text.encode(), hashlib.sha256).digest()


def rs256(text, key):
    return key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())


def es256(text, key):
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


SIGN = {"HS256": hs256, "RS256": rs256, "ES256": es256}


def token(payload=None, key=SECRET, alg="HS256", header=None):
    """A token: `payload` and `header` are objects, texts or bytes; the header is completed when it is an object."""
    payload = claims() if payload is None else payload
    if header is None or isinstance(header, dict):
        header = {"alg": alg, "typ": "JWT", **(header or {})}
    text = b64(header) + "." + b64(payload)
    return text + "." + b64(SIGN[alg](text, key))


def bearer(*arguments, **options):
    """The same as header fields."""
    return {"Authorization": "Bearer " + token(*arguments, **options)}


def as_user(subject="ann", **more):
    """Header fields of a good token with these claims."""
    return bearer(claims(subject, **more))


def rsa_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


def ec_key(curve=ec.SECP256R1):
    return ec.generate_private_key(curve())


def jwk(key, **more):
    """The public half as a JWK."""
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        n = numbers.n.to_bytes((key.key_size + 7) // 8, "big")
        return {"kty": "RSA", "n": b64(n), "e": b64(numbers.e.to_bytes(3, "big")), **more}
    size = (key.curve.key_size + 7) // 8
    return {"kty": "EC", "crv": f"P-{key.curve.key_size}", "x": b64(numbers.x.to_bytes(size, "big")),
            "y": b64(numbers.y.to_bytes(size, "big")), **more}
