"""What kept an answer from coming, in words, as far as an error of httpx2 says."""

_CLOSED = "closed the connection without an answer"
_KINDS = {
    "InvalidURL": "names an address that is not a URL",
    "ProxyError": "cannot be reached",
    "RemoteProtocolError": _CLOSED,
    "ReadError": _CLOSED,
    "WriteError": _CLOSED,
}


def network_problem(fault: Exception) -> str:
    """A clause. httpx2 tells what the system said in the text alone; nothing else of that is repeated."""
    text, kind = str(fault), type(fault).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "shows a certificate that does not verify"
    if "refused" in text.lower():
        return "cannot be reached (connection refused)"
    if kind in _KINDS:
        return _KINDS[kind]
    if "SSL" in text:
        return "does not speak TLS there"
    return "has a host name that does not resolve" if "Name or service" in text else "cannot be reached"
