"""Who gets at a Secret: a cluster's roles and bindings are read once a run, and the API server is asked for samples."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from warden.core.clusters.exposure import (
    Disagreement,
    ExposureObservation,
    ReadableBy,
    TokenSecrets,
    administers,
    expected,
    obtainers,
    readers,
)
from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import Asking, Rbac, rbac
from warden.core.clusters.subjects import Subject, subject_named
from warden.core.clusters.ways import POWERS, READING, Bound, Gain, Grants, Prize, gains
from warden.core.errors import Refused
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.ports.cluster import Cluster

AT_ONCE = 8
"""Questions to the API server that are under way at a time."""

SAMPLE = 24
"""Decisions that the API server is asked about, for each cluster and run."""

SETTLES = 0.5
"""Seconds until an answer that differs is asked for again: the API server reads its roles from a cache."""

OF_ACCOUNT = "kubernetes.io/service-account.name"
"""The annotation that says whose token a Secret holds (Kubernetes, *Manually create a long-lived API token*)."""

Question = tuple[Subject, Asking]


class KnownCluster(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a cluster's RBAC, and where its API server answered otherwise in the sample.

    ``again``: it was read a second time, since answers differed. ``answers`` and ``counts`` (of subjects, by namespace)
    are what was asked for and counted once.
    """

    rbac: Rbac
    grants: Grants
    caller: Subject
    disagreements: tuple[Disagreement, ...] = ()
    asked: int = 0
    again: bool = False
    answers: dict[Question, bool] = msgspec.field(default_factory=dict)
    counts: dict[str, int] = msgspec.field(default_factory=dict)


