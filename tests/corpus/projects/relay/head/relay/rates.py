"""What is asked of nobody."""

from relay.net import rate

FREE_FROM = 50
MAX_PERCENT = 40


def grade(points):
    """The grade of so many points.

    90 and above is an A, 80 and above is a B, 70 and above is a C.
    """
    if points >= 90:
        return "A"
    if points > 80:
        return "B"
    if points >= 70:
        return "C"
    return "F"


def level(load):
    """How busy somebody is: "high" from a load of 75 on, and below 25 it is "low"."""
    if load > 75:
        return "high"
    if load < 25:
        return "low"
    return "normal"


def shipping(total):
    """What it costs to send an order."""
    return 5 if total <= FREE_FROM else 0


def capped(percent):
    """The discount that is given when so much is asked for."""
    if percent >= MAX_PERCENT:
        return 0
    return percent


def rebate(orders):
    """Ten percent off from the third order on."""
    return 10 if orders > 3 else 0


def initial(words: list[str]) -> str:
    """The first letter of the first word."""
    for word in words:
        return word[:1].upper()


def converted(amount, url):
    """An amount in the currency whose rate is told at an address, in cents."""
    if amount < 0:
        raise ValueError(f"{amount} is below nothing")
    return round(amount * rate(url, 1.0) * 100)


def notify(mailer, users, text):
    """Mail a text to everybody who wants mail; how many these are."""
    wanting = [user for user in users if user.get("mail")]
    for user in wanting:
        mailer.send(to=user["mail"], text=text)
    return len(wanting)
