"""What the sshd of a proof lets the holder of an actor's certificate do: log in, and nothing else."""

from warden.core.inventory.inventory import Actor, NamedActor
from warden.core.ssh.login_variants import principals_line

FREE = NamedActor(name="adm-ada", declared=Actor())
FORCED = NamedActor(name="agt-deploy", declared=Actor(force_command='say "\\n"'))


def test_nothing_can_be_forwarded_and_only_the_forced_command_be_run():
    assert principals_line(FREE, "ada") == 'restrict,command="false" ada'
    assert principals_line(FORCED, "deploy") == 'restrict,command="say \\"\\\\n\\"" deploy'
    assert principals_line(FORCED, "deploy", "echo x") == 'restrict,command="echo x" deploy'


def test_somebody_elses_certificate_of_the_actor_runs_nothing_as_who_proves(sshd_server):
    """The actor's own CA is trusted while it is proven, so whoever has a certificate of the actor gets in."""
    key = sshd_server.new_key("theirs")
    certificate = sshd_server.sign(key, "-n", "ada", "-V", "-1m:+5m", "-z", "7", "-I", "adm-ada")
    sshd_server.trust(sshd_server.ca_line)
    sshd_server.authorize(principals_line(FREE, "ada"))
    done = sshd_server.login(key, certificate, command=("echo", "inside"))
    assert "Accepted publickey" in sshd_server.log()
    assert (done.code, done.out) == (1, b"")
