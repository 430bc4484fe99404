import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ferrero_dagster.cli import main
from ferrero_dagster_tests.operations.stuck import campaign, failed, master, message, patience, rows, set_aside_file

GOOD = "1234567_RAF_DE_de_TEST_OLV_001_6S_16x9_ABC123.mp4"
BAD = "1234567_RAF_DEU_de_TEST_olv_001_6S_16x9_ABC123.mp4"
OURS = (
    "status",
    "reset-retries",
    "check-connections",
    "check-name",
    "representation",
    "trace",
    "manifest",
    "release-files",
    "redeliver",
    "withdraw-masters",
    "advance",
    "resend",
    "preview-mails",
    "health",
    "reconcile",
    "audit",
)


def call(*arguments, database_url=None, **options):
    environment = {"FERRERO_DATABASE_URL": database_url, "COLUMNS": "250"}
    return CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False, **options)


def test_a_folder_for_samples_of_mails_that_cannot_be_written_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    told = call("preview-mails", str(tmp_path / "file" / "mails"))
    assert told.exit_code == 1
    assert "cannot be written: Not a directory; name another folder." in " ".join(told.output.split())


def test_help_lists_every_command_and_each_teaches_by_example():
    listed = call("--help").output
    assert [command for command in (*OURS, "demo", "db") if command not in listed] == []
    for command in OURS:
        assert f"  ferrero-dagster {command}" in call(command, "--help").output


def test_a_reset_shows_first_and_does_it_with_yes(database, database_url):
    failed(database, campaign())
    shown = call("reset-retries", "C000000078", database_url=database_url)
    assert shown.exit_code == 0
    assert "1 would be changed; this was a dry run. Add --yes to do it." in shown.output
    assert patience(database, campaign()).permanently_failed
    done = call("reset-retries", "--all-failed", "--by", "Maria", "--yes", "--json", database_url=database_url)
    assert [change["after"]["permanently failed"] for change in json.loads(done.stdout)["changes"]] == [False]
    assert not patience(database, campaign()).permanently_failed
    assert rows(database, "SELECT done_by FROM operations") == [{"done_by": "Maria"}]


def test_who_has_no_login_name_is_asked_for_one(database, database_url, monkeypatch):
    failed(database, campaign())
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 9)
    refused = call("reset-retries", "C000000078", database_url=database_url)
    assert (refused.exit_code, "done_by is empty; write your name there" in refused.stderr) == (1, True)


