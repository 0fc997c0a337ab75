"""Signing a derived file with Content Credentials, its original as the parent.

Needs the package `c2pa-python` (requirements-c2pa.in), which is loaded at the first call. Runs
in a child process and knows no Django. Nothing goes over the network: no time stamp is asked
for, no manifest fetched; and no thumbnails are embedded.
"""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any, TypedDict

from PIL import Image

from imagegen.imaging.c2pa import find_manifest
from imagegen.imaging.renditions import Recipe, render
from imagegen.imaging.xmp import TERM_ADDRESS, check_packet

MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "AVIF": "image/avif"}
OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


class SigningSettings(TypedDict):
    """What a signature needs. `actions` are C2PA's, such as c2pa.resized."""

    certificate: str  # path of the chain in PEM, the signer first
    private_key: str  # path of the key in PEM, without a passphrase
    parent_format: str  # of the original: PNG, JPEG, WEBP or AVIF
    format: str  # of the file
    actions: list[str]
    digital_source_type: str  # IPTC term, or ""


def render_signed(
    path: str,
    jobs: list[tuple[Recipe, str]],
    *,
    logo_path: str = "",
    certificate: str,
    private_key: str,
) -> list[dict[str, Any]]:
    """As `renditions.render`; files whose recipe has a mark `signed` are signed after it.

    Raises ValueError also for a signed file that does not carry its facts any more.
    """
    made = render(path, jobs, logo_path=logo_path)
    parent_format = _format_of(path)
    for (recipe, out_path), facts in zip(jobs, made, strict=True):
        if not recipe.get("signed"):
            continue
        signed = f"{out_path}.signed"
        settings = SigningSettings(
            certificate=certificate,
            private_key=private_key,
            parent_format=parent_format,
            format=recipe["format"],
            actions=actions_of(recipe),
            digital_source_type=recipe["facts"]["digital_source_type"],
        )
        try:
            sign(out_path, signed, path, settings)
            check_packet(signed, recipe["facts"])
            os.replace(signed, out_path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(signed)
        data = Path(out_path).read_bytes()
        facts |= {"byte_size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return made


def actions_of(recipe: Recipe) -> list[str]:
    """What was done to the original, in C2PA's words."""
    done = {
        "c2pa.cropped": recipe["crop"] is not None,
        "c2pa.edited": bool(recipe["watermark"] or recipe["card"]),
        "c2pa.resized": True,
    }
    return [action for action, is_done in done.items() if is_done]


def _format_of(path: str) -> str:
    """The format of an original, which has been decoded before."""
    with Image.open(path, formats=list(MIME)) as image:
        return str(image.format)


def sign(path: str, out_path: str, parent_path: str, settings: SigningSettings) -> None:
    """Write the file at `path` to `out_path` with a signed manifest that names its parent.

    A manifest of the parent goes along as history. Raises ImportError without the package,
    OSError for files, ValueError with a sentence where certificate or key do not do.
    """
    import c2pa

    builder = c2pa.Builder(_definition(settings), context=c2pa.Context.from_dict(OFFLINE))
    try:
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        with open(parent_path, "rb") as parent:
            title = {"title": "Original", "relationship": "parentOf"}
            builder.add_ingredient(title, MIME[settings["parent_format"]], parent)
        signer = c2pa.Signer.from_info(_signer_info(settings))
        with open(path, "rb") as source, open(out_path, "w+b") as target:
            builder.sign(signer, MIME[settings["format"]], source, target)
    except c2pa.C2paError as error:
        raise ValueError(f"The file could not be signed: {type(error).__name__}.") from error
    finally:
        builder.close()
    if find_manifest(Path(out_path).read_bytes()) is None:
        raise ValueError("The signed file holds no manifest.")


def _definition(settings: SigningSettings) -> dict[str, Any]:
    """The manifest before it is signed; "opened" is added for the parent by itself."""
    actions = [{"action": action} for action in settings["actions"]]
    assertions: list[dict[str, Any]] = [{"label": "c2pa.actions", "data": {"actions": actions}}]
    if settings["digital_source_type"]:
        address = TERM_ADDRESS + settings["digital_source_type"]
        assertions.append(
            {
                "label": "cawg.metadata",
                "data": {
                    "@context": {"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"},
                    "Iptc4xmpExt:DigitalSourceType": address,
                },
            }
        )
    return {"claim_generator_info": [{"name": "Frontispiece"}], "assertions": assertions}


def _signer_info(settings: SigningSettings) -> Any:
    import c2pa

    try:
        chain = Path(settings["certificate"]).read_bytes()
        key = Path(settings["private_key"]).read_bytes()
    except OSError as error:
        raise ValueError("The certificate or its key cannot be read.") from error
    return c2pa.C2paSignerInfo(_algorithm(key), chain, key, None)


def _algorithm(key: bytes) -> bytes:
    """The signature algorithm that goes with a private key."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded = load_pem_private_key(key, password=None)
    except (TypeError, ValueError) as error:
        raise ValueError("The private key is no PEM file without a passphrase.") from error
    if isinstance(loaded, ec.EllipticCurvePrivateKey):
        names = {256: b"es256", 384: b"es384", 521: b"es512"}
        if loaded.curve.key_size in names:
            return names[loaded.curve.key_size]
    if isinstance(loaded, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    raise ValueError("The private key is of a kind that Content Credentials do not know.")
