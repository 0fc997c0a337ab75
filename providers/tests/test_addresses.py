import pytest

from providers.addresses import is_local, is_public, may_connect, split_origin

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
LOCAL = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
]
NEVER = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, not one to listen on
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "100.100.100.200",
    "fd00:ec2::254",
    "168.63.129.16",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "2002:a00:1::1",
    "fec0::1",
    "5f00::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_open_to_all(address):
    assert may_connect(address, local=False)


@pytest.mark.parametrize("address", LOCAL)
def test_private_address_needs_the_flag(address):
    assert (may_connect(address, local=False), may_connect(address, local=True)) == (False, True)


@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_used(address):
    assert not is_public(address)
    assert not is_local(address)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.example.com/v1", ("https", "api.example.com", 443)),
        ("http://127.0.0.1:8188", ("http", "127.0.0.1", 8188)),
        ("http://[::1]:80/", ("http", "::1", 80)),
        ("https://api.example.com.", ("https", "api.example.com", 443)),
    ],
)
def test_origin_is_read(url, origin):
    assert split_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "ftp://a.example",
        "http://",
        "https://u:p@a.example",
        "http://a:x",
        # One reader of addresses takes evil.example for the host, another one the rest.
        "https://evil.example\\.api.example.com/",
        "https://evil.example%2f.api.example.com/",
    ],
)
def test_unusable_url_is_an_error(url):
    with pytest.raises(ValueError, match="address"):
        split_origin(url)
