"""What differs between the fresh processes in which new tests have to pass: a fixed list, nothing is left to chance."""

from cicd_agent.domain.test_run import Perturbation

_YEAR = 31_622_400
_ZONES = ("Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns", "Pacific/Pago_Pago", "Europe/Lisbon")


def alone(number: int) -> Perturbation:
    """For the new tests by themselves: the first is in plain order and in place, each after it differs in all."""
    return Perturbation(
        hash_seed=1 + 7919 * number,
        order=number or None,
        time_zone=_ZONES[number % len(_ZONES)],
        elsewhere=number % 2 == 1,
        random_seed=101 + number,
        forward_seconds=_YEAR * (number % 3),
    )


def among(number: int) -> Perturbation:
    """For the new tests among those of the project, which may depend on more than new ones may."""
    return Perturbation(hash_seed=104_729 + number, random_seed=202 + number)


def milder(perturbation: Perturbation) -> Perturbation:
    """The same in the project's own directory and at the true time, for projects whose own tests need these."""
    return Perturbation(
        hash_seed=perturbation.hash_seed,
        order=perturbation.order,
        time_zone=perturbation.time_zone,
        random_seed=perturbation.random_seed,
    )


def words(perturbation: Perturbation) -> str:
    """For a person."""
    parts = [f"hash seed {perturbation.hash_seed}", f"time zone {perturbation.time_zone}"]
    if perturbation.order is not None:
        parts.append(f"order shuffled by {perturbation.order}")
    if perturbation.elsewhere:
        parts.append("another directory")
    if perturbation.random_seed is not None:
        parts.append(f"random seed {perturbation.random_seed}")
    if perturbation.forward_seconds:
        parts.append(f"clock {round(perturbation.forward_seconds / 86_400)} days ahead")
    return ", ".join(parts)
