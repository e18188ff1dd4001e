"""Access to OpenAI without a key: the identity that GitHub vouches for, exchanged for a token that soon ends."""

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from cicd_agent.adapters.models.json_reader import at, words
from cicd_agent.errors import ModelUnavailable
from cicd_agent.settings.environment import Workload

if TYPE_CHECKING:
    from openai.auth import WorkloadIdentityAuth

EXCHANGE_URL = "https://auth.openai.com/oauth/token"
_SECONDS = 10.0
_REMEDY = "Check `id-token: write`, OPENAI_IDENTITY_PROVIDER_ID, OPENAI_SERVICE_ACCOUNT_ID and OPENAI_IDENTITY_AUDIENCE"


class Identity:
    """A workload's identity, and the token it was last exchanged for. Nothing is sent before the first `token`.

    The request token goes to the address that came with it, and to no other. The identity that comes back is made for
    one audience, which is OpenAI, and is exchanged by the SDK.
    """

    def __init__(self, workload: Workload, *, exchange_url: str = EXCHANGE_URL) -> None:
        self._workload = workload
        self._exchange_url = exchange_url
        self._exchanged: WorkloadIdentityAuth | None = None

    def token(self) -> str:
        """A token that is valid for some minutes, kept until it is about to end. Raises ModelUnavailable."""
        import httpx2  # noqa: PLC0415  with the SDK, when the first question is asked
        from openai import OpenAIError  # noqa: PLC0415
        from openai.auth import WorkloadIdentityAuth  # noqa: PLC0415

        workload = self._workload
        if self._exchanged is None:
            self._exchanged = WorkloadIdentityAuth(
                workload_identity={
                    "identity_provider_id": workload.identity_provider_id,
                    "service_account_id": workload.service_account_id,
                    "provider": {"token_type": "jwt", "get_token": self._subject},
                },
                token_exchange_url=self._exchange_url,
            )
        try:
            return self._exchanged.get_token()
        except (OpenAIError, httpx2.HTTPError) as error:
            # The words of neither side are repeated: they may hold a part of a token.
            kind = type(error).__name__
        raise ModelUnavailable("GitHub's identity was not exchanged for an OpenAI token", why=kind, remedy=_REMEDY)

    def _subject(self) -> str:
        """The identity of this job, signed by GitHub for one audience."""
        import httpx2  # noqa: PLC0415  see token
        from openai import DefaultHttpxClient, OpenAIError  # noqa: PLC0415

        workload = self._workload
        joined = "&" if "?" in workload.request_url else "?"
        with DefaultHttpxClient(follow_redirects=False) as client:
            response = client.get(
                f"{workload.request_url}{joined}audience={quote(workload.audience, safe='')}",
                headers={"Authorization": f"Bearer {workload.request_token}"},
                timeout=_SECONDS,
            )
        try:
            value = words(at(json.loads(response.content), "value")) if response.status_code == httpx2.codes.OK else ""
        except ValueError:
            value = ""
        if not value:
            raise OpenAIError(f"GitHub gave no identity token: {response.status_code}")
        return value
