"""The commands: exit codes, reports, odd files."""

import json

import pytest
from django.core.management import CommandError, call_command

from prompts.models import ImageSetting

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "settings.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return write


def test_import_reports_each_entry(file, capsys):
    call_command("import_settings", file("A: 640x480, sampler euler\nB: 320x240"))
    out = capsys.readouterr().out
    assert "line 1: created “A”\n    in extra settings: sampler = euler" in out
    assert "2 created, 0 updated, 0 unchanged, 0 refused." in out


def test_import_with_a_refused_entry_ends_with_1(file, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("import_settings", file("A: 640x480\nB: 320x240, steps: abc"))
    assert ended.value.code == 1
    assert "line 2: “B” refused: steps: “abc” is not a whole number." in capsys.readouterr().err
    assert ImageSetting.objects.filter(slug="a").exists()


def test_import_dry_run_keeps_nothing(file, capsys):
    call_command("import_settings", file("A: 640x480"), "--dry-run")
    assert "Dry run: nothing was kept." in capsys.readouterr().out
    assert not ImageSetting.objects.filter(slug="a").exists()


def test_import_as_json(file, capsys):
    call_command("import_settings", file("A: 640x480"), "--json")
    report = json.loads(capsys.readouterr().out)
    assert report["created"] == 1
    assert report["entries"][0]["name"] == "A"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_import_reads_files_with_a_mark(file, encoding):
    call_command("import_settings", file("Größe: 640x480".encode(encoding)))
    assert ImageSetting.objects.get(name="Größe").size == (640, 480)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"A: 640x480 \xff\xfe\xfa", "not UTF-8"),
        (b"", "no settings in it"),
        (b"[{]", "the JSON is broken"),
        (b"x" * (5 * 1024 * 1024 + 1), "larger than 5 MB"),
    ],
)
def test_unreadable_file_ends_with_2(file, content, says):
    with pytest.raises(CommandError, match=says) as error:
        call_command("import_settings", file(content))
    assert error.value.returncode == 2


def test_missing_file_ends_with_2(tmp_path):
    with pytest.raises(CommandError, match="No such file") as error:
        call_command("import_settings", str(tmp_path / "none"))
    assert error.value.returncode == 2


def test_export_to_a_file_comes_back(tmp_path, capsys):
    path = tmp_path / "out.json"
    call_command("export_settings", "--output", str(path))
    call_command("import_settings", str(path))
    count = ImageSetting.objects.count()
    assert f"{count} unchanged, 0 refused." in capsys.readouterr().out


def test_export_of_named_settings(capsys):
    call_command("export_settings", "house-hero")
    data = json.loads(capsys.readouterr().out)
    assert [row["slug"] for row in data["settings"]] == ["house-hero"]


def test_export_of_an_unknown_setting_ends_with_2():
    with pytest.raises(CommandError, match="There is no setting nothing") as error:
        call_command("export_settings", "nothing")
    assert error.value.returncode == 2
