"""Where the endpoint is and who we are, from environment variables as every S3 tool reads them.

Secrets stay out of `repr`, and out of every message: a person is told the variable, not its value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from tandem_objects.errors import AccessDenied, InvalidAddress

ENDPOINT = "TANDEM_S3_ENDPOINT"
_AWS = "https://s3.amazonaws.com"
_AWS_DOMAIN = ".amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to reach S3, and as whom.

    Attributes:
        endpoint: `http[s]://host[:port]`.
        region: None to ask AWS for the bucket's.
        access_key: Name of the credentials.
        secret_key: Their secret.
        session_token: Given with temporary credentials.
        authorities: File of certificate authorities to trust; None for the public ones.
    """

    endpoint: str
    region: str | None
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    session_token: str | None = field(repr=False, default=None)
    authorities: str | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in `environ`.

        Raises:
            InvalidAddress: For an endpoint that is none.
            AccessDenied: Where credentials are missing.
        """
        endpoint = _endpoint(environ.get(ENDPOINT) or _AWS)
        # Only AWS has more than one region. Others accept this name unless told otherwise, and need no question for it.
        elsewhere = None if _AWS_DOMAIN in endpoint else "us-east-1"
        return cls(
            endpoint=endpoint,
            region=environ.get("AWS_REGION") or elsewhere,
            access_key=_credential(environ, "AWS_ACCESS_KEY_ID"),
            secret_key=_credential(environ, "AWS_SECRET_ACCESS_KEY"),
            session_token=environ.get("AWS_SESSION_TOKEN") or None,
            authorities=environ.get("SSL_CERT_FILE") or None,
        )

    @property
    def host(self) -> str:
        """Host and port of the endpoint."""
        return urlsplit(self.endpoint).netloc

    @property
    def encrypted(self) -> bool:
        """Whether the endpoint speaks TLS."""
        return self.endpoint.startswith("https:")


def _endpoint(value: str) -> str:
    """The endpoint without a slash at its end."""
    if "@" in value:
        msg = f"{ENDPOINT} holds credentials: give only http[s]://host[:port], and the rest in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise InvalidAddress(msg)
    parts = _split(value)
    if not parts or parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        msg = f"{ENDPOINT} {value!r} is no endpoint: write http[s]://host[:port], such as http://127.0.0.1:9000"
        raise InvalidAddress(msg)
    return f"{parts.scheme}://{parts.netloc}"


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port  # checked only when it is asked for
    except ValueError:
        return None
    return parts


def _credential(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        msg = f"{name} is not set: s3:// addresses need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"
        raise AccessDenied(msg)
    return value
