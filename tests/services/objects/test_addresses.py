"""Addresses and settings: which are understood, and what is said about those that are not."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem_objects import AccessDenied, InvalidAddress, ObjectError, open_store
from tandem_objects.address import BucketAddress, FolderAddress, parse
from tandem_objects.s3 import Settings
from tandem_objects.s3.side_by_side import cut

SECRETS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hidden-secret", "AWS_SESSION_TOKEN": "hidden-token"}


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("file:///a/b", FolderAddress(Path("/a/b"))),
        ("file:///a/b/", FolderAddress(Path("/a/b"))),
        ("file://localhost/a", FolderAddress(Path("/a"))),
        ("file:///a%20b/%C3%A4", FolderAddress(Path("/a b/ä"))),
        ("s3://bucket", BucketAddress("bucket", "")),
        ("s3://bucket/", BucketAddress("bucket", "")),
        ("s3://my.bucket-1/runs/7/", BucketAddress("my.bucket-1", "runs/7/")),
        ("s3://bucket/100%20", BucketAddress("bucket", "100%20/")),
    ],
)
def test_addresses(uri: str, address: FolderAddress | BucketAddress) -> None:
    """A file: address is percent-encoded, an s3: address is literal, and a slash at the end means nothing."""
    assert parse(uri) == address


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("", "begins with neither"),
        ("/a/b", "begins with neither"),
        ("gs://bucket", "begins with neither"),
        ("file:/a", "begins with neither"),
        ("file://a/b", "three slashes"),
        ("file:///a?b", "%3F"),
        ("file:///a#b", "%23"),
        ("file:///a/../b", "'..'"),
        ("file:///a%00", "NUL"),
        ("s3://", "no valid bucket name, ''"),
        ("s3:///a", "no valid bucket name, ''"),
        ("s3://My_Bucket/a", "no valid bucket name, 'My_Bucket'"),
        ("s3://ab/a", "no valid bucket name"),
        ("s3://1.2.3.4/a", "no valid bucket name"),
        ("s3://a..b/a", "no valid bucket name"),
        ("s3://bucket/a//b", "empty part"),
        ("s3://bucket/../b", "'..'"),
    ],
)
def test_addresses_that_cannot_be(uri: str, problem: str) -> None:
    """A malformed address is one line with the value, what is wrong with it, and how to write one."""
    with pytest.raises(InvalidAddress) as caught:
        open_store(uri, SECRETS)
    assert str(caught.value).startswith(f"store address {uri!r} ")
    assert problem in str(caught.value)
    assert str(caught.value).endswith("write file:///folder or s3://bucket/prefix")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_folder_can_be_written_as_an_address(name: str) -> None:
    """The address of a store opens the same store, whatever its folder is called."""
    path = Path("/a", *[part for part in name.split("/") if part not in {"..", "."}])
    store = open_store(path.as_uri(), {})
    assert parse(store.uri) == FolderAddress(path)
    assert parse(store.address("b/c")) == FolderAddress(path / "b/c")


@pytest.mark.parametrize(
    "endpoint", ["minio:9000", "127.0.0.1:9000", "ftp://a", "http://", "http://a/b", "http://a?b", "http://a:port", "http://[::1"]
)
def test_endpoints_that_are_none(endpoint: str) -> None:
    """An endpoint that is none is one line with the variable, the value and an example."""
    with pytest.raises(InvalidAddress) as caught:
        open_store("s3://bucket", {**SECRETS, "TANDEM_S3_ENDPOINT": endpoint})
    assert (
        str(caught.value) == f"TANDEM_S3_ENDPOINT {endpoint!r} is no endpoint: write http[s]://host[:port], such as http://127.0.0.1:9000"
    )


@pytest.mark.parametrize("environ", [{"AWS_REGION": "no region"}, {"TANDEM_S3_ENDPOINT": "https://mars.amazonaws.com"}])
def test_what_aws_does_not_have(environ: dict[str, str]) -> None:
    """A region or a host that AWS cannot have is one line with both settings."""
    with pytest.raises(InvalidAddress, match=r"^TANDEM_S3_ENDPOINT '.*' with AWS_REGION .* cannot be: invalid .*; correct them$"):
        open_store("s3://bucket", {**SECRETS, **environ})


@pytest.mark.parametrize(
    ("environ", "endpoint", "region"),
    [
        ({}, "https://s3.amazonaws.com", None),
        ({"TANDEM_S3_ENDPOINT": "https://s3.cn-north-1.amazonaws.com.cn"}, "https://s3.cn-north-1.amazonaws.com.cn", None),
        ({"AWS_REGION": "eu-central-1"}, "https://s3.amazonaws.com", "eu-central-1"),
        ({"TANDEM_S3_ENDPOINT": "http://127.0.0.1:9000/"}, "http://127.0.0.1:9000", "us-east-1"),
        ({"TANDEM_S3_ENDPOINT": "https://minio.example:443", "AWS_REGION": "x"}, "https://minio.example:443", "x"),
        ({"TANDEM_S3_ENDPOINT": "http://[::1]:9000"}, "http://[::1]:9000", "us-east-1"),
    ],
)
def test_settings(environ: dict[str, str], endpoint: str, region: str | None) -> None:
    """AWS is meant where nothing else is said; only there is the region of a bucket looked up."""
    settings = Settings.of({**SECRETS, **environ})
    assert (settings.endpoint, settings.region) == (endpoint, region)


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
@pytest.mark.parametrize("value", [None, ""])
def test_missing_credentials(name: str, value: str | None) -> None:
    """A missing credential is named before anything is asked of the network."""
    environ = {key: each for key, each in {**SECRETS, name: value}.items() if each is not None}
    with pytest.raises(AccessDenied, match=rf"^{name} is not set"):
        open_store("s3://bucket", environ)


def test_secrets_are_not_shown() -> None:
    """Neither settings, nor a store, nor an error about its endpoint shows a credential."""
    environ = {**SECRETS, "TANDEM_S3_ENDPOINT": "http://me:hidden-password@127.0.0.1:1"}
    with pytest.raises(ObjectError) as caught:
        open_store("s3://bucket", environ)
    store = open_store("s3://bucket/a", {**SECRETS, "TANDEM_S3_ENDPOINT": "http://127.0.0.1:1"})
    shown = f"{caught.value!r} {caught.value} {store!r} {store} {Settings.of(SECRETS)!r}"
    assert "hidden" not in shown
    assert "AKIA" not in shown
    assert repr(store) == "Bucket('s3://bucket/a' at http://127.0.0.1:1)"


def test_a_directory_needs_no_network_library() -> None:
    """Opening a directory loads neither minio nor urllib3 nor torch: the command line starts at once."""
    script = "import sys, tandem_objects as o; o.open_store('file:///a', {}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"minio", "urllib3", "stamina", "torch"} & set(loaded)


@given(st.integers(0, 6 << 40))
def test_parts(total: int) -> None:
    """Parts cover every byte once and in order, are no more than S3 takes, and none but the last is below its least size."""
    parts = cut(total)
    assert [part.start for part in parts] == [0, *[part.stop for part in parts]][: len(parts)]
    assert (parts[-1].stop if parts else 0) == total
    assert len(parts) <= 10_000
    assert all(part.stop - part.start >= 5 << 20 for part in parts[:-1])
