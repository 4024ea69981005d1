"""Change a declared file as a person would: what is changed is changed, and comments, order and quotes stay.

ruamel.yaml keeps what a YAML parser drops (its documentation: *Details*, round trip). It is not what judges a file:
whoever edits reads the result with the catalog's own reader, and compares.
"""

import io
from collections.abc import Callable
from typing import Any

from warden.adapters.catalog.yaml_tree import Refusal

_WIDTH = 1 << 20
"""Characters; a line that somebody wrote is never folded anew."""


def edited(text: str, edit: Callable[[Any], None]) -> str:
    """The text after `edit` has changed its mapping in place, with the line ends that it has.

    Raises `Refusal` where the text is not a mapping in YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.util import load_yaml_guess_indent

    ends = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    try:
        _, indent, offset = load_yaml_guess_indent(plain)
        yaml.indent(mapping=2, sequence=indent or 4, offset=offset if indent else 2)
        tree = yaml.load(plain)
    except (YAMLError, ValueError, TypeError):
        raise Refusal(0, "is not valid YAML") from None
    if not isinstance(tree, dict):
        raise Refusal(1, "declares nothing: it is not a mapping with keys")
    edit(tree)
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue().replace("\n", ends)
