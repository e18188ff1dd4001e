import { HttpClient, Response } from "./http";

export interface Upload {
  name: string;
  content: Uint8Array;
}

export async function upload(client: HttpClient, file: Upload): Promise<Response> {
  return client.put(`/files/${encodeURIComponent(file.name)}`, file.content);
}
