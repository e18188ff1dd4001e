"""Of REDIS_URL everything is understood or it is refused, in words that hold nothing of it."""

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from cicd_agent.adapters.cache.redis_url import Address, parse_address
from cicd_agent.errors import ConfigError

CANARY = "hush" + "-4711"


@pytest.mark.parametrize(
    ("url", "address", "place"),
    [
        ("redis://cache.example", Address("cache.example"), "cache.example:6379"),
        (
            "rediss://me:s%40fe@cache.example:6380/3",
            Address("cache.example", 6380, "", 3, "me", "s@fe", has_tls=True),
            "cache.example:6380",
        ),
        ("redis://:pw@[::1]/?db=2", Address("::1", database=2, password="pw"), "[::1]:6379"),
        ("unix:///run/redis.sock?db=1", Address(path="/run/redis.sock", database=1), "/run/redis.sock"),
    ],
)
def test_an_address_says_where_and_who(url: str, address: Address, place: str) -> None:
    assert parse_address(url) == address
    assert address.location == place
    assert "s@fe" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        CANARY,
        f"http://{CANARY}@x",
        f"redis://:{CANARY}@",
        f"redis://:{CANARY}@host:0",
        f"redis://:{CANARY}@host:99999",
        f"redis://host:{CANARY}",
        f"redis://host/{CANARY}",
        f"redis://host?password={CANARY}",
        f"redis://host?{CANARY}",
        f"rediss://:{CANARY}@host?ssl_cert_reqs=none",
        f"redis://:{CANARY}@host?socket_timeout=3600",
        f"redis://host#{CANARY}",
        f"redis://:{CANARY}@[::1",
        f"redis://:{CANARY}@{'a' * 70}.example",
        f"unix://{CANARY}@host/path",
        "unix:///",
        f"unix:///{CANARY}%00",
        f"redis://host/1?db={CANARY}",
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_address(url)
    assert CANARY not in str(refused.value)
    assert "redis://" in str(refused.value)


@examples(max_examples=60)
@given(st.one_of(st.text(), st.text().map("redis://".__add__), st.text(alphabet="[]@:/?#%a1").map("redis://".__add__)))
def test_any_text_is_an_address_or_refused(url: str) -> None:
    try:
        address = parse_address(url)
    except ConfigError:
        return
    assert address.host
    assert 0 < address.port < 65_536
