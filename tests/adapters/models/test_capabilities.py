from cicd_agent.adapters.models.capabilities import Format, Shape


def test_what_two_questions_learn_side_by_side_is_known_afterwards() -> None:
    begun = Shape(cap="max_tokens")
    capless = Shape(cap="", without=frozenset({"include"}))
    lower = Shape(cap="max_tokens", format=Format.JSON_OBJECT, without=frozenset({"tools"}))
    both = Shape(cap="", format=Format.JSON_OBJECT, without=frozenset({"include", "tools"}))
    assert capless.also(lower) == lower.also(capless) == both
    assert begun.also(capless) == capless
    assert both.also(begun) == both


def test_a_cap_of_another_name_is_learnt_once() -> None:
    newer = Shape(cap="max_completion_tokens")
    assert Shape(cap="max_tokens").also(newer) == newer
    assert newer.also(Shape(cap="max_tokens", format=Format.TEXT)) == Shape("max_completion_tokens", Format.TEXT)
