"""The header with a bearer token (RFC 6750), as an HTTP server is sent it."""

LONGEST_TOKEN = 16384
"""Bytes that are read of a file with a token."""


def bearer(token: bytes) -> dict[str, str]:
    """The header, without white space around the token. Raises `ValueError` where a header cannot hold it."""
    found = token.strip()
    if not found or not all(0x21 <= octet < 0x7F for octet in found):  # noqa: PLR2004 - visible ASCII
        raise ValueError
    return {"Authorization": f"Bearer {found.decode('ascii')}"}
