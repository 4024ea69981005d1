"""Faults of a lane that is delivered to a cluster, planted on a real API server, operator and OpenBao."""

from faults.cluster import consumer, copies, emptiness, openbao, rbac, running, secret, store

FAULTS = [
    *openbao.FAULTS,
    *store.FAULTS,
    *secret.FAULTS,
    *rbac.FAULTS,
    *consumer.FAULTS,
    *running.FAULTS,
    *emptiness.FAULTS,
    *copies.FAULTS,
]
