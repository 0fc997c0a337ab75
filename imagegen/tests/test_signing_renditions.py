"""Content Credentials of our own: asked for by settings, done after encoding, or told why not."""

import json
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from imagegen import checks
from imagegen.errors import StorageProblem
from imagegen.imaging.c2pa import find_manifest, read_facts
from imagegen.imaging.xmp import read_packet
from imagegen.services import credentials, recipes, renditions
from imagegen.tests import pictures as made
from imagegen.tests.factories import hero_of, make_post
from imagegen.tests.stored import in_this_process, put_output  # noqa: F401
from imagegen.tests.test_c2pa import SIGNED, in_png

needs_package = pytest.mark.skipif(
    find_spec("c2pa") is None, reason="c2pa-python is not installed (requirements-c2pa.in)"
)
FACTS = {"digital_source_type": "trainedAlgorithmicMedia", "alt": "Stones", "credit": "Walls"}


def recipe(format: str, **changes) -> dict:
    plain = {"original": "x", "crop": None, "width": 64, "format": format, "watermark": None}
    return {**plain, "card": None, "facts": FACTS, "signed": "abc", **changes}


@pytest.fixture(scope="session")
def signer(tmp_path_factory) -> dict[str, str]:
    """A leaf and its root of our own, as paths."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common: str) -> x509.Name:
        pairs = [(NameOID.ORGANIZATION_NAME, "Walls"), (NameOID.COMMON_NAME, common)]
        return x509.Name([x509.NameAttribute(*pair) for pair in pairs])

    def certify(subject: str, key, issuer_key, *, is_root: bool) -> x509.Certificate:
        start = datetime(2026, 1, 1)
        uses = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
            + ("crl_sign", "encipher_only", "decipher_only"),
            False,
        )
        uses |= {"digital_signature": not is_root, "key_cert_sign": is_root}
        built = (
            x509.CertificateBuilder(name("Root"), name(subject), key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=9000))
            .add_extension(x509.BasicConstraints(is_root, None), critical=True)
            .add_extension(x509.KeyUsage(**uses), critical=True)
        )
        if not is_root:
            purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
            built = built.add_extension(purposes, critical=True)
            built = built.add_extension(authority, critical=False)
        return built.sign(issuer_key, hashes.SHA256())

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = [
        certify("Press of Walls", key, root_key, is_root=False),
        certify("Root", root_key, root_key, is_root=True),
    ]
    pem, folder = serialization.Encoding.PEM, tmp_path_factory.mktemp("signer")
    (folder / "chain.pem").write_bytes(b"".join(cert.public_bytes(pem) for cert in chain))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *plain))
    return {"certificate": str(folder / "chain.pem"), "private_key": str(folder / "key.pem")}


@pytest.fixture
def asked(settings, tmp_path):
    """The site asks for signatures; what its files hold does not matter here."""
    for name in ("C2PA_CERTIFICATE", "C2PA_PRIVATE_KEY"):
        path = tmp_path / name
        path.write_text("PEM")
        setattr(settings, name, str(path))
    return settings


# --- With the package -------------------------------------------------------------------


@needs_package
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_rendition_is_signed_and_keeps_its_marks(tmp_path, signer, format):
    from imagegen.imaging.signing import render_signed

    source, target = tmp_path / "a.png", tmp_path / "out"
    source.write_bytes(made.png())
    facts = render_signed(str(source), [(recipe(format), str(target))], **signer)[0]
    told = read_facts(find_manifest(target.read_bytes()))
    assert (told["signer"], told["generator"]) == ("Press of Walls", "Frontispiece")
    assert told["actions"] == ["c2pa.opened", "c2pa.resized"]
    assert read_packet(str(target))["digital_source_type"] == FACTS["digital_source_type"]
    assert facts["byte_size"] == target.stat().st_size
    assert [path.name for path in tmp_path.iterdir() if "signed" in path.name] == []


@needs_package
def test_manifest_of_the_original_goes_along_as_its_parent(tmp_path, signer):
    import c2pa

    from imagegen.imaging.signing import render_signed

    source, target = tmp_path / "a.png", tmp_path / "out"
    source.write_bytes(in_png(SIGNED))
    changed = recipe("JPEG", watermark=None, crop=[1, 1], focal=[0.5, 0.5])
    render_signed(str(source), [(changed, str(target))], **signer)
    with c2pa.Reader("image/jpeg", open(target, "rb")) as reader:
        told = json.loads(reader.json())
    active = told["manifests"][told["active_manifest"]]
    assert [item["relationship"] for item in active["ingredients"]] == ["parentOf"]
    assert len(told["manifests"]) == 2
    assert "thumbnail" not in active


@needs_package
def test_unsigned_recipe_stays_unsigned(tmp_path, signer):
    from imagegen.imaging.signing import render_signed

    source, target = tmp_path / "a.png", tmp_path / "out"
    source.write_bytes(made.png())
    render_signed(str(source), [(recipe("JPEG", signed=""), str(target))], **signer)
    assert find_manifest(target.read_bytes()) is None


@needs_package
@pytest.mark.django_db
def test_renditions_of_a_site_with_a_certificate_are_signed(in_this_process, settings, signer):  # noqa: F811
    settings.C2PA_CERTIFICATE = signer["certificate"]
    settings.C2PA_PRIVATE_KEY = signer["private_key"]
    output = put_output(hero_of(make_post()))
    rows = renditions.ensure_renditions(output, list(recipes.web_recipes(output, None).values()))
    for row in rows:
        assert find_manifest(renditions.originals().open(row.path).read())


@needs_package
def test_key_that_does_not_do_is_told(tmp_path, signer):
    from imagegen.imaging.signing import render_signed

    source, target = tmp_path / "a.png", tmp_path / "out"
    source.write_bytes(made.png())
    Path(tmp_path / "key").write_text("no key")
    wrong = {**signer, "private_key": str(tmp_path / "key")}
    with pytest.raises(ValueError, match="private key is no PEM"):
        render_signed(str(source), [(recipe("JPEG"), str(target))], **wrong)
    with pytest.raises(ValueError, match="cannot be read"):
        render_signed(str(source), [(recipe("JPEG"), str(target))], **{**wrong, "private_key": ""})


# --- Without it -------------------------------------------------------------------------


@pytest.mark.django_db
def test_recipe_names_the_certificate_only_where_there_is_one(asked, in_this_process):  # noqa: F811
    output = put_output(hero_of(make_post()))
    signed = next(iter(recipes.web_recipes(output, None).values()))
    asked.C2PA_CERTIFICATE = ""
    plain = next(iter(recipes.web_recipes(output, None).values()))
    assert len(signed["signed"]) == 16 and "signed" not in plain


def test_another_certificate_makes_another_mark(asked, tmp_path):
    before = credentials.signing_mark()
    Path(asked.C2PA_CERTIFICATE).unlink()
    assert credentials.signing_mark() == credentials.UNREADABLE
    other = tmp_path / "other"
    other.write_text("other PEM")
    asked.C2PA_CERTIFICATE = str(other)
    assert credentials.signing_mark() not in (before, credentials.UNREADABLE)


@pytest.mark.django_db
def test_nothing_goes_out_unsigned_in_silence(asked, in_this_process):  # noqa: F811
    output = put_output(hero_of(make_post()))
    with pytest.raises(StorageProblem):
        renditions.ensure_renditions(output, list(recipes.web_recipes(output, None).values()))


def test_missing_package_and_files_are_told_at_the_start(asked, monkeypatch):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    asked.C2PA_PRIVATE_KEY = ""
    messages = checks.check_signing(None)
    assert [message.id for message in messages] == ["imagegen.E008"] * 2
    assert "c2pa-python is not installed" in messages[0].msg
    assert messages[1].msg.startswith("C2PA_PRIVATE_KEY")


def test_site_without_a_certificate_needs_nothing(settings):
    settings.C2PA_CERTIFICATE = ""
    assert checks.check_signing(None) == []
