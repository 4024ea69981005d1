"""What the API server's answers hold, without what must not leave here."""

import base64
from collections.abc import Mapping
from typing import Any

import httpx2

from warden.core.clusters.clear_text import LAST_APPLIED


def object_in(answer: httpx2.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty where it has none."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def names_an_object(body: Mapping[str, Any]) -> bool:
    """Whether a 404 is about an object: then its Status has the name (Kubernetes API, Status.details)."""
    return bool((body.get("details") or {}).get("name"))


def harmless(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A Secret's metadata without the copy of its values that kubectl leaves in an annotation."""
    annotations = dict(metadata.get("annotations") or {})
    if LAST_APPLIED in annotations:
        annotations[LAST_APPLIED] = "[secret]"
    return {**metadata, "annotations": annotations}


def decoded(text: str) -> str:
    """A value of a Secret's data; bytes that are not UTF-8 stay distinguishable."""
    return base64.b64decode(text).decode("utf-8", "surrogateescape")
