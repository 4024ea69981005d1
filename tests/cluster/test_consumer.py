"""The whole way of the first lane, and a rotation by hand; what is real and what is not: `first_lane`."""

import pytest
from demo.kubelet import mounted
from first_lane import CLUSTER, LANE, Way, key, key_version, strays

pytestmark = [pytest.mark.cluster, pytest.mark.real, pytest.mark.xdist_group("overlay")]


@pytest.fixture
def way(cluster_platform, tmp_path):
    made = Way(cluster_platform, tmp_path)
    yield made
    made.remove()


def test_the_delivered_key_answers_and_a_rotation_needs_no_restart(way):
    first, second = key(), key()
    way.run("warden", "apply", LANE, "--create-namespace", "--cluster", CLUSTER)
    way.put(first)
    for folder in (way.overlay, way.overlay / "smoke"):
        applied = way.cluster.kubectl("apply", "-k", str(folder))
        assert applied.returncode == 0, applied.stderr
    places = way.volumes()
    with way.provider(first) as upstream, way.gateway(places, upstream) as url:
        assert "a triage report" in way.smoke(url)
        before = key_version(url)

        way.put(second)
        way.provider_key.write_text(second)
        assert "provider_key_refused" in way.smoke(url, expect=1)  # what is mounted is the old one still
        mounted(places["provider"], way.secret())
        assert "a triage report" in way.smoke(url)
        assert key_version(url) != before

        assert "caller_not_allowed" in way.smoke(url, expect=1, account="default")
        assert "caller_unknown" in way.smoke(url, expect=1, audience="another-service")
    assert strays(way.folder, places["provider"], first, second) == []
