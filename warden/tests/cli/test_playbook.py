"""playbook as a person types it: the page's file, what is stale in it, and exit codes."""

import json
import os

import pytest


@pytest.fixture
def page(engineer):
    return engineer.world.folder / "docs" / "playbooks" / f"{engineer.world.lane}.md"


@pytest.fixture
def offline(engineer):
    return lambda *argv: engineer(*argv, BAO_ADDR="")


def test_a_lane_gets_a_page_that_is_current(applied, page):
    lane = applied.world.lane
    done = applied("playbook", lane)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"written   docs/playbooks/{lane}.md\n", "")
    assert f"platform/catalog/{lane}.yaml" in page.read_text()
    assert applied("playbook", lane).stdout.startswith("unchanged ")
    done = applied("playbook", "--all", "--check")
    assert (done.returncode, done.stdout) == (0, f"ok        docs/playbooks/{lane}.md\n")


def test_a_stale_page_names_its_lines(engineer, page, offline):
    lane = engineer.world.lane
    assert offline("playbook", lane, "--check").returncode == 1
    offline("playbook", lane)
    engineer.world.lane_file.write_text(
        engineer.world.lane_file.read_text().replace("repo: platform-team", "repo: others")
    )
    done = offline("playbook", lane, "--check")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, f"STALE     docs/playbooks/{lane}.md")
    assert any(each[7:].startswith("- | OpenBao path") for each in done.stdout.splitlines())
    assert f"warden playbook {lane}" in done.stderr
    (found,) = json.loads(offline("playbook", lane, "--check", "--json").stdout)
    assert found["state"] == "stale"
    lines = page.read_text().splitlines()
    assert all(lines[each["line"] - 1] == each["found"] for each in found["differences"])


def test_a_damaged_marker_is_an_error_with_its_line(engineer, page, offline):
    lane = engineer.world.lane
    offline("playbook", lane)
    page.write_text(page.read_text().replace("<!-- warden:end about -->", "<!-- warden:end abuot -->"))
    before = page.read_text()
    done = offline("playbook", lane)
    number = before.splitlines().index("<!-- warden:end abuot -->") + 1
    assert (done.returncode, page.read_text()) == (1, before)
    assert f"line {number}: abuot ends and has not begun" in done.stderr
    assert "Nothing was written." in done.stderr


def test_a_server_that_does_not_answer_is_said(engineer):
    done = engineer("playbook", engineer.world.lane, BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr


def test_another_file_and_another_folder(engineer, offline, tmp_path):
    lane, folder = engineer.world.lane, engineer.world.folder
    assert offline("playbook", lane, "-o", "here/page.md").returncode == 0
    assert (folder / "here" / "page.md").exists()
    platform = folder / "platform" / "platform.yaml"
    platform.write_text(f"{platform.read_text()}playbooks: pages\n")
    assert offline("playbook", lane).stdout == f"written   pages/{lane}.md\n"
    platform.write_text(platform.read_text().replace("playbooks: pages", "playbooks: ../pages"))
    done = offline("playbook", lane)
    assert (done.returncode, "playbooks: is not a folder of the repository" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "name one lane, or give --all"),
        (("LANE", "--all"), "name one lane, or give --all"),
        (("--all", "-o", "x"), "--output is one page"),
    ],
)
def test_what_cannot_work_is_said(engineer, argv, words):
    done = engineer("playbook", *(engineer.world.lane if each == "LANE" else each for each in argv))
    assert (done.returncode, words in done.stderr) == (2, True)


def test_a_page_that_cannot_be_used(engineer, page, offline):
    lane = engineer.world.lane
    page.parent.mkdir(parents=True)
    page.write_bytes(b"text \xff")
    done = offline("playbook", lane)
    assert (done.returncode, "is not valid UTF-8 (byte 5)" in done.stderr) == (2, True)
    page.unlink()
    page.mkdir()
    assert "is a directory" in offline("playbook", lane).stderr
    page.rmdir()
    os.mkfifo(page)
    assert "not a regular file" in offline("playbook", lane).stderr
