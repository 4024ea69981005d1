"""The LLM gateway whose key arrives by a lane.

A request names a *profile*, never a model: which provider and model are called, with which limits, is
declared in one place. The layers, each importing only those above it:

    secret, faults, ranges, strict_json, encoding    values and the errors that may leave the process
    profiles, configuration, keys, settings          what environment and file declare, checked once at start
    providers                                        one port; over HTTP in each dialect, or simulated
    structured                                       schemas checked, answers judged
    chat, execution, budgets, calling                a request in, an answer out; no HTTP server in it
    ledger, audit, writer                            what is written down before a call and after it
    callers, admission, metrics, web                 the HTTP side: who, how many, what of it is told
    serving, logs                                    the process
    simulator                                        an OpenRouter-shaped server for demo and tests
    commands, cli                                    the command line
"""

__version__ = "0.1.0"
