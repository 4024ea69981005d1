"""Is this certificate what was decided? Every part is compared; one that differs is enough to discard it."""

from collections.abc import Iterator, Mapping, Sequence

from warden.core.inventory.inventory import CLOCK_SKEW
from warden.core.ssh.certificate import Certificate, CertificateSpec, Difference, Part


def differences(spec: CertificateSpec, found: Certificate, authorities: Sequence[str] = ()) -> list[Difference]:
    """Where the certificate is not what was decided; empty where it is.

    Args:
        spec: what was decided.
        found: what came back.
        authorities: fingerprints of the keys that may have signed it; empty: any.
    """
    every = [*_parts(spec, found), *_window(spec, found), *_serial(spec, found)]
    if authorities and found.authority not in authorities:
        every.append(_difference("authority", " or ".join(authorities), found.authority))
    return every


def _parts(spec: CertificateSpec, found: Certificate) -> Iterator[Difference]:
    """The values themselves are compared: two principals and one with a comma in it look alike as text."""
    if spec.type != found.type:
        yield _difference("type", spec.type, found.type)
    if spec.public_key != found.public_key:
        yield _difference("key", spec.public_key, found.public_key)
    if spec.key_id != found.key_id:
        yield _difference("key-id", spec.key_id, found.key_id)
    if sorted(spec.principals) != sorted(found.principals):
        yield _difference("principals", _listed(spec.principals), _listed(found.principals))
    if spec.critical_options != found.critical_options:
        yield _difference("critical-options", _options(spec.critical_options), _options(found.critical_options))
    permitted = dict.fromkeys(spec.extensions, "")
    if permitted != found.extensions:
        yield _difference("extensions", _options(permitted), _options(found.extensions))


def _window(spec: CertificateSpec, found: Certificate) -> Iterator[Difference]:
    """By the signer's clock, which may differ from ours a little; but never longer than was decided."""
    if abs(found.valid_after - spec.valid_after) > CLOCK_SKEW:
        yield _difference("valid-after", str(spec.valid_after), str(found.valid_after))
    longer = found.valid_before - found.valid_after > spec.valid_before - spec.valid_after
    if longer or abs(found.valid_before - spec.valid_before) > CLOCK_SKEW:
        yield _difference("valid-before", str(spec.valid_before), str(found.valid_before))


def _serial(spec: CertificateSpec, found: Certificate) -> Iterator[Difference]:
    """A serial of 0 cannot be revoked (PROTOCOL.krl)."""
    if found.serial == 0 or (spec.serial and found.serial != spec.serial):
        yield _difference("serial", str(spec.serial or "not 0"), str(found.serial))


def _listed(principals: Sequence[str]) -> str:
    return ", ".join(repr(each) for each in sorted(principals)) or "none"


def _options(options: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value!r}" if value else name for name, value in sorted(options.items())) or "none"


def _difference(part: Part, decided: str, found: str) -> Difference:
    return Difference(part=part, decided=decided, found=found)
