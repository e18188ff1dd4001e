"""Hands parcels over."""

import asyncio


async def deliver(parcel, sender, attempts=3):
    """Send a parcel, again when the connection fails; how many attempts it took.

    Raises ConnectionError when none of them came through.
    """
    for attempt in range(1, attempts + 1):
        try:
            await sender(parcel)
        except ConnectionError:
            await asyncio.sleep(0)
            continue
        return attempt
    raise ConnectionError(f"{parcel} was not delivered in {attempts} attempts")