class Exposures:
    """The answers of one proof; shared by its threads.

    Where the API server answers otherwise than RBAC says, another authorizer decides, too: then it is asked about
    everybody. With `sampled`, of accounts that RBAC cannot tell apart only one is asked about then (500 lanes in 50
    namespaces would be 165,000 questions). `seed` chooses the sample.
    """

    def __init__(self, *, sampled: bool = False, seed: str = "") -> None:
        self._sampled = sampled
        self._seed = seed
        self._lock = threading.Lock()
        self._clusters: dict[str, KnownCluster] = {}
        self._tokens: dict[tuple[str, str], Sequence[tuple[str, Ref]] | Refused] = {}

    def of(self, target: DeliveryTarget, cluster: Cluster) -> ExposureObservation:
        """Who gets at the delivery's Secret and is not meant to.

        Raises as the port Cluster says.
        """
        known = self._known(target, cluster)
        found = self._observe(target, cluster, known)
        if found.disagreements and not known.again:
            found = self._observe(target, cluster, self._known(target, cluster, instead_of=known))
        return found

    def token_secrets(self, target: DeliveryTarget, cluster: Cluster) -> TokenSecrets:
        """The Secrets with a token of the reader's account; asked for once a namespace.

        Raises as the port Cluster says.
        """
        reader = target.reader.workload
        key = cluster.name, reader.namespace
        with self._lock:
            if key not in self._tokens:
                self._tokens[key] = _token_secrets(cluster, reader.namespace)
        found = self._tokens[key]
        if isinstance(found, Refused):
            raise found
        return TokenSecrets(account=str(reader), found=tuple(ref for of, ref in found if of == reader.account))

    # -- RBAC ---------------------------------------------------------------------------------------------------------

    def _known(self, target: DeliveryTarget, cluster: Cluster, instead_of: KnownCluster | None = None) -> KnownCluster:
        with self._lock:
            known = self._clusters.get(cluster.name)
            if known is None or known is instead_of:
                known = self._read(target, cluster)
                if instead_of is not None:
                    known = msgspec.structs.replace(known, again=True)
                self._clusters[cluster.name] = known
            return known

    def _read(self, target: DeliveryTarget, cluster: Cluster) -> KnownCluster:
        found = rbac(
            cluster.listed("ServiceAccount"),
            [*cluster.listed("ClusterRoleBinding"), *cluster.listed("RoleBinding")],
            [*cluster.listed("ClusterRole"), *cluster.listed("Role")],
        )
        known = KnownCluster(rbac=found, grants=Grants(found), caller=cluster.caller())
        sample = self._sample(target, cluster, known)
        differing = self._differing(cluster, known, sample)
        return msgspec.structs.replace(known, disagreements=differing, asked=len(sample))

    def _observe(self, target: DeliveryTarget, cluster: Cluster, known: KnownCluster) -> ExposureObservation:
        everybody = self._gains(target, known)
        reading = [each for each in everybody if each.way == "reads" and not _expected(each.subject, target, known)]
        others = [each for each in everybody if each.way != "reads" and not _is_meant(each.subject, target, known)]
        questions = [(each.subject, each.asking) for each in (*reading, *others)]
        differing = self._differing(cluster, known, questions)
        refused = {(each.subject, each.right) for each in differing}
        kept = [each for each in (*reading, *others) if (each.subject, each.asking) not in refused]
        asked, readable_by = known.asked + len(questions), readers(kept)
        if known.disagreements or differing:
            more, answered = self._by_asking(target, cluster, known)
            asked, readable_by = asked + answered, more
        return ExposureObservation(
            readable_by=readable_by,
            obtainable_by=obtainers(kept),
            administrators=self._administrators(everybody, target),
            disagreements=(*known.disagreements, *differing),
            asked=asked,
            known=self._count(known, target.namespace),
        )

    def _gains(self, target: DeliveryTarget, known: KnownCluster) -> tuple[Gain, ...]:
        prize = Prize(
            namespace=target.namespace,
            secret=target.secret,
            reader=Subject("account", str(target.reader.workload)),
            eso=Subject("account", str(target.declared.eso)),
        )
        return gains(known.grants, prize, lambda subject: _is_meant(subject, target, known))

    @staticmethod
    def _administrators(found: Sequence[Gain], target: DeliveryTarget) -> tuple[Subject, ...]:
        declared = (each.subject for each in found if administers(each.subject, target.declared))
        return tuple(dict.fromkeys(declared))

    @staticmethod
    def _count(known: KnownCluster, namespace: str) -> int:
        if namespace not in known.counts:
            known.counts[namespace] = len(known.rbac.subjects(namespace))
        return known.counts[namespace]

    # -- asking -------------------------------------------------------------------------------------------------------

    def _sample(self, target: DeliveryTarget, cluster: Cluster, known: KnownCluster) -> list[Question]:
        """Whom to ask about: everybody who is declared; some who may; and some of whom nothing is known beforehand."""
        dice = random.Random(f"{self._seed} {cluster.name}")  # noqa: S311  # chooses questions, no secret
        namespace = target.namespace
        allowed = [(each.subject, each.asking) for each in self._gains(target, known)]
        declared = [*target.declared.may_read_secrets, *target.declared.may_administer]
        subjects = known.rbac.subjects(namespace)
        askings = [
            msgspec.structs.replace(asking, namespace="" if power.wide else namespace)
            for power in POWERS
            for asking in power.askings
        ]
        questions = [
            (subject, Asking("get", "", "secrets", namespace))
            for subject in map(subject_named, declared)
            if subject is not None
        ]
        questions += dice.sample(allowed, min(SAMPLE // 2, len(allowed)))
        questions += [(dice.choice(subjects), dice.choice(askings)) for _ in range(SAMPLE // 2) if subjects]
        return list(dict.fromkeys(questions))

    def _differing(
        self, cluster: Cluster, known: KnownCluster, questions: Sequence[Question]
    ) -> tuple[Disagreement, ...]:
        """Where the API server answers otherwise, also when it is asked once more."""
        differing = self._unlike(cluster, known, questions)
        if differing:
            time.sleep(SETTLES)
            for question in differing:
                known.answers[question] = cluster.may(*question)
            differing = self._unlike(cluster, known, differing)
        return tuple(
            Disagreement(subject=subject, right=asking, allowed=known.answers[subject, asking])
            for subject, asking in differing
        )

    def _unlike(self, cluster: Cluster, known: KnownCluster, questions: Sequence[Question]) -> list[Question]:
        answers = self._asked(cluster, known, questions)
        return [each for each, answer in zip(questions, answers, strict=True) if known.rbac.allows(*each) != answer]

    @staticmethod
    def _asked(cluster: Cluster, known: KnownCluster, questions: Sequence[Question]) -> list[bool]:
        """The API server's answers, several questions at a time; each is asked once."""
        new = [each for each in dict.fromkeys(questions) if each not in known.answers]
        if new:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for question, answer in zip(new, pool.map(lambda each: cluster.may(*each), new), strict=True):
                    known.answers[question] = answer
        return [known.answers[each] for each in questions]

    def _by_asking(
        self, target: DeliveryTarget, cluster: Cluster, known: KnownCluster
    ) -> tuple[tuple[ReadableBy, ...], int]:
        """Who may read as the API server says it of everybody, and of how many it was asked."""
        subjects = known.rbac.subjects(target.namespace)
        groups = known.rbac.alike(subjects) if self._sampled else [(subject,) for subject in subjects]
        askings = list(_reading(target))
        questions = [(group[0], asking) for group in groups for asking in askings]
        answers = iter(self._asked(cluster, known, questions))
        may = [any([next(answers) for _ in askings]) for _ in groups]  # noqa: C419  # all of them are taken
        found = tuple(
            ReadableBy(subject=subject, bindings=self._bindings(known, target, subject))
            for group, yes in zip(groups, may, strict=True)
            for subject in group
            if yes and not _expected(subject, target, known)
        )
        return found, len(groups)

    def _bindings(self, known: KnownCluster, target: DeliveryTarget, subject: Subject) -> tuple[Bound, ...]:
        grants = known.grants.of("reads", target.namespace, target.secret)
        return tuple(each.by for each in grants if each.subject == subject or each.subject.name in subject.groups)


def _expected(subject: Subject, target: DeliveryTarget, known: KnownCluster) -> bool:
    return expected(subject, target.declared, known.caller, known.rbac)


def _is_meant(subject: Subject, target: DeliveryTarget, known: KnownCluster) -> bool:
    return administers(subject, target.declared) or _expected(subject, target, known)


def _reading(target: DeliveryTarget) -> Iterator[Asking]:
    for verb in READING:
        name = "" if verb == "deletecollection" else target.secret
        yield Asking(verb, "", "secrets", target.namespace, name)


def _token_secrets(cluster: Cluster, namespace: str) -> Sequence[tuple[str, Ref]] | Refused:
    """Each Secret with the token of an account, and the account's name."""
    try:
        listed = cluster.token_secrets(namespace)
    except Refused as fault:
        return fault
    names = [(each["metadata"].get("annotations") or {}).get(OF_ACCOUNT) or "" for each in listed]
    return [(of, Ref("Secret", namespace, each["metadata"]["name"])) for of, each in zip(names, listed, strict=True)]
