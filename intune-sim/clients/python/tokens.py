#!/usr/bin/env python3
"""Gets tokens from intune-sim with Microsoft's own libraries, unmodified, over its TLS.

Needs, from PyPI: msal, azure-identity, and what they bring along (cryptography, PyJWT, requests).
Tried with msal 1.39.0 and azure-identity 1.27.0:

    pip install msal==1.39.0 azure-identity==1.27.0

Run it with a built binary, which it starts and stops:

    cargo build -p intune-sim
    python3 intune-sim/clients/python/tokens.py target/debug/intune-sim

or give it the line that a running binary printed, which must have been started with --tls:

    python3 intune-sim/clients/python/tokens.py --connection "$LINE"

It prints one line for each check, and exits with 1 if any failed. It changes the tenant: credentials are
added to the first application, and its sessions revoked.

REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE take precedence over the `verify` of msal, which would then not trust
the simulator: the script unsets them for itself.
"""

import argparse
import base64
import contextlib
import datetime
import json
import logging
import os
import re
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
import warnings
from importlib.metadata import version

for trap in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
    os.environ.pop(trap, None)

import jwt  # noqa: E402
import msal  # noqa: E402
from azure.core.exceptions import ClientAuthenticationError  # noqa: E402
from azure.identity import (  # noqa: E402
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    WorkloadIdentityCredential,
)
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402

# Refusals are expected here, and so is an assertion that isn't a callable.
logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
warnings.simplefilter("ignore", DeprecationWarning)

SCOPE = "https://graph.microsoft.com/.default"
SUBJECT = "daemon.contoso.example"
ACCOUNT = "system:serviceaccount:prod:gate"


class Tenant:
    """The simulated tenant: its control interface, and its Graph."""

    def __init__(self, connection):
        self.authority, self.tenant = connection["authority"], connection["tenant"]
        self.client_id, self.client_secret = connection["client_id"], connection["client_secret"]
        self.ca = connection["ca"]
        self.app = f"apps/{self.client_id}"
        context = ssl.create_default_context(cafile=self.ca)
        handlers = [urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({})]
        self.opener = urllib.request.build_opener(*handlers)

    def call(self, method, path, body=None, token=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.authority}/{path}", data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with self.opener.open(request) as answer:
                status, headers, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, headers, text = error.code, error.headers, error.read()
        return status, headers, json.loads(text) if text else None

    def control(self, method, path, body=None):
        status, _, answer = self.call(method, f"_sim/{path}", body)
        assert status in (200, 204), (path, status, answer)
        return answer

    def graph(self, token):
        path = "v1.0/deviceManagement/managedDevices?$top=1"
        return self.call("GET", path, token=token)

    def challenge(self, token):
        """The claims that Graph asks for, since the token is revoked."""
        status, headers, _ = self.graph(token)
        assert status == 401, status
        header = headers["WWW-Authenticate"]
        assert 'error="insufficient_claims"' in header, header
        return base64.b64decode(re.search(r'claims="([^"]+)"', header)[1]).decode()

    def service_account(self, **described):
        described = {"kind": "kubernetes", "claims": {"sub": ACCOUNT}, **described}
        return self.control("POST", "tokens", described)["token"]

    def verify(self, token, cae):
        """Verifies a token by the published keys, and that it opens Graph."""
        _, _, configuration = self.call("GET", f"{self.tenant}/v2.0/.well-known/openid-configuration")
        path = configuration["jwks_uri"].removeprefix(f"{self.authority}/")
        _, _, keys = self.call("GET", path)
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(key for key in keys["keys"] if key["kid"] == kid)
        audience = "https://graph.microsoft.com"
        claims = jwt.decode(token, jwt.PyJWK(key, "RS256"), ["RS256"], audience=audience)
        assert claims["appid"] == self.client_id
        assert claims.get("xms_cc") == (["cp1"] if cae else None), claims
        lifetime = claims["exp"] - claims["iat"]
        assert lifetime == (86400 if cae else 3599), lifetime
        assert self.graph(token)[0] == 200


class Certificate:
    """An RSA certificate, made here: self-signed, or issued by another one."""

    def __init__(self, name, issuer=None, authority=False):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        self.certificate = builder.sign((issuer or self).key, hashes.SHA256())
        pem = serialization.Encoding.PEM
        self.pem = self.certificate.public_bytes(pem).decode()
        self.key_pem = self.key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.sha1 = self.certificate.fingerprint(hashes.SHA1()).hex()


class Checks:
    def __init__(self):
        self.failed = 0

    @contextlib.contextmanager
    def check(self, name):
        try:
            yield
        except Exception:
            self.failed += 1
            print(f"FAILED  {name}")
            traceback.print_exc(file=sys.stdout)
        else:
            print(f"ok      {name}")


