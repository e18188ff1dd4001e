import { expect, test } from "vitest";
import { feed, pinnedCount } from "../src/feed";

const post = (id: string, publishedAt: number, pinned = false) => ({ id, publishedAt, pinned });

test("a pinned post comes first, then the newest", () => {
  const posts = [post("old", 1), post("pinned", 2, true), post("new", 3)];
  expect(feed(posts).map((each) => each.id)).toEqual(["pinned", "new", "old"]);
  expect(pinnedCount(posts)).toBe(1);
});

test("the list that was given is left as it is", () => {
  const posts = [post("a", 1), post("b", 2)];
  feed(posts);
  expect(posts.map((each) => each.id)).toEqual(["a", "b"]);
});
