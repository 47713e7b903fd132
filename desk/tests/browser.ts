// What the store and the stream ask of a browser, and nothing more. Imported ahead of them, as they ask for it when they are loaded.
type Answer = { readonly status?: number; readonly body: unknown };

/** Answers by method and path, of a request's address. What has none is refused with 404. */
export const answers = new Map<string, (address: URL) => Answer | Promise<Answer>>();
/** Every request, as "GET /path?query". */
export const asked: string[] = [];
/** Every WebSocket that was opened, the newest last. */
export const sockets: FakeSocket[] = [];
const ticks: (() => void)[] = [];

/** A WebSocket whose other side is the test. */
export class FakeSocket {
  static readonly OPEN = 1;
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((closed: { code: number; reason: string }) => void) | null = null;
  readonly said: Record<string, unknown>[] = [];
  closed = false;

  constructor(readonly address: string) {
    sockets.push(this);
  }

  send(text: string): void {
    this.said.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
  }

  /** Take the connection. */
  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  /** Say something to the page. */
  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** End the connection from the other side. */
  end(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

/** Let every interval pass once. */
export function tick(): void {
  for (const one of ticks) one();
}

/** Wait until something is so. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`${what} is not so; asked ${asked.join(", ")}`);
    await new Promise(done => setTimeout(done, 2));
  }
}

const kept = new Map<string, string>();
const storage = { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, text: string) => void kept.set(name, text), removeItem: (name: string) => void kept.delete(name) };

Object.assign(globalThis, {
  document: { hidden: true, addEventListener: () => undefined, documentElement: { dataset: {}, style: {} } },
  location: { protocol: "http:", host: "desk.test", origin: "http://desk.test" },
  sessionStorage: storage,
  localStorage: storage,
  WebSocket: FakeSocket,
  // An interval keeps node alive for ever: here the test lets it pass.
  setInterval: (run: () => void) => ticks.push(run),
  fetch: async (path: string, request: { method: string }) => {
    const address = new URL(path, "http://desk.test");
    asked.push(`${request.method} ${address.pathname}${address.search}`);
    const answer = await answers.get(`${request.method} ${address.pathname}`)?.(address);
    return new Response(JSON.stringify(answer?.body ?? { code: "NOT_FOUND", detail: "nothing is there" }), { status: answer ? (answer.status ?? 200) : 404 });
  },
});