def with_msal(tenant, checks, registered, issued):
    def application(credential, **more):
        settings = {"instance_discovery": False, "verify": tenant.ca, **more}
        return msal.ConfidentialClientApplication(
            tenant.client_id,
            client_credential=credential,
            authority=f"{tenant.authority}/{tenant.tenant}",
            **settings,
        )

    def token(answer):
        assert "access_token" in answer, answer
        return answer["access_token"]

    def refresh_in(answer):
        """Seconds until the token is to be renewed: msal reports when."""
        if "refresh_on" in answer:
            return round(answer["refresh_on"] - time.time(), -1)
        return None

    def codes(credential):
        answer = application(credential).acquire_token_for_client([SCOPE])
        assert "access_token" not in answer
        return answer["error_codes"]

    thumbprint = {"private_key": registered.key_pem, "thumbprint": registered.sha1}
    chain = {"private_key": issued.key_pem, "public_certificate": issued.pem}
    credentials = {
        "secret": tenant.client_secret,
        "certificate by SHA-1": thumbprint,
        "certificate by SHA-256, with x5c": {
            "private_key": registered.key_pem,
            "public_certificate": registered.pem,
        },
        "subject name and issuer": chain,
        "assertion": {"client_assertion": tenant.service_account()},
        "assertion callable": {"client_assertion": lambda: tenant.service_account()},
    }
    for name, credential in credentials.items():
        with checks.check(f"msal: {name}"):
            answer = application(credential).acquire_token_for_client([SCOPE])
            tenant.verify(token(answer), cae=False)
            assert refresh_in(answer) is None
        with checks.check(f"msal: {name}, cp1"):
            evaluated = application(credential, client_capabilities=["cp1"])
            answer = evaluated.acquire_token_for_client([SCOPE])
            tenant.verify(token(answer), cae=True)
            assert (answer["expires_in"], refresh_in(answer)) == (86400, 43200), answer

    with checks.check("msal: instance discovery of the simulator"):
        url = f"{tenant.authority}/common/discovery/instance"
        found = application(tenant.client_secret, instance_discovery=url)
        tenant.verify(token(found.acquire_token_for_client([SCOPE])), cae=False)

    with checks.check("msal: a challenge is answered"):
        evaluated = application(tenant.client_secret, client_capabilities=["cp1"])
        first = token(evaluated.acquire_token_for_client([SCOPE]))
        tenant.control("POST", "revoke-sessions")
        claims = tenant.challenge(first)
        renewed = evaluated.acquire_token_for_client([SCOPE], claims_challenge=claims)
        tenant.verify(token(renewed), cae=True)

    with checks.check("msal: uses an assertion twice, which is refused unless the tenant is told to take it"):
        evaluated = application(thumbprint, client_capabilities=["cp1"])
        first = token(evaluated.acquire_token_for_client([SCOPE]))
        tenant.control("POST", "revoke-sessions")
        claims = tenant.challenge(first)
        refused = evaluated.acquire_token_for_client([SCOPE], claims_challenge=claims)
        assert refused["error_codes"] == [50013], refused
        tenant.control("PUT", "token-settings", {"refuse_replays": False})
        renewed = evaluated.acquire_token_for_client([SCOPE], claims_challenge=claims)
        tenant.verify(token(renewed), cae=True)
        tenant.control("PUT", "token-settings", {"refuse_replays": True})

    # msal 1.39.0 reads `expires_in` as text, but raises a TypeError for such a `refresh_in`.
    with checks.check("msal: numbers as text"):
        tenant.control("PUT", "token-settings", {"numbers_as_text": True})
        answer = application(tenant.client_secret).acquire_token_for_client([SCOPE])
        tenant.control("PUT", "token-settings", {"numbers_as_text": False})
        tenant.verify(token(answer), cae=False)
    with checks.check("msal: a short-lived token that says when to refresh"):
        tenant.control("PUT", "token-settings", {"lifetime": 1200, "refresh_in": 400})
        answer = application(tenant.client_secret).acquire_token_for_client([SCOPE])
        tenant.control("PUT", "token-settings", {"lifetime": 3599, "refresh_in": None})
        assert (answer["expires_in"], refresh_in(answer)) == (1200, 400), answer

    stranger = Certificate("stranger")
    refusals = {
        "wrong secret": ("wrong", 7000215),
        "unknown certificate": ({"private_key": stranger.key_pem, "thumbprint": stranger.sha1}, 700027),
        "wrong key": ({"private_key": stranger.key_pem, "thumbprint": registered.sha1}, 700027),
        "wrong account": ({"client_assertion": tenant.service_account(claims={"sub": "x"})}, 700213),
        "expired account": ({"client_assertion": tenant.service_account(lifetime_seconds=-400)}, 700024),
    }
    for name, (credential, code) in refusals.items():
        with checks.check(f"msal: {name} is refused"):
            assert codes(credential) == [code]

    # msal raises for a status of 500 and more, before it reads the body.
    for code in (7000222, 53003, 700016, 50196):
        with checks.check(f"msal: AADSTS{code} on request"):
            fault = {"route": "token", "kind": {"entra": {"code": code, "one_line": code == 53003}}}
            tenant.control("POST", "faults", fault)
            assert codes(tenant.client_secret) == [code]


