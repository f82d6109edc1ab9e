// The one error type, for an answer that was not what was asked for; and the one way to ask with a bearer token.
import type { FilesError } from './api';

export type Stage = FilesError['stage'];

/** `text`: the body, JSON of the files origin or XML of the bucket. */
export function failure(stage: Stage, status: number, text: string): FilesError {
  const code = /(?:"error": ?"|<Code>)([\w.-]+)/.exec(text)?.[1] ?? '';
  const error = new Error(`${stage}: ${status || 'no answer'} ${code}`);
  return Object.assign(error, { name: 'FilesError' as const, stage, status, code });
}

export async function post(url: string, token: string | undefined, body: unknown, init?: RequestInit): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  return fetch(url, { method: 'POST', body: JSON.stringify(body), headers, credentials: 'omit', ...init });
}

/** The JSON of a good answer. */
export async function json<T>(stage: Stage, answer: Response): Promise<T> {
  if (!answer.ok) throw failure(stage, answer.status, await answer.text());
  return answer.json();
}
