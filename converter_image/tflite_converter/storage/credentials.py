"""What an S3 server is asked with."""

from dataclasses import dataclass

from tflite_converter.storage.secret_key import Key


@dataclass(frozen=True)
class Token:
    """What AWS_WEB_IDENTITY_TOKEN_FILE buys for AWS_ROLE_ARN, or EKS's agent gives: the token of a ServiceAccount."""


@dataclass(frozen=True)
class Nobody:
    """No credentials: requests are not signed."""


Credentials = Key | Token | Nobody
