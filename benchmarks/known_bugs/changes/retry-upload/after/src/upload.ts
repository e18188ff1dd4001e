import { HttpClient, HttpError, Response } from "./http";

export interface Upload {
  name: string;
  content: Uint8Array;
}

export const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 200;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function isFinal(error: unknown): boolean {
  return error instanceof HttpError && error.status < 500;
}

async function send(client: HttpClient, file: Upload): Promise<Response> {
  return client.put(`/files/${encodeURIComponent(file.name)}`, file.content);
}

export async function upload(client: HttpClient, file: Upload): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return send(client, file);
    } catch (error) {
      if (attempt === ATTEMPTS || isFinal(error)) {
        throw error;
      }
      console.warn(`upload of ${file.name} failed, attempt ${attempt}`, error);
      await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}
