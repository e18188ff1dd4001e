import { expect, test } from "vitest";
import { pageSizeOf } from "../src/articles";

test.each([
  [undefined, 20],
  ["many", 20],
  ["1", 1],
  ["50", 50],
  ["500", 100],
])("pageSize=%s is %i", (text, size) => {
  expect(pageSizeOf(text)).toBe(size);
});
