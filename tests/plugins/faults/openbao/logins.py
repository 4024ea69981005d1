"""Somebody else logs in with the lane's policy."""

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faults import Fault
from faults.openbao.kit import auth_mount, must, named, own_policy, role, user


def second_role(**fields):
    return lambda bench: role(bench, own_policy(bench), **fields)


def role_at_a_second_mount(bench):
    mount = auth_mount(bench, "jwt")
    known = bench.server.must("GET", "auth/kubernetes/config")["data"]
    must(bench, "POST", f"auth/{mount}/config", jwt_validation_pubkeys=known["jwt_validation_pubkeys"])
    role(bench, own_policy(bench), mount=mount)


def second_kubernetes_mount(bench):
    mount = auth_mount(bench, "kubernetes")
    there = {"kubernetes_host": "https://127.0.0.1:9", "kubernetes_ca_cert": authority(), "disable_local_ca_jwt": True}
    must(bench, "POST", f"auth/{mount}/config", **there)
    fields = {"bound_service_account_names": ["*"], "bound_service_account_namespaces": ["*"]}
    must(bench, "POST", f"auth/{mount}/role/{named(bench, 'any')}", **fields, token_policies=[own_policy(bench)])


def second_approle(bench):
    must(bench, "POST", f"auth/approle/role/{named(bench, 'job')}", token_policies=[own_policy(bench)])


def certificate(bench):
    must(
        bench,
        "POST",
        f"auth/cert/certs/{named(bench, 'vm')}",
        certificate=authority(),
        token_policies=[own_policy(bench)],
    )


def authority():
    """An authority's certificate in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody's authority")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def token_role(**fields):
    def plant(bench):
        shown = {key: [each.replace("POLICY", own_policy(bench)) for each in value] for key, value in fields.items()}
        must(bench, "POST", f"auth/token/roles/{named(bench, 'token')}", **shown)
        user(bench, may_use(bench))

    return plant


def may_use(bench):
    path = f"auth/token/create/{named(bench, 'token')}"
    text = f'path "{path}" {{ capabilities = ["update"] }}\n'
    must(bench, "PUT", f"sys/policies/acl/{named(bench, 'makes-tokens')}", policy=text)
    return named(bench, "makes-tokens")


def program(bench):
    """A role whose policies a program of CEL decides when somebody logs in: nobody can list them."""
    text = f'claims.sub.endsWith("somebody") ? pb.Auth{{policies: ["{own_policy(bench)}"]}} : false'
    body = {"cel_program": {"expression": text}, "bound_audiences": ["openbao"]}
    must(bench, "POST", f"auth/kubernetes/cel/role/{named(bench, 'program')}", **body)


def second_key(bench):
    config = bench.server.must("GET", "auth/kubernetes/config")["data"]
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    keys = [*config["jwt_validation_pubkeys"], pem]
    must(bench, "POST", "auth/kubernetes/config", **config | {"jwt_validation_pubkeys": keys})


def no_issuer(bench):
    config = bench.server.must("GET", "auth/kubernetes/config")["data"]
    must(bench, "POST", "auth/kubernetes/config", **config | {"bound_issuer": ""})


def another_lanes_role(bench):
    """The role of another lane's reader has this lane's policy, too, and no lane says so."""
    other = bench.make(f"{bench.lane.id}-b")
    bench.lanes.append(other)
    bench.apply(lane=other)
    path = f"auth/kubernetes/role/{other.role_of(other.readers[0])}"
    held = bench.server.must("GET", path)["data"]
    must(bench, "POST", path, **held | {"token_policies": [*held["token_policies"], own_policy(bench)]})


def oidc(bench):
    """A mount where people log in with a browser; nobody is asked for its provider before somebody does."""
    mount = auth_mount(bench, "oidc")
    known = bench.server.must("GET", "auth/kubernetes/config")["data"]
    must(bench, "POST", f"auth/{mount}/config", jwt_validation_pubkeys=known["jwt_validation_pubkeys"])
    role(bench, own_policy(bench), mount=mount)


EVERYBODY = {"bound_subject": "", "bound_claims_type": "glob", "bound_claims": {"sub": "system:serviceaccount:*"}}
PEOPLE = {"bound_subject": "", "bound_claims": {"groups": ["interns"]}}


def logs_in(name, plant):
    """Somebody else logs in so."""
    return Fault("another login", name, plant, "nobody-else")


FAULTS = [
    logs_in("a second role with the lane's policy", second_role()),
    logs_in("a role that has it by the older field", lambda b: role(b, policies=[own_policy(b)])),
    logs_in("a role that has it in capitals", lambda b: role(b, own_policy(b).upper())),
    logs_in("a role for addresses of one network", second_role(token_bound_cidrs=["10.0.0.0/8"])),
    Fault("another login", "the role of another lane's reader", another_lanes_role, "other-lane nobody-else"),
    logs_in("a role at an oidc mount", oidc),
    logs_in("a role for every account there is", second_role(**EVERYBODY)),
    logs_in("a role with the lane's policy beside others", lambda b: role(b, "default", own_policy(b))),
    logs_in("a role for a group of people", second_role(mount="netkingdom", **PEOPLE)),
    logs_in("a role at a second jwt mount", role_at_a_second_mount),
    logs_in("a role at a second kubernetes mount", second_kubernetes_mount),
    logs_in("a user with a password", lambda b: user(b, own_policy(b))),
    logs_in("an AppRole", second_approle),
    logs_in("a certificate of another authority", certificate),
    logs_in("a token role that allows the policy", token_role(allowed_policies=["POLICY"])),
    logs_in("a token role that allows it by a pattern", token_role(allowed_policies_glob=["workload-*"])),
    logs_in("a token role that forbids other policies only", token_role(disallowed_policies=["admin"])),
    Fault("another login", "a role whose policies a program decides", program, "", "nobody-else", mends=False),
    Fault("another login", "the mount trusts a second key", second_key, "nobody-else", mends=False),
    Fault("another login", "the mount takes tokens of any issuer", no_issuer, "nobody-else", mends=False),
]
