"""Which addresses may be connected to. Pure: takes resolved addresses, opens nothing."""

import ipaddress
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Tunnels, relays and special ranges that Python calls global, at least in some releases.
NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # of Azure's own machines, though it counts as public
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)

# Where clouds keep the secrets of a machine outside of the link-local range: AWS and Alibaba.
METADATA = tuple(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200")))


def meant_address(text: str) -> Address:
    """The address that packets will really go to: IPv4 inside IPv6 is taken out."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(text: str) -> bool:
    """True for an ordinary address of the open internet."""
    address = meant_address(text)
    if any(address in network for network in NEVER if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_local(text: str) -> bool:
    """True for this machine or a private network, but not for link-local addresses.

    Link-local is where clouds keep the secrets of a machine (169.254.169.254); no drawing
    service lives there.
    """
    address = meant_address(text)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    if address in METADATA:
        return False
    shared = address.version == 4 and address in ipaddress.ip_network("100.64.0.0/10")
    return address.is_loopback or shared or (address.is_private and not address.is_reserved)


def may_connect(text: str, *, local: bool) -> bool:
    """Whether a resolved address may be connected to; `local` lets private ones through."""
    return is_public(text) or (local and is_local(text))


def split_origin(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) of an http or https URL; `ValueError` with a sentence otherwise."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("The address must begin with http:// or https:// and name a host.")
    if "\\" in parts.netloc or "%" in parts.netloc:
        # Readers of addresses do not agree on where the host ends there.
        raise ValueError("The host of the address must not contain a backslash or a percent sign.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("The address must not contain a user name or password.")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ValueError("The port of the address must be a number up to 65535.") from error
    return parts.scheme, parts.hostname.lower().rstrip("."), port


def check_base_url(url: str) -> None:
    """`ValueError` with a sentence unless paths can be put behind this address, and no secret
    stands in it."""
    split_origin(url)
    if "?" in url or "#" in url:
        raise ValueError("The address must end before any ? or #. A secret is named below it.")
