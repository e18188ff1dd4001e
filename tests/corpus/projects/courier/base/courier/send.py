"""Hands parcels over."""


async def deliver(parcel, sender):
    """Send a parcel; whether it arrived."""
    return await sender(parcel)
