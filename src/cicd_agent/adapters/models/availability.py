"""Asks a model server for its list of models: that costs nothing, and shows whether it takes the key."""

from collections.abc import Mapping
from typing import Final

SECONDS: Final = 10.0
_MOST: Final = 5_000
_REFUSED: Final = (401, 403)


class Unanswered(Exception):
    """Why there is no list, in a few words; `refused` when the server is there and does not take the key.

    `unlisted` when it is there and simply has no list.
    """

    def __init__(self, why: str, *, refused: bool = False, unlisted: bool = False) -> None:
        super().__init__(why)
        self.refused = refused
        self.unlisted = unlisted


def listed(base_url: str, key: str, headers: Mapping[str, str]) -> frozenset[str]:
    """The names of the server's models. Raises Unanswered."""
    import httpx2  # noqa: PLC0415  half a second that nobody else pays
    import openai  # noqa: PLC0415

    try:
        with (
            openai.DefaultHttpxClient(verify=httpx2.create_ssl_context(), follow_redirects=False) as http,
            openai.OpenAI(
                api_key=key or "none",
                base_url=base_url or None,
                default_headers=dict(headers),
                max_retries=0,
                timeout=SECONDS,
                http_client=http,
            ) as client,
        ):
            page = client.models.list()
            return frozenset(str(model.id) for model in page.data[:_MOST])
    except openai.APIStatusError as error:
        # Nothing of the error's own text: it may quote the key.
        status = error.status_code
        raise Unanswered(
            f"it answers {status}", refused=status in _REFUSED, unlisted=status in {404, 405, 501}
        ) from None
    except (openai.APIError, httpx2.HTTPError, OSError, ValueError, AttributeError, TypeError):
        raise Unanswered("there is no answer, or none that makes sense") from None
