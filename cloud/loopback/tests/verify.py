"""Gets tokens from the issuer as a client does and verifies signatures with the keys that it publishes."""

import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256

issuer, token_endpoint, client_id, client_secret, *tokens = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def bytes_of(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text):
    return int.from_bytes(bytes_of(text), "big")


def get(url):
    with opener.open(url) as answer:
        return json.load(answer)


def post(secret=client_secret, basic=False, **fields):
    headers = {}
    if basic:
        credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        headers["Authorization"] = f"Basic {credentials}"
    elif fields:
        fields.update(client_id=client_id, client_secret=secret)
    request = urllib.request.Request(token_endpoint, urllib.parse.urlencode(fields).encode(), headers)
    try:
        with opener.open(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return [error.code, json.load(error)["error"]]


discovery = get(issuer + "/.well-known/openid-configuration")
keys = {key["kid"]: key for key in get(discovery["jwks_uri"])["keys"]}


def verified(token):
    header, claims, signature = token.split(".")
    key = keys.get(json.loads(bytes_of(header)).get("kid"))
    message, signature = f"{header}.{claims}".encode(), bytes_of(signature)
    if key is None:
        return False
    try:
        if key["kty"] == "RSA":
            public = rsa.RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
            public.verify(signature, message, padding.PKCS1v15(), SHA256())
        else:
            public = ec.EllipticCurvePublicNumbers(number(key["x"]), number(key["y"]), ec.SECP256R1()).public_key()
            if len(signature) != 64:
                return False
            r, s = signature[:32], signature[32:]
            encoded = utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
            public.verify(encoded, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


grant = {"grant_type": "client_credentials"}
granted = post(scope="sre-agent-api/read", **grant)["access_token"]
assert verified(granted) and verified(post(basic=True, **grant)["access_token"])
print(
    json.dumps(
        {
            "issuer": discovery["issuer"],
            "keys": len(keys),
            "claims": json.loads(bytes_of(granted.split(".")[1])),
            "errors": {
                "wrong secret": post(secret="wrong", **grant),
                "wrong scope": post(scope="sre-agent-api/all", **grant),
                "wrong grant": post(grant_type="password"),
                "nothing": post(),
            },
            "verified": [verified(token) for token in tokens],
        }
    )
)
