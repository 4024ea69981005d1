"""The LLM gateway whose key arrives by a lane.

A request names a *profile*, never a model: which provider and model are called, with which limits, is
declared in one place. The layers, each importing only those above it:

    secret, faults, ranges, strict_json    values and the errors that may leave the process
    profiles, keys, settings               what the environment declares, checked once at start
    providers                              one port, one adapter for each provider
    execution                              request in, answer out; no HTTP server in it
    web, serving, logs                     the HTTP side
    simulator                              an OpenRouter-shaped server for demo and tests
    commands, cli                          the command line
"""

__version__ = "0.1.0"
