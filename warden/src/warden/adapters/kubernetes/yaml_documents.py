"""YAML that every reader reads as what was written: PyYAML, kubectl and GitOps tools, of YAML 1.1 and 1.2."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from warden.adapters.machine.yaml_text import is_plain


def dump(manifests: Sequence[Mapping[str, Any]]) -> str:
    """One document each, keys in the order they were written, nothing of Python's own types."""
    documents = [_builtins(each) for each in manifests]
    written: str = yaml.dump_all(documents, Dumper=_Dumper, explicit_start=True, **_FORMAT)
    return written


def document(content: Mapping[str, Any]) -> str:
    """One document, a file of its own."""
    written: str = yaml.dump(_builtins(content), Dumper=_Dumper, **_FORMAT)
    return written


_FORMAT: dict[str, Any] = {"sort_keys": False, "width": 100, "allow_unicode": True, "default_flow_style": False}


class _Dumper(yaml.SafeDumper):
    """Writes texts in quotes unless they are plain."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain(text) else '"')


_Dumper.add_representer(str, _text)


def _builtins(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _builtins(item) for key, item in value.items()}
    return [_builtins(item) for item in value] if isinstance(value, list | tuple) else value
