"""The agent of EKS Pod Identity, which gives a pod the credentials of its ServiceAccount's role.

EKS's webhook sets the variables where the ServiceAccount is associated with a role
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from botocore.credentials import ContainerProvider, CredentialResolver

_ADDRESS: Final = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN_FILE: Final = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"  # noqa: S105 - the name of a variable
_AGENTS: Final = frozenset({"http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"})
"""The only link-local or metadata addresses that a step ever asks, whatever a spec or a variable says."""


def agent_of(environment: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the variables that lead to the agent; None if they are not set, or lead anywhere else."""
    found = {name: environment.get(name, "") for name in (_ADDRESS, _TOKEN_FILE)}
    return found if found[_ADDRESS] in _AGENTS and found[_TOKEN_FILE] else None


def resolver(agent: Mapping[str, str]) -> CredentialResolver | None:
    """Return what asks the agent, and nobody else, for credentials; None where the pod has no token for it."""
    if not Path(agent[_TOKEN_FILE]).is_file():
        return None
    # Of the other variables that it reads, one would lead to the agent of Amazon ECS.
    return CredentialResolver([ContainerProvider(environ=dict(agent))])
