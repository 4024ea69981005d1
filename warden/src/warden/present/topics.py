"""The topics of ``warden help``."""

from warden.core.errors import EXIT_MEANING
from warden.core.remedies import warden
from warden.present.commands import command

ENVIRONMENT = (
    ("BAO_ADDR, VAULT_ADDR", "the OpenBao server, https://host:8200; plain http for loopback only"),
    ("BAO_TOKEN, VAULT_TOKEN", "your token; without it the token file or token helper of `bao login`"),
    ("BAO_NAMESPACE", "the namespace (VAULT_… works for this and everything below)"),
    ("BAO_CACERT, BAO_CAPATH", "authorities to verify the server with: a file, a folder; BAO_CACERT_BYTES: PEM"),
    ("BAO_CLIENT_CERT, BAO_CLIENT_KEY", "a client certificate; also as PEM in BAO_CLIENT_…_BYTES"),
    ("BAO_TLS_SERVER_NAME", "the name that the server's certificate must have"),
    ("BAO_CLIENT_TIMEOUT", "seconds to wait for an answer, 45 or 45s; default 20"),
    ("BAO_HEADERS", "headers to send with every request, a JSON object"),
    ("BAO_PROXY_ADDR, BAO_HTTP_PROXY", "an http proxy to reach OpenBao through"),
    ("HTTPS_PROXY, NO_PROXY", "the proxy for OpenBao and clusters, and its exceptions; never for this machine"),
    ("WARDEN_PLATFORM", "the platform directory; --platform takes precedence"),
    ("WARDEN_ENV", "the environment of platform.yaml; --env takes precedence"),
    ("WARDEN_TRUSTED", "platform directories to use although others can change them, separated by :"),
    ("WARDEN_STATE", "journal, locks and embedded platform; default $XDG_STATE_HOME/warden"),
    ("WARDEN_JOURNAL", "the journal: a file or postgresql://…; default platform.yaml, state directory"),
    ("WARDEN_ALLOWED_SIGNERS", "whose key may sign change requests, in place of the file that platform.yaml names"),
    ("WARDEN_AUDIT", "OpenBao's audit log for `prove` and `adopt`: files or directories, separated by :"),
    ("KUBECONFIG", "kubeconfigs with the contexts that clusters.yaml names; default ~/.kube/config"),
    ("WARDEN_SA_TOKEN_FILE", "a service account token to log in with; --token-file takes precedence"),
    ("WARDEN_ID_TOKEN", "the token of a CI job to log in with"),
    ("WARDEN_ROLE_ID, WARDEN_SECRET_ID_FILE", "an AppRole to log in with: its RoleID, and a file with a SecretID"),
    ("WARDEN_POLICY_TOKEN_NAME_FILE", "a file with the bearer token for the policy point NAME of platform.yaml"),
    ("WARDEN_POLICY_TOKEN_NAME", "that token itself; NAME is in capitals, with _ for -"),
    ("WARDEN_ACTOR, WARDEN_KEY_DIR", "`ops-ssh-wrapper`: for whom, and a folder for the key in place of ssh-agent"),
    ("WARDEN_NOTIFY_TOKEN_FILE", "a file with the bearer token for the webhook that platform.yaml names"),
    ("STATE_HUB_TOKEN_FILE", "the same for the State Hub"),
    ("NO_COLOR", "set to anything: no colour"),
)
"""Every environment variable that warden reads, and its purpose."""

SSH = (
    (warden("inventory list"), "actors that may have certificates, and hosts"),
    (warden("sign", "ACTOR", pubkey="FILE"), "a certificate for a key of yours, one line on stdout"),
    (warden("issue", "ACTOR"), "a fresh key and its certificate in ssh-agent"),
    (warden("ssh config", "ACTOR"), "ssh then has certificates made and renewed"),
    (warden("ssh status"), "the certificates that are out there"),
    (warden("ssh revoke", actor="ACTOR", reason="TEXT"), "have hosts refuse certificates that are valid"),
    (warden("ssh krl build"), "publish what is revoked; hosts run `ssh krl pull`"),
    (warden("ssh ca show"), "keys that hosts trust; `ssh ca rotate` replaces one"),
    (warden("ssh host sign", "HOST", pubkey="FILE"), "a host's own certificate"),
    (warden("prove", "ACTOR"), "what its certificates open at a real sshd"),
    (warden("issue", "ACTOR", break_glass=True, reason="TEXT"), "a certificate while OpenBao is down"),
    (warden("ssh acknowledge", "RECORD"), "say that you have looked at such a certificate"),
    (warden("doctor"), "check the CAs, OpenSSH here, and the KRL"),
)
"""What is asked most about SSH certificates."""

_ABOUT = {
    "exit-codes": "what each exit code means",
    "environment": "every environment variable that warden reads",
    "ssh": "the commands for SSH certificates",
}

TOPICS: dict[str, tuple[tuple[str, str], list[tuple[int | str, str]]]] = {
    "exit-codes": (("code", "meaning"), [(int(code), text) for code, text in EXIT_MEANING.items()]),
    "environment": (("variables", "meaning"), list(ENVIRONMENT)),
    "ssh": (("command", "purpose"), [(command(step), text) for step, text in SSH]),
    "topics": (("topic", "meaning"), list(_ABOUT.items())),
}
