"""Reads every certificate of the corpus with pyca/cryptography and prints what it found as one JSON value.

What that library refuses is left out: it is stricter than most clients. Only whole certificates are printed.
"""
import json
import pathlib
import re
import sys
import warnings

import cryptography_vectors
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID

warnings.simplefilter("ignore")
ROOT = pathlib.Path(cryptography_vectors.__file__).parent
PEM = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----.*?-----END (?:X509 )?CERTIFICATE-----", re.S)
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


def attempt(read):
    """The value, in a list of one; an empty list where the library refuses."""
    try:
        return [read()]
    except Exception:  # whatever it raises means that it refuses
        return []


def key(certificate):
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        return f"rsa {public.key_size}"
    if isinstance(public, dsa.DSAPublicKey):
        return f"dsa {public.key_size}"
    if isinstance(public, ec.EllipticCurvePublicKey):
        return f"ec {CURVES[public.curve.name]}"
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "ed25519"
    if isinstance(public, ed448.Ed448PublicKey):
        return "ed448"
    raise ValueError


def extension(certificate, kind):
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def usage(certificate):
    found = extension(certificate, x509.KeyUsage)
    return None if found is None else [name for attribute, name in USAGES.items() if getattr(found, attribute)]


def issuers(certificate):
    found = extension(certificate, x509.AuthorityInformationAccess)
    return [
        access.access_location.value
        for access in found or []
        if access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(access.access_location, x509.UniformResourceIdentifier)
    ]


def alternative(certificate):
    found = extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return None
    addresses = found.get_values_for_type(x509.IPAddress)
    return [found.get_values_for_type(x509.DNSName), [str(address) for address in addresses]]


def name(certificate):
    found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return found[-1].value if found else None


def constrained(certificate):
    found = extension(certificate, x509.BasicConstraints)
    return found is not None and found.ca


def identifier(certificate, kind, field):
    found = extension(certificate, kind)
    value = None if found is None else getattr(found, field)
    return None if value is None else value.hex()


def purposes(certificate):
    found = extension(certificate, x509.ExtendedKeyUsage)
    return None if found is None else [purpose.dotted_string for purpose in found]


def timestamps(certificate):
    found = extension(certificate, x509.PrecertificateSignedCertificateTimestamps)
    return 0 if found is None else len(found)


FACTS = {
    "sha256": lambda c: c.fingerprint(hashes.SHA256()).hex(),
    "serial": lambda c: c.serial_number.to_bytes(64, "big", signed=True).hex(),
    "not_before": lambda c: int(c.not_valid_before_utc.timestamp()),
    "not_after": lambda c: int(c.not_valid_after_utc.timestamp()),
    "subject_der": lambda c: c.subject.public_bytes().hex(),
    "common_name": name,
    "key": key,
    "alternative": alternative,
    "is_ca": constrained,
    "key_usage": usage,
    "extended_key_usage": purposes,
    "subject_key_id": lambda c: identifier(c, x509.SubjectKeyIdentifier, "digest"),
    "authority_key_id": lambda c: identifier(c, x509.AuthorityKeyIdentifier, "key_identifier"),
    "issuer_urls": issuers,
    "timestamps": timestamps,
    "is_weak": lambda c: c.signature_hash_algorithm.name in ("md2", "md4", "md5", "sha1"),
}


def facts(certificate):
    return {fact: value[0] for fact, read in FACTS.items() if (value := attempt(lambda: read(certificate)))}


def certificates(path):
    content = path.read_bytes()
    loaded = [attempt(lambda: x509.load_pem_x509_certificate(section)) for section in PEM.findall(content)]
    if not loaded and path.suffix in (".crt", ".der", ".cer"):
        loaded = [attempt(lambda: x509.load_der_x509_certificate(content))]
    return [facts(certificate[0]) for certificate in loaded if certificate]


files = [path for folder in ("x509", "pkcs12") for path in (ROOT / folder).rglob("*") if path.is_file()]
json.dump(
    {"root": str(ROOT), "files": {str(path.relative_to(ROOT)): certificates(path) for path in sorted(files)}},
    sys.stdout,
)
