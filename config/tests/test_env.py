"""What is read from the environment: every variable is explained, wrong values stop the start."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import Env, kept_secret
from config.settings import BASE_DIR, env

EXAMPLE = (BASE_DIR / ".env.example").read_text(encoding="utf-8")
LISTED = re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, flags=re.MULTILINE)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """No variable of ours is set, and no .env file is read."""
    for name in env.names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENV_FILE", os.devnull)


@pytest.fixture
def reader():
    return Env()


def run_manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_example_lists_every_variable_that_is_read():
    assert env.names - {name for name, _ in LISTED} == set()


def test_every_variable_of_the_example_is_read():
    assert {name for name, _ in LISTED} - env.names == set()


def test_example_lists_each_variable_once():
    names = [name for name, _ in LISTED]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", [name for name, _ in LISTED])
def test_each_variable_is_explained_above(name):
    before = re.split(rf"^# {name}=", EXAMPLE, flags=re.MULTILINE)[0]
    paragraph = before.rstrip("\n").rsplit("\n\n", 1)[-1]
    assert re.match(r"# [A-Zs]", paragraph) and not paragraph.startswith("# ---")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("HTTPS", "2"),
        ("POSTS_PER_PAGE", "0"),
        ("WORKER_THREADS", "many"),
        ("DRAW_PROCESSES", "1.5"),
        ("SECTION_PICTURES", "-1"),
        ("SOCIAL_CARD", "square"),
        ("PICTURE_WEBP", "maybe"),
        ("HERO_CROPS", "square,round"),
        ("PUBLISH_GATE", "maybe"),
        ("CURRENCY", "dollars"),
        ("SITE_ACCENT", "red; }"),
        ("SITE_URL", "blog.example.org"),
        ("SITE_URL", "https://blog.example.org/path"),
        ("LANGUAGE_CODE", "English"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("LOG_LEVEL", "loud"),
        ("S3_BUCKET_ORIGINALS", "Blog Bucket"),
        ("S3_ENDPOINT_URL", "s3.example.org"),
        ("S3_ENDPOINT_URL", "https://key:secret@s3.example.org"),
        ("S3_ADDRESSING", "both"),
        ("S3_PREFIX", "../x"),
        ("S3_ENCRYPTION", "rot13"),
        ("S3_PUBLIC_URL", "cdn"),
        ("SIGNED_LINK_SECONDS", "0"),
        ("SEND_FILES_BY", "post"),
        ("DATABASE_URL", "mysql://user@host/name"),
        ("DATABASE_URL", "no address"),
    ],
)
def test_wrong_value_stops_the_start_and_names_itself(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} in the environment"):
        load_settings()


def load_settings() -> dict:
    """The settings as they would be read now, without touching those of the tests."""
    source = (BASE_DIR / "config" / "settings.py").read_text(encoding="utf-8")
    namespace = {"__file__": str(BASE_DIR / "config" / "settings.py")}
    exec(compile(source, "settings", "exec"), namespace)  # noqa: S102
    return namespace


def test_command_with_a_wrong_value_says_one_sentence():
    result = run_manage("check", POSTS_PER_PAGE="none")
    assert result.returncode == 1
    assert result.stderr == (
        "Frontispiece cannot start: POSTS_PER_PAGE in the environment (or .env) "
        "must be a whole number of at least 1.\n"
    )


def test_wrong_value_is_not_repeated(monkeypatch, reader):
    monkeypatch.setenv("DATABASE_URL", "mysql://root:hunter2@host/name")
    with pytest.raises(ImproperlyConfigured) as caught:
        reader.database("DATABASE_URL", "")
    assert "hunter2" not in str(caught.value)


def test_empty_value_counts_as_not_set(monkeypatch, reader):
    monkeypatch.setenv("POSTS_PER_PAGE", " ")
    assert reader.number("POSTS_PER_PAGE", 12, low=1) == 12


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("no", False), ("Off", False)]
)
def test_flags_have_their_usual_spellings(monkeypatch, reader, text, value):
    monkeypatch.setenv("HTTPS", text)
    assert reader.flag("HTTPS", not value) is value


def test_parts_are_split_at_commas(monkeypatch, reader):
    monkeypatch.setenv("ALLOWED_HOSTS", "a.example, b.example,")
    assert reader.parts("ALLOWED_HOSTS") == ["a.example", "b.example"]


def test_secret_is_read_from_its_file(monkeypatch, reader, tmp_path):
    (tmp_path / "key").write_text("from the file\n")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert reader.secret("SECRET_KEY") == "from the file"


def test_secret_file_goes_before_the_variable(monkeypatch, reader, tmp_path):
    (tmp_path / "key").write_text("from the file")
    monkeypatch.setenv("SECRET_KEY", "from the variable")
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert reader.secret("SECRET_KEY") == "from the file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_unreadable_secret_file_is_named(monkeypatch, reader, tmp_path, content):
    if content:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(ImproperlyConfigured, match="^SECRET_KEY_FILE in the environment"):
        reader.secret("SECRET_KEY")


def test_database_address_may_come_from_a_file(monkeypatch, reader, tmp_path):
    (tmp_path / "database").write_text("postgres://ann:secret@db.example/blog\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "database"))
    config = reader.database("DATABASE_URL", "sqlite:////unused")
    assert (config["HOST"], config["NAME"], config["USER"]) == ("db.example", "blog", "ann")


def test_env_file_gives_way_to_the_real_environment(monkeypatch, reader, tmp_path):
    (tmp_path / "env").write_text("SITE_NAME=From the file\nCURRENCY=EUR\n")
    monkeypatch.setenv("SITE_NAME", "From the environment")
    monkeypatch.setenv("CURRENCY", "")
    monkeypatch.delenv("CURRENCY")  # set and removed, so that it is removed again afterwards
    reader.read_file(tmp_path / "env")
    assert (reader.text("SITE_NAME"), reader.text("CURRENCY")) == ("From the environment", "EUR")


def test_folder_that_cannot_be_made_is_named(monkeypatch, reader, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "file" / "data"))
    with pytest.raises(ImproperlyConfigured, match="^DATA_DIR in the environment"):
        reader.folder("DATA_DIR", tmp_path)


def test_kept_secret_stays_the_same_and_is_ours_alone(tmp_path):
    first = kept_secret(tmp_path)
    assert len(first) >= 50 and kept_secret(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_settings_are_safe_without_any_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = load_settings()
    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert settings["DATABASES"]["default"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_https_switches_every_protection_on(monkeypatch):
    monkeypatch.setenv("HTTPS", "true")
    settings = load_settings()
    assert settings["SECURE_SSL_REDIRECT"] and settings["SESSION_COOKIE_SECURE"]
    assert settings["CSRF_COOKIE_SECURE"] and settings["SECURE_HSTS_SECONDS"] > 0


def test_forwarded_protocol_is_believed_only_behind_a_proxy(monkeypatch):
    assert "SECURE_PROXY_SSL_HEADER" not in load_settings()
    monkeypatch.setenv("BEHIND_PROXY", "true")
    assert load_settings()["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


def test_data_folder_is_the_home_of_every_file(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = load_settings()
    kept = (settings["MEDIA_ROOT"], settings["SPOOL_DIR"], settings["STATIC_ROOT"])
    assert {Path(folder).parent for folder in kept} == {tmp_path}


def test_example_shows_what_counts_without_it(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_KEY", "x" * 50)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    without = load_settings()
    for name, value in LISTED:
        if value and name not in {"DATA_DIR", "HSTS_SECONDS"}:
            monkeypatch.setenv(name, value)
    shown = load_settings()
    names = [name for name in without if name.isupper()]
    assert {name: shown[name] for name in names} == {name: without[name] for name in names}


def test_buckets_are_storages_to_move_to(monkeypatch):
    monkeypatch.setenv("S3_BUCKET_ORIGINALS", "blog-originals")
    monkeypatch.setenv("S3_PREFIX", "blog/")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    storages = load_settings()["STORAGES"]
    assert "published_s3" not in storages
    options = storages["originals_s3"]["OPTIONS"]
    assert (options["bucket_name"], options["location"]) == ("blog-originals", "blog")
    assert options["access_key"] == "key" and "secret_key" not in options


@pytest.mark.parametrize(
    ("public_url", "name"), [("https://cdn.example.org", "public_url"), ("", "base_url")]
)
def test_public_bucket_is_read_at_a_cdn_or_from_the_site(monkeypatch, public_url, name):
    monkeypatch.setenv("S3_BUCKET_PUBLISHED", "blog-published")
    monkeypatch.setenv("S3_PUBLIC_URL", public_url)
    options = load_settings()["STORAGES"]["published_s3"]["OPTIONS"]
    assert options[name] == (public_url or "/media/")
    assert not {"public_url", "base_url"} <= set(options)