def with_azure_identity(tenant, checks, registered, issued, directory):
    def path(name, text):
        file = os.path.join(directory, name)
        with open(file, "w", encoding="ascii") as opened:
            opened.write(text)
        return file

    where = {
        "authority": tenant.authority,
        "connection_verify": tenant.ca,
        "disable_instance_discovery": True,
    }
    ids = {"tenant_id": tenant.tenant, "client_id": tenant.client_id}
    pem = path("registered.pem", registered.key_pem + registered.pem)
    chain = path("issued.pem", issued.key_pem + issued.pem)
    file = path("token", tenant.service_account())
    credentials = {
        "ClientSecretCredential": lambda: ClientSecretCredential(
            **ids, client_secret=tenant.client_secret, **where
        ),
        "CertificateCredential": lambda: CertificateCredential(**ids, certificate_path=pem, **where),
        "CertificateCredential with its chain": lambda: CertificateCredential(
            **ids, certificate_path=chain, send_certificate_chain=True, **where
        ),
        "ClientAssertionCredential": lambda: ClientAssertionCredential(
            **ids, func=tenant.service_account, **where
        ),
        "WorkloadIdentityCredential": lambda: WorkloadIdentityCredential(
            **ids, token_file_path=file, **where
        ),
    }
    # One assertion serves these libraries for several requests.
    tenant.control("PUT", "token-settings", {"refuse_replays": False})
    for name, make in credentials.items():
        with checks.check(f"azure-identity: {name}"):
            tenant.verify(make().get_token(SCOPE).token, cae=False)
        with checks.check(f"azure-identity: {name}, enable_cae, and a challenge"):
            credential = make()
            first = credential.get_token_info(SCOPE, options={"enable_cae": True})
            tenant.verify(first.token, cae=True)
            assert first.refresh_on is not None
            tenant.control("POST", "revoke-sessions")
            claims = tenant.challenge(first.token)
            renewed = credential.get_token(SCOPE, claims=claims, enable_cae=True)
            tenant.verify(renewed.token, cae=True)
    tenant.control("PUT", "token-settings", {"refuse_replays": True})

    with checks.check("azure-identity: a chain without its issuer is refused"):
        stranger = Certificate(SUBJECT)
        file = path("stranger.pem", stranger.key_pem + stranger.pem)
        credential = CertificateCredential(
            **ids, certificate_path=file, send_certificate_chain=True, **where
        )
        try:
            credential.get_token(SCOPE)
            raise AssertionError("a token was issued")
        except ClientAuthenticationError as refused:
            assert "AADSTS7000213" in refused.message, refused.message


def run(tenant, directory):
    checks = Checks()
    authority = Certificate("Contoso Root", authority=True)
    registered, issued = Certificate("daemon"), Certificate(SUBJECT, issuer=authority)
    answer = tenant.control("POST", f"{tenant.app}/certificates", {"pem": registered.pem})
    assert answer["thumbprint"] == registered.certificate.fingerprint(hashes.SHA256()).hex().upper()
    trusted = {"pem": authority.pem, "subject": SUBJECT}
    tenant.control("POST", f"{tenant.app}/subject-name-issuers", trusted)
    tenant.control("POST", f"{tenant.app}/federated", {"subject": ACCOUNT})

    with_msal(tenant, checks, registered, issued)
    with_azure_identity(tenant, checks, registered, issued, directory)

    with checks.check("the request log holds no credentials"):
        log = json.dumps(tenant.control("GET", "requests"))
        assert tenant.client_secret not in log and "eyJ" not in log
    return checks.failed


def main():
    parser = argparse.ArgumentParser(description="Gets tokens from intune-sim with msal and azure-identity.")
    parser.add_argument("binary", nargs="?", default="target/debug/intune-sim")
    parser.add_argument("--connection", metavar="JSON", help="the line of a running binary")
    arguments = parser.parse_args()
    print(f"msal {version('msal')}, azure-identity {version('azure-identity')}")
    with tempfile.TemporaryDirectory() as directory:
        if arguments.connection:
            return run(Tenant(json.loads(arguments.connection)), directory)
        command = [arguments.binary, "--devices", "3", "--tls", directory]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                return run(Tenant(json.loads(process.stdout.readline())), directory)
            finally:
                process.terminate()


if __name__ == "__main__":
    failed = main()
    print(f"{failed} checks failed" if failed else "all checks passed")
    sys.exit(1 if failed else 0)
