"""Each channel on the real thing: a program, and a server on this machine."""

import json
import os
import time

import pytest
from notice_server import receiving

from warden.adapters.notices.command import NoticeCommand
from warden.adapters.notices.http import Posted
from warden.core.notices.notice import Notice
from warden.ports.notices import NotSent

NOTICE = Notice(kind="lane.closed", lane="a-lane", at="2026-11-30T09:00:00Z")
DOCUMENT = b'{"kind": "lane.closed"}'


def refused(channel, patience=5.0):
    with pytest.raises(NotSent) as caught:
        channel.send(DOCUMENT, NOTICE, patience)
    return caught.value.failure, caught.value.status, caught.value.again


# -- a command ----------------------------------------------------------------------------------------------------


def test_a_command_gets_the_notice_on_stdin_and_no_credential(tmp_path, monkeypatch):
    monkeypatch.setenv("BAO_TOKEN", "planted")
    script = 'cat > stdin; env > environment; echo "$NOTICE_KIND $1" > said'
    NoticeCommand(["sh", "-c", script, "sh", "--flag"], str(tmp_path)).send(DOCUMENT, NOTICE, 5.0)
    assert (tmp_path / "stdin").read_bytes() == DOCUMENT
    assert (tmp_path / "said").read_text() == "lane.closed --flag\n"
    assert "planted" not in (tmp_path / "environment").read_text()
    assert f"NOTICE_ID={NOTICE.id}" in (tmp_path / "environment").read_text()


def test_a_relative_name_is_of_the_platform_directory(tmp_path):
    script = tmp_path / "notify"
    script.write_text("#!/bin/sh\ncat > stdin\n")
    script.chmod(0o700)
    NoticeCommand(["./notify"], str(tmp_path)).send(DOCUMENT, NOTICE, 5.0)
    assert (tmp_path / "stdin").read_bytes() == DOCUMENT


def test_a_command_that_does_not_read_its_stdin_is_no_fault(tmp_path):
    NoticeCommand(["sh", "-c", "exec <&-; : > ran"], str(tmp_path)).send(b"x" * 1_000_000, NOTICE, 5.0)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("argv", [["/nowhere/at-all"], ["."], ["a\0b"]])
def test_a_command_that_cannot_be_run(argv, tmp_path):
    assert refused(NoticeCommand(argv, str(tmp_path))) == ("not-run", 0, False)


def test_a_command_that_ends_with_a_code(tmp_path):
    assert refused(NoticeCommand(["sh", "-c", "exit 7"], str(tmp_path))) == ("ended", 7, True)


def test_a_command_that_is_too_slow_is_killed_with_what_it_started(tmp_path):
    began = time.monotonic()
    assert refused(NoticeCommand(["sh", "-c", "sleep 60 & echo $! > pid; wait"], str(tmp_path)), 2)[0] == "timed-out"
    assert time.monotonic() - began < 30
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        with open(f"/proc/{pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                return
        time.sleep(0.05)
    raise AssertionError("its child still runs")


# -- HTTP ---------------------------------------------------------------------------------------------------------


def test_a_webhook_gets_the_notice_and_an_idempotency_key():
    with receiving() as hook:
        Posted("notify", hook.url, "TOKEN_FILE", {}).send(DOCUMENT, NOTICE, 5.0)
    assert hook.posted == [json.loads(DOCUMENT)]
    assert hook.headers[0]["idempotency-key"] == NOTICE.id
    assert "authorization" not in hook.headers[0]


def test_a_token_is_read_from_its_file_for_each_notice(tmp_path):
    file = tmp_path / "token"
    with receiving() as hook:
        channel = Posted("state-hub", hook.url, "TOKEN_FILE", {"TOKEN_FILE": str(file)})
        for token in ("one", "two"):
            file.write_text(f"{token}\n")
            channel.send(DOCUMENT, NOTICE, 5.0)
    assert [each["authorization"] for each in hook.headers] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize("content", [None, "", "a b", "a\nb", "ä"])
def test_a_token_that_cannot_be_used_is_sent_nowhere(tmp_path, content):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with receiving() as hook:
        assert refused(Posted("notify", hook.url, "T", {"T": str(file)})) == ("token", 0, False)
    assert hook.posted == []


@pytest.mark.parametrize(("status", "again"), [(400, False), (401, False), (404, False), (429, True), (503, True)])
def test_an_answer_that_does_not_accept_it(status, again):
    with receiving(status) as hook:
        assert refused(Posted("notify", hook.url, "T", {})) == ("answered", status, again)


def test_a_redirect_is_not_followed():
    with receiving(302) as hook:
        assert refused(Posted("notify", hook.url, "T", {})) == ("answered", 302, False)
    assert len(hook.posted) == 1


def test_what_was_received_before_counts_as_received():
    with receiving(409) as hook:
        Posted("state-hub", hook.url, "T", {}).send(DOCUMENT, NOTICE, 5.0)
    assert len(hook.posted) == 1


def test_nobody_there():
    assert refused(Posted("notify", "http://127.0.0.1:1/hook", "T", {})) == ("no-answer", 0, True)


def test_a_server_that_never_answers_is_left():
    with receiving() as hook:
        hook.stuck.set()
        assert refused(Posted("notify", hook.url, "T", {}), 0.3)[0] == "timed-out"
        hook.release.set()
