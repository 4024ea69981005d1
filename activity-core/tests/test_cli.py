"""The program is installed, and says plainly that it can do nothing yet."""

from click.testing import CliRunner

from activity_core.cli import run


def test_help_says_what_is_not_there():
    told = CliRunner().invoke(run, ["--help"])
    assert told.exit_code == 0
    assert "Not built yet" in told.output


def test_a_command_that_is_not_there_is_wrong_usage():
    assert CliRunner().invoke(run, ["triage"]).exit_code == 2
