import json
import os
from pathlib import Path

import pytest
import yaml


@pytest.fixture
def run(tmp_path, program):
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "KF_RULE_CACHE_DIR": os.environ["KF_RULE_CACHE_DIR"],
    }

    def call(*argv: str):
        done = program.run(argv, env=env, cwd=tmp_path, stdin="")
        assert "Traceback" not in done.stderr
        return done

    return call


def test_init_makes_a_platform_that_passes_check_and_is_found_from_there(run, tmp_path):
    done = run("init")
    assert done.returncode == 0, done.stderr
    assert "catalog check" in done.stderr
    done = run("catalog", "check")
    assert (done.returncode, done.stdout) == (0, "ok: no errors in 1 file\n")
    assert (tmp_path / "platform" / "policies").is_dir()
    listed = json.loads(run("route", "list", "--all", "--json").stdout)
    assert [(one["id"], one["status"], one["resolvable"]) for one in listed] == [("example-api-key", "draft", False)]


def test_init_never_touches_what_is_there(run, tmp_path):
    run("init", "here")
    before = {path: path.read_bytes() for path in (tmp_path / "here").rglob("*") if path.is_file()}
    (tmp_path / "here" / "platform.yaml").write_text("kv_mount: ours\n")
    (tmp_path / "here" / "catalog" / "example-api-key.yaml").rename(tmp_path / "here" / "catalog" / "ours.yaml")
    done = run("init", "here", "--json")
    assert json.loads(done.stdout)["made"] == []
    assert (tmp_path / "here" / "platform.yaml").read_text() == "kv_mount: ours\n"
    assert not (tmp_path / "here" / "catalog" / "example-api-key.yaml").exists()
    assert len(before) == 9


def uncommented(text: str) -> str:
    """The example with the comment signs taken away as its own words say."""
    lines = [line.replace("# runtime", "runtime") for line in text.split("\n")]
    at = next(number for number, line in enumerate(lines) if line.startswith("# deliveries"))
    return "\n".join([*lines[:at], *(line.removeprefix("# ") for line in lines[at:])])


def declared(folder: Path) -> dict:
    """What the example says, its placeholders filled in and made active."""
    example = folder / "catalog" / "example-api-key.yaml"
    filled = example.read_text().replace("<tenant>", "example-team").replace("<secret>", "example-app-secrets")
    example.write_text(filled.replace("status: draft", "status: active").replace("<cluster>", "mine"))
    return yaml.safe_load(example.read_text())


def test_init_with_clusters_makes_an_example_that_is_delivered_there(run, tmp_path):
    done = run("init", "--cluster", "mine", "--cluster", "yours", "--cluster", "mine")
    assert done.returncode == 0, done.stderr
    assert "made  " + str(tmp_path / "platform" / "clusters.yaml") in done.stdout.splitlines()
    lane = declared(tmp_path / "platform")
    assert lane["owners"].keys() == {"custody", "consumer", "runtime"}
    assert lane["deliveries"].keys() == {"mine", "yours"}
    done = run("catalog", "check")
    assert (done.returncode, done.stdout) == (0, "ok: no errors in 1 file\n")
    shown = json.loads(run("route", "show", "example-api-key", "--json").stdout)
    assert [each["cluster"] for each in shown["deliveries"]] == ["mine", "yours"]
    mounts = yaml.safe_load((tmp_path / "platform" / "clusters.yaml").read_text())
    assert [each["auth_mount"] for each in mounts.values()] == ["kubernetes", "kubernetes-yours"]


def test_inits_example_has_the_same_lines_as_a_comment_where_there_is_no_cluster_yet(run, tmp_path):
    run("init")
    assert not (tmp_path / "platform" / "clusters.yaml").exists()
    assert "deliveries" not in declared(tmp_path / "platform")
    example = tmp_path / "platform" / "catalog" / "example-api-key.yaml"
    example.write_text(uncommented(example.read_text()))
    lane = declared(tmp_path / "platform")
    run("init", "other", "--cluster", "mine")
    assert lane == declared(tmp_path / "other")
    assert run("catalog", "check").returncode == 0


def test_init_with_a_cluster_says_that_a_lane_which_is_there_is_left_undelivered(run, tmp_path):
    run("init")
    done = run("init", "--cluster", "mine")
    assert "made  " + str(tmp_path / "platform" / "clusters.yaml") in done.stdout.splitlines()
    assert "so no example was made; none of them is delivered yet" in done.stderr
    assert "deliveries" not in declared(tmp_path / "platform")


def test_init_refuses_what_is_no_name_of_a_cluster(run, tmp_path):
    done = run("init", "--cluster", "gke_acme_1")
    assert done.returncode == 2
    assert "is not a valid name of a cluster" in done.stderr
    assert not (tmp_path / "platform").exists()


@pytest.mark.parametrize("where", ["file", "file/below", "/proc/nowhere"])
def test_init_where_nothing_can_be_made_is_plain(run, tmp_path, where):
    (tmp_path / "file").write_text("x")
    done = run("init", where)
    assert done.returncode == 2
    assert "cannot be made" in done.stderr


