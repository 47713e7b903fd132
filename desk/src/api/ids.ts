// Ids that are made here.

/** Return a UUIDv7 (RFC 9562, 5.7): the time in milliseconds, then chance. */
export function uuid7(nowMs: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let place = 0; place < 6; place += 1) bytes[place] = Math.floor(nowMs / 2 ** (8 * (5 - place))) & 0xff;
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Return when a UUIDv7 was made, as ISO 8601. */
export function timeOf(uuid: string): string {
  return new Date(Number.parseInt(uuid.replace("-", "").slice(0, 12), 16)).toISOString();
}
