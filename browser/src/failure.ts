// The one error type, for an answer that was not what was asked for; and the one way to ask with a bearer token.
import type { FilesError } from './api';

export type Stage = FilesError['stage'];

/** `text`: the body, JSON of the files origin or XML of the bucket. */
export function failure(stage: Stage, status: number, text: string): FilesError {
  const [code = '', id = ''] = [/("error": ?"|<Code>)([\w.-]+)/, /("id": ?"|<RequestId>)([\w.-]+)/].map((said) => said.exec(text)?.[2]);
  return Object.assign(new Error(`${stage}: ${status} ${code} ${id}`), { name: 'FilesError' as const, stage, status, code, id });
}

export function posted(token: string | undefined, body: unknown): RequestInit {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  return { method: 'POST', body: JSON.stringify(body), headers };
}

export async function good(stage: Stage, answer: Response): Promise<Response> {
  if (!answer.ok) throw failure(stage, answer.status, await answer.text());
  return answer;
}
