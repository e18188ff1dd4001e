"""The way of a parcel."""


class Route:
    """Stops, each with its distance from the one before, in kilometres."""

    def __init__(self, stops=()):
        self.stops = list(stops)

    def add(self, name, distance):
        """Go on to a stop.

        Raises ValueError for a distance below zero.
        """
        if distance < 0:
            raise ValueError(f"a distance cannot be negative: {distance}")
        self.stops.append((name, distance))

    @property
    def length(self):
        """Kilometres from the first stop to the last."""
        return sum(distance for _, distance in self.stops)

    def until(self, name):
        """Kilometres to a stop.

        Raises KeyError when the route does not go there.
        """
        gone = 0
        for stop, distance in self.stops:
            gone += distance
            if stop == name:
                return gone
        raise KeyError(name)

    @classmethod
    def parse(cls, text):
        """A route from "Ulm 10, Bonn 25"."""
        route = cls()
        for part in text.split(","):
            name, _, distance = part.strip().rpartition(" ")
            route.add(name, float(distance))
        return route


def cost(route, weight):
    """Cents for a parcel of that weight in kilograms: 10 for each kilometre, and half as much again above 20 kg.

    >>> cost(Route([("Ulm", 10)]), 20)
    100.0
    """
    base = route.length * 10.0
    return base * 1.5 if weight >= 20 else base
