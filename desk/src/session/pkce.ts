// Authorization code with PKCE (RFC 7636), and what a browser needs for it.

const encoded = (bytes: ArrayBuffer | Uint8Array): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** Return 256 bits of chance as base64url. */
export const chance = (): string => encoded(crypto.getRandomValues(new Uint8Array(32)));

/** Return the S256 challenge of a verifier. */
export async function challengeOf(verifier: string): Promise<string> {
  return encoded(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
}

/** Return the claims of a JWT without looking at its signature. Throws on what is no JWT. */
export function claimsOf(jwt: string): Record<string, unknown> {
  const part = (jwt.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(part), letter => letter.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}
