"""The way of a parcel."""


class Route:
    """Stops, each with its distance from the one before, in kilometres."""

    def __init__(self, stops=()):
        self.stops = list(stops)

    def add(self, name, distance):
        """Go on to a stop."""
        self.stops.append((name, distance))
