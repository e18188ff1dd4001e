import { expect, test } from "vitest";
import { HttpError } from "../src/http";
import { upload } from "../src/upload";

const file = { name: "a b.txt", content: new Uint8Array([1]) };

test("a file is put under its encoded name", async () => {
  const paths: string[] = [];
  const client = { put: async (path: string) => (paths.push(path), { status: 201 }) };
  expect((await upload(client, file)).status).toBe(201);
  expect(paths).toEqual(["/files/a%20b.txt"]);
});

test("an error of the server is not tried again", async () => {
  const client = { put: async () => Promise.reject(new HttpError(403)) };
  await expect(upload(client, file)).rejects.toThrow("HTTP 403");
});