def test_what_the_hourly_job_puts_right_can_be_put_right_now(database, database_url, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(
        "campaigns: {release_failed_after_days: 0.001, digest_weekday: null, max_days_in_status: {A2: null}}"
    )
    failed(database, campaign())
    rows(database, "UPDATE campaign_status SET a1_last_retry_at = a1_last_retry_at - interval '1 hour' RETURNING 1")
    environment = {"FERRERO_SITE_CONFIG": str(site), "FERRERO_DATABASE_URL": database_url, "COLUMNS": "250"}
    done = CliRunner().invoke(main, ["reconcile", "--json"], env=environment, catch_exceptions=False)
    assert done.exit_code == 0
    assert [line["what"] for line in json.loads(done.stdout)] == ["campaign released"]
    assert "could not be read again: Not set" in done.stderr, "no DAM is set; the rest is done"
    assert not patience(database, campaign()).permanently_failed


def test_files_and_messages_are_released_from_the_command_line(database, database_url):
    set_aside_file(database, "AAAAAA")
    number = message(database, "one")
    for arguments in (["release-files", "--tracking-id", "AAAAAA"], ["resend", str(number)]):
        assert "1 changed." in call(*arguments, "--yes", database_url=database_url).output
    assert rows(database, "SELECT state FROM transfers") == [{"state": "pending"}]
    assert rows(database, "SELECT state FROM notifications") == [{"state": "waiting"}]


def test_a_master_is_withdrawn_from_the_command_line(database, database_url):
    master(database, "AAAAAA")
    assert "this was a dry run" in call("withdraw-masters", "AAAAAA", database_url=database_url).output
    assert "1 changed." in call("withdraw-masters", "AAAAAA", "--yes", database_url=database_url).output
    assert rows(database, "SELECT status FROM master_assets") == [{"status": "withdrawn"}]


def test_bad_input_is_one_sentence_and_exit_code_1_wrong_calls_2(database_url):
    refused = call("reset-retries", "C9", "--yes", database_url=database_url)
    assert refused.exit_code == 1
    assert refused.stderr == (
        "ferrero-dagster: No campaign is known by the id, number or name 'C9'. Nothing was changed.\n"
    )
    assert call("resend", "seventeen", database_url=database_url).exit_code == 2


def test_the_status_is_a_table_for_people_and_json_for_scripts(database, database_url):
    failed(database, campaign(name="[red]Spring[/red]"))
    shown = call("status", database_url=database_url).output
    assert "permanently failed" in shown
    assert "[red]Spring[/red]" in shown
    assert "No system is out." in shown
    told = json.loads(call("status", "--json", database_url=database_url).stdout)
    assert (told["campaigns"][0]["errors"], told["outages"]) == (3, [])


def test_check_connections_exits_1_and_says_what_is_wrong_where(database_url):
    found = call("check-connections", "--json", database_url=database_url)
    assert found.exit_code == 1
    states = {(row["system"], row["check"]): row["state"] for row in json.loads(found.stdout)}
    assert (states["PostgreSQL", "schema"], states["DAM", "log-in"]) == ("ok", "failed")


def test_right_names_exit_0():
    assert call("check-name", f"/anywhere/{GOOD}").output == "All names are correct: 1.\n"


def test_wrong_names_are_told_completely_with_the_nearest_and_an_example(tmp_path):
    for name in (GOOD, BAD):
        (tmp_path / name).touch()
    found = call("check-name", str(tmp_path), "--json")
    assert found.exit_code == 1
    wrong, right = sorted(json.loads(found.stdout), key=lambda told: told["correct"])
    assert right["clean_name"] == "RAF_DE_de_TEST_OLV_001_6S_16x9.mp4"
    assert [(p["component"], p["found"], p["nearest"], p["example"]) for p in wrong["problems"]] == [
        ("country", "DEU", "DE", "DE"),
        ("asset type", "olv", "OLV", "OLV"),
    ]
    assert "Wrong names: 1 of 2." in call("check-name", "-", input=f"{GOOD}\n{BAD}\n").output


def test_of_folders_and_lists_what_the_sensor_ignores_is_left_out_and_paths_are_cut_to_names(tmp_path):
    for name in (GOOD, ".DS_Store", "Thumbs.db", "~$draft.mp4"):
        (tmp_path / name).touch()
    assert call("check-name", str(tmp_path)).output == "All names are correct: 1.\n"
    listed = "".join(f"{path}\n" for path in tmp_path.iterdir())
    assert call("check-name", "-", input=listed).output == "All names are correct: 1.\n"
    assert call("check-name", "Thumbs.db").exit_code == 1


def test_names_are_checked_by_the_sites_own_codes(tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text("naming:\n  asset_types: [VIDEO]\n")
    name = GOOD.replace("OLV", "VIDEO")
    assert call("check-name", name).exit_code == 1
    assert CliRunner().invoke(main, ["check-name", name], env={"FERRERO_SITE_CONFIG": str(site)}).exit_code == 0


TYPED = "6666_NUT_SUMMER_OLV_30S_16x9_DE_de_POIJ9S.mp4"


@pytest.mark.parametrize("typed", [TYPED, TYPED.replace("OLV", "olv")])
def test_the_tracking_id_of_a_master_that_is_known_is_the_one_suggested(database, database_url, typed):
    master(database, "pOiJ9s")
    found = call("check-name", typed, "--json", database_url=database_url)
    (told,) = json.loads(found.stdout)
    assert (found.exit_code, told["correct"], told["meant"]) == (1, False, TYPED.replace("POIJ9S", "pOiJ9s"))
    assert [p["nearest"] for p in told["problems"] if p["component"] == "tracking ID"] == ["pOiJ9s"]
    assert told["meant"] in call("check-name", typed, database_url=database_url).output
    assert call("check-name", told["meant"], database_url=database_url).output == "All names are correct: 1.\n"


def test_a_tracking_id_that_no_master_has_is_wrong_where_the_masters_are_known(database, database_url):
    master(database, "pOiJ9s")
    (told,) = json.loads(call("check-name", GOOD, "--json", database_url=database_url).stdout)
    assert (told["correct"], told["meant"]) == (False, None)
    assert [(p["found"], p["nearest"]) for p in told["problems"]] == [("ABC123", None)]
    assert "The tracking ID ABC123 is unknown" in told["problems"][0]["expected"]


@pytest.mark.parametrize(
    ("url", "lines"), [("", 0), ("postgresql://nobody@127.0.0.1:1/none", 1), ("no address at all", 1)]
)
def test_names_are_checked_by_their_form_where_no_database_can_be_asked(url, lines):
    found = call("check-name", TYPED, database_url=url)
    assert (found.exit_code, found.stdout) == (0, "All names are correct: 1.\n")
    assert len(found.stderr.splitlines()) == lines
    assert all(line.startswith("Tracking IDs were not looked up: ") for line in found.stderr.splitlines())


def test_previews_of_all_mails_are_written(tmp_path):
    assert "index.html" in call("preview-mails", str(tmp_path)).output
    assert len(list(tmp_path.glob("*.eml"))) > 10


def command(*arguments, cwd, encoding="utf-8", **options):
    """The real command in a process of its own, without any setting."""
    path = Path(sys.executable).with_name("ferrero-dagster")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("FERRERO_", "DAGSTER_"))}
    environment |= {"PYTHONIOENCODING": encoding, "COLUMNS": "250"}
    return subprocess.run([path, *arguments], cwd=cwd, env=environment, capture_output=True, check=False, **options)


