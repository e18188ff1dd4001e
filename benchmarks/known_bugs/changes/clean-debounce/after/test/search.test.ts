import { expect, test, vi } from "vitest";
import { PAUSE_MS, Search } from "../src/search";

test("only the latest search is shown", async () => {
  vi.useFakeTimers();
  const shown: string[][] = [];
  const search = new Search(async (text) => [text], (results) => shown.push(results), () => {});
  search.type("a");
  search.type("ab");
  await vi.advanceTimersByTimeAsync(PAUSE_MS);
  expect(shown).toEqual([["ab"]]);
});

test("an empty text shows nothing at once", () => {
  const shown: string[][] = [];
  new Search(async () => ["x"], (results) => shown.push(results), () => {}).type(" ");
  expect(shown).toEqual([[]]);
});
