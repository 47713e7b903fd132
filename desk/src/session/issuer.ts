// The OpenID Connect issuer: its discovery document, its endpoints.
import { ApiProblem } from "../api/problems";

const ANSWER_MS_MAX = 15_000;

/** What the gateway says of log-in; issuer empty: tokens are pasted. */
export interface PageSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
  /** Whether this is a demo's stack, which has the guide and the chaos panel. */
  readonly demo: boolean;
}

/** What the token endpoint gives. */
export interface Granted {
  readonly access_token: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly expires_in?: number;
}

/** Somebody who may be picked without a password, at an issuer that offers that: a laptop's. */
export interface Persona {
  readonly name: string;
  /** What they may do, in words. */
  readonly may: string;
}

type Document = Readonly<Record<string, string>> & { readonly oms_personas?: readonly Partial<Persona>[] };

/** Read where people log in. */
export async function pageSettings(): Promise<PageSettings> {
  const answer = await fetch("/page-settings.json", { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  const found = (await answer.json()) as Partial<PageSettings>;
  return { issuer: found.issuer ?? "", clientId: found.clientId ?? "", scope: found.scope ?? "", demo: found.demo ?? false };
}

export class Issuer {
  readonly settings: PageSettings;
  private document: Document | null = null;

  constructor(settings: PageSettings) {
    this.settings = settings;
  }

  /** Return an endpoint's address, undefined where the issuer has none. Throws when the issuer is another one. */
  async endpoint(name: string): Promise<string | undefined> {
    return (await this.read())[name];
  }

  /** Return who may be picked, nobody at an issuer that names nobody. Throws when the issuer is another one. */
  async personas(): Promise<readonly Persona[]> {
    const named = (await this.read()).oms_personas;
    return Array.isArray(named) ? named.flatMap(({ name, may }) => (name ? [{ name: String(name), may: String(may ?? "") }] : [])) : [];
  }

  private async read(): Promise<Document> {
    if (this.document === null) {
      const answer = await fetch(`${this.settings.issuer}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
      const found = (await answer.json()) as Document;
      if ((found["issuer"] ?? "").replace(/\/$/, "") !== this.settings.issuer) throw new Error(`the issuer calls itself ${found["issuer"]}`);
      this.document = found;
    }
    return this.document;
  }

  /** Send a form to an endpoint. Throws ApiProblem, refused when the issuer says no. */
  async ask(name: string, fields: Readonly<Record<string, string>>): Promise<Granted> {
    const place = await this.endpoint(name);
    if (place === undefined) throw new Error(`the issuer has no ${name}`);
    const body = new URLSearchParams({ client_id: this.settings.clientId, ...fields });
    const answer = await fetch(place, { method: "POST", body, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const found = (await answer.json().catch(() => ({}))) as Granted & { error?: string; error_description?: string };
    if (answer.ok) return found;
    throw new ApiProblem(answer.status, null, found.error_description ?? found.error ?? `the issuer answered ${answer.status}`);
  }
}
