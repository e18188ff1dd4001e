export interface Response {
  status: number;
}

export class HttpError extends Error {
  constructor(readonly status: number) {
    super(`HTTP ${status}`);
  }
}

export interface HttpClient {
  /** Rejects with HttpError for 4xx and 5xx, with any other error when the network fails. */
  put(path: string, body: Uint8Array): Promise<Response>;
}