def test_check_says_every_fault_of_every_file_with_its_place(run, tmp_path):
    run("init")
    example = tmp_path / "platform" / "catalog" / "example-api-key.yaml"
    text = example.read_text()
    example.write_text(text.replace("example-team/example-app", "app").replace("status: draft", "status: x"))
    (tmp_path / "platform" / "catalog" / "broken.yaml").write_text("lane: [\n")
    done = run("catalog", "check")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("platform/catalog/broken.yaml:2: is not valid YAML")
    assert lines[1].startswith('platform/catalog/example-api-key.yaml:7: status: "x" is not one of draft, active')
    assert '"app" has no namespace; write namespace/name' in lines[2]
    assert lines[-1] == "3 errors in 2 of 2 files"
    found = json.loads(run("catalog", "check", "--json").stdout)
    assert found["files"] == 2
    assert set(found["faults"][0]) == {"file", "line", "field", "message", "warning"}
    shown = run("route", "list", "--all")
    assert "2 entries have errors and are left out" in shown.stderr
    assert run("route", "show", "broken").returncode == 1
    assert "is not valid YAML" in run("route", "show", "broken").stderr


def test_what_lies_in_the_catalog_and_is_not_read_is_told(run, tmp_path):
    run("init")
    folder = tmp_path / "platform" / "catalog"
    (folder / "Foo.YAML").write_text("lane: Foo\n")
    (folder / "team").mkdir()
    for name in ("README.md", ".hidden", "example-api-key.yaml~"):
        (folder / name).write_text("x")
    done = run("catalog", "check")
    assert done.returncode == 0
    said = "warning: is not read; an entry is a file ID.yaml right in catalog/"
    assert done.stdout.splitlines()[:2] == [f"platform/catalog/{name}: {said}" for name in ("Foo.YAML", "team")]


def test_an_old_review_is_a_warning_and_one_to_come_a_fault(run, tmp_path):
    run("init")
    example = tmp_path / "platform" / "catalog" / "example-api-key.yaml"
    lines = example.read_text().split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("reviewed"))
    for date, code, words in (("2020-01-01", 0, f":{at + 1}: warning: reviewed: "), ("2999-01-01", 1, "in the future")):
        lines[at] = f"reviewed: {date}"
        example.write_text("\n".join(lines))
        done = run("catalog", "check")
        assert done.returncode == code
        assert words in done.stdout


def test_doc_pointers_are_followed_where_the_checkout_is_here(run, tmp_path):
    run("init")
    (tmp_path / "platform" / "platform.yaml").write_text("repos: {example-app: [../app], gone: [../gone]}\n")
    (tmp_path / "app").mkdir()
    done = run("catalog", "check")
    assert done.returncode == 1
    assert "owners.consumer.doc: README.md is not in the checkout of example-app" in done.stdout
    assert "1 of 2 pages not checked" in done.stderr
    (tmp_path / "app" / "README.md").write_text("x")
    assert run("catalog", "check").returncode == 0
    example = tmp_path / "platform" / "catalog" / "example-api-key.yaml"
    example.write_text(example.read_text() + "playbook: docs/none.md\n")
    done = run("catalog", "check")
    assert done.returncode == 1
    assert "playbook: does not exist" in done.stdout


def test_a_planted_secret_is_told_and_printed_nowhere(run, tmp_path):
    run("init")
    secret = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    example = tmp_path / "platform" / "catalog" / "example-api-key.yaml"
    example.write_text(example.read_text() + f"{secret}: x\n# {secret}\n")
    for argv in (
        ("catalog", "check"),
        ("catalog", "check", "--json"),
        ("route", "list", "--all"),
        ("route", "show", "example-api-key"),
        ("route", "show", "example-api-key", "--json"),
        ("route", "find", "example key", "--all"),
    ):
        done = run(*argv)
        assert secret[4:] not in done.stdout + done.stderr
    assert "secret material (github pat)" in run("catalog", "check").stdout


def test_no_platform_anywhere_is_wrong_usage_that_names_all_places(run):
    done = run("catalog", "check")
    assert done.returncode == 2
    for place in ("--platform", "WARDEN_PLATFORM", "config.toml"):
        assert place in done.stderr


def test_a_policy_that_is_no_policy_is_a_fault_of_the_platform_too(run, tmp_path):
    run("init")
    folder = tmp_path / "platform" / "policies" / "access"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "broken.cedar").write_text("permit(principal, action")
    (folder / "unknown.cedar").write_text("permit(principal is Nobody, action, resource);")
    done = run("catalog", "check")
    assert done.returncode == 1
    assert "\nplatform/policies/access/broken.cedar: not a valid Cedar policy" in "\n" + done.stdout
    assert "platform/policies/access/unknown.cedar" in done.stdout


def test_init_into_a_directory_without_a_name_scatters_nothing(run, tmp_path):
    before = sorted(os.listdir(tmp_path))
    done = run("init", "")
    assert (done.returncode, "DIR is empty. Nothing was created." in done.stderr) == (2, True)
    assert sorted(os.listdir(tmp_path)) == before


def test_an_entry_that_is_hard_to_find_is_warned_about_and_changes_no_exit_code(run, tmp_path):
    run("init")
    example = tmp_path / "platform" / "catalog" / "example-api-key.yaml"
    lines = example.read_text().splitlines(keepends=True)
    example.write_text("".join(line for line in lines if "call the example" not in line and "answers 401" not in line))
    done = run("catalog", "check")
    assert done.returncode == 0
    assert "warning: needs: 1 of at least 3" in done.stdout
    assert done.stdout.endswith("ok: no errors in 1 file, 1 warning\n")
    (fault,) = json.loads(run("catalog", "check", "--json").stdout)["faults"]
    assert fault["warning"] is True
    assert (fault["kind"], fault["entry"], fault["count"]) == ("few-needs", "example-api-key", 1)
    assert fault["line"] == next(at for at, line in enumerate(lines, 1) if line.startswith("needs:"))
