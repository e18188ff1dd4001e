import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.analysis.logs.extract import Frame
from cicd_agent.analysis.logs.problems import MAX_FRAMES, find_frames


@pytest.mark.parametrize(
    ("line", "path", "number"),
    [
        ('  File "/home/runner/work/app/app/src/app.py", line 12, in f', "src/app.py", 12),
        ("    at run (/home/travis/build/owner/app/lib/run.js:3:14)", "lib/run.js", 3),
        ("    at file:///home/runner/work/app/app/src/x.mjs:9:1", "src/x.mjs", 9),
        ("\tat com.acme.shop.Cart.total(Cart.java:41)", "com/acme/shop/Cart.java", 41),
        ("\tat java.base/java.util.List.get(List.java:7)", "java/util/List.java", 7),
        ("    cart_test.go:18: got 3, want 4", "cart_test.go", 18),
        ("\t/home/runner/work/app/app/cart.go:31 +0x1d", "cart.go", 31),
        ("  --> src/main.rs:4:9", "src/main.rs", 4),
        ("thread 'main' panicked at src/lib.rs:10:5:", "src/lib.rs", 10),
        ("   at Acme.Cart.Total() in /home/runner/work/app/app/src/Cart.cs:line 22", "src/Cart.cs", 22),
        ("D:\\a\\app\\app\\src\\Cart.cs(12,34): error CS0103: The name", "src/Cart.cs", 12),
        ("./test/cart_test.rb:9:in `test_total'", "test/cart_test.rb", 9),
        ("PHP Fatal error:  x in /home/runner/work/app/app/src/Cart.php on line 5", "src/Cart.php", 5),
        ("#0 /home/runner/work/app/app/src/Cart.php(17): total()", "src/Cart.php", 17),
        ("src/cart.c:7:3: error: expected ';'", "src/cart.c", 7),
        ("[ERROR] /builds/acme/app/src/main/java/Cart.java:[23,29] cannot find symbol", "src/main/java/Cart.java", 23),
        ("##[error]internal/cart.go:6:1: undefined: x", "internal/cart.go", 6),
    ],
)
def test_places_are_found_in_the_ways_of_all_tools(line: str, path: str, number: int) -> None:
    assert find_frames([line])[0] == Frame(path, number)


def test_places_in_libraries_come_last() -> None:
    found = find_frames(["node_modules/x/y.js:1:2", "/usr/lib/python3/z.py:4: x", "src/own.js:5:6"])
    assert [frame.path for frame in found] == ["src/own.js", "node_modules/x/y.js", "/usr/lib/python3/z.py"]


@pytest.mark.parametrize(
    "line", ["https://example.org/a.js:12", "at 12:30:45", "version 1.2.3:4", "registry.example.com:443 x"]
)
def test_addresses_and_times_are_no_places(line: str) -> None:
    assert find_frames([line]) == ()


@given(st.lists(st.text(alphabet='ab./:(),\\ "1[]-@', max_size=60), max_size=40))
def test_any_text_has_places_within_bounds(lines: list[str]) -> None:
    found = find_frames(lines)
    assert len(found) == len(set(found)) <= MAX_FRAMES
