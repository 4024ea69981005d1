"""What a use case needs of the world, one file a part of it.

The port, not the adapter, says which errors escape. Unless a docstring says more, a method raises only

- `Unreachable`, `Sealed`, `ServerFault` (all `Inconclusive`) where the system could not answer,
- `Unidentified` where it does not accept the caller's identity, `Refused` where it refuses the action.

A ``None`` answer means "a reachable, unsealed system says that there is no such object".
"""