@pytest.mark.fault(80)
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "ascii:strict"])
def test_on_a_terminal_that_lacks_characters_the_answer_and_its_exit_code_are_the_same(tmp_path, encoding):
    name = "Frühling_字_🎬.mp4"
    done = command("check-name", name, cwd=tmp_path, encoding=encoding)
    told = done.stdout.decode(encoding.partition(":")[0])
    assert (done.returncode, done.stderr) == (1, b"")
    assert "Wrong names: 1 of 1." in told
    assert "hling_?_?.mp4" in told
    listed = command("check-name", "-", "--json", cwd=tmp_path, encoding=encoding, input=name.encode())
    assert [entry["name"] for entry in json.loads(listed.stdout)] == [name], "nothing is lost for scripts"
    assert command("check-name", GOOD, cwd=tmp_path, encoding=encoding).returncode == 0


@pytest.mark.fault(80)
@pytest.mark.parametrize("arguments", [[name, "--help"] for name in OURS], ids=OURS)
def test_the_help_of_every_command_is_shown_on_any_terminal(tmp_path, arguments):
    done = command(*arguments, cwd=tmp_path, encoding="ascii:strict")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("ascii")


@pytest.mark.fault(80)
def test_a_name_of_bytes_that_are_no_text_is_wrong_and_no_crash(tmp_path):
    for extra in ([], ["--json"]):
        done = command("check-name", b"caf\xe9.mp4", *extra, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (1, b"")
    latin = command("check-name", "-", cwd=tmp_path, encoding="latin-1", input="café.mp4\n".encode("latin-1"))
    assert (latin.returncode, "café.mp4" in latin.stdout.decode("latin-1")) == (1, True)


def test_a_name_commands_nothing_to_the_terminal():
    answer = call("check-name", "\x1b[2J\x9b31m\u202ex_OLV.mp4")
    assert answer.exit_code == 1
    assert not {"\x1b", "\x9b", "\u202e"} & {*answer.output}
    assert "OLV" in answer.output


@pytest.mark.fault(80)
def test_names_that_cannot_be_checked_are_not_called_wrong(tmp_path):
    assert call("check-name", "a" * 300 + ".mp4").exit_code == 1, "too long for a path, and a wrong name"
    (tmp_path / "site.yaml").write_text("naming: {no_such_setting: 1}")
    environment = {"FERRERO_SITE_CONFIG": str(tmp_path / "site.yaml")}
    refused = CliRunner().invoke(main, ["check-name", GOOD], env=environment, catch_exceptions=False)
    assert (refused.exit_code, "no_such_setting: no such setting" in refused.stderr) == (3, True)


@pytest.mark.fault(80)
def test_a_fault_of_the_program_has_an_exit_code_of_its_own_and_its_trace(monkeypatch):
    monkeypatch.setattr("ferrero_dagster.cli.show.print_table", lambda *_, **__: 1 / 0)
    found = call("check-name", GOOD)
    assert found.exit_code == 3
    assert found.stderr.startswith("ferrero-dagster: An error that nobody foresaw (ZeroDivisionError in ")
    assert "division by zero" in found.stderr


@pytest.mark.parametrize(("name", "code"), [(GOOD, 0), (BAD, 1)])
def test_as_a_real_command_without_any_setting_it_answers_with_its_exit_code(tmp_path, name, code):
    done = command("check-name", name, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, b"")
