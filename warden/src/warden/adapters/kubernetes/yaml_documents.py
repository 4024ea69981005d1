"""Manifests as the YAML that kubectl and GitOps tools read."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml


def dump(manifests: Sequence[Mapping[str, Any]]) -> str:
    """One document each, keys in the order they were written, nothing of Python's own types."""
    return yaml.safe_dump_all(
        [_plain(each) for each in manifests], sort_keys=False, explicit_start=True, width=100, allow_unicode=True
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
