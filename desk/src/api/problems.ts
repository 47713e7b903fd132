// What the gateway refuses, as words for a person.
import { fieldInWords } from "../words/fields";
import { refusalInWords } from "../words/reasons";
import type { Problem } from "./types";

/** Why a request was not done. refused: the gateway said no, so that nothing was done; otherwise nobody knows. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: readonly { readonly field: string; readonly message: string }[];
  readonly orderStatus: string;
  readonly refused: boolean;
  readonly retryAfterMs: number | null;

  constructor(status: number, body: Partial<Problem> | null, message: string, retryAfterMs: number | null = null) {
    super(message);
    this.name = "ApiProblem";
    this.status = status;
    this.code = body?.code ?? "";
    this.fields = body?.fields ?? [];
    this.orderStatus = body?.orderStatus ?? "";
    this.refused = status >= 400 && status < 500 && status !== 408;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Read an answer that is no success. */
export async function problemOf(answer: Response): Promise<ApiProblem> {
  const body = (await answer.json().catch(() => null)) as Partial<Problem> | null;
  const seconds = Number(answer.headers.get("retry-after"));
  const fields = (body?.fields ?? []).map(one => `${fieldInWords(one.field)}: ${one.message}`).join("; ");
  const message = fields || refusalInWords(body?.detail ?? "") || body?.title || `the gateway answered ${answer.status}`;
  return new ApiProblem(answer.status, body, message, seconds > 0 ? seconds * 1000 : null);
}

/** Return what went wrong as a sentence. */
export function inWords(problem: unknown): string {
  if (problem instanceof DOMException && problem.name === "TimeoutError") return "no answer in time";
  if (problem instanceof TypeError) return "the gateway cannot be reached";
  return problem instanceof Error ? problem.message : String(problem);
}
