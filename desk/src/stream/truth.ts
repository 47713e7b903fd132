// Whether what the page shows is so, without any I/O: a connection tells this machine what came, and asks it what to say.
//
// The law of this file: LIVE is said only while every account that is shown has given its snapshot on the present
// connection, each event followed the one before it, what the list of orders left in doubt is settled, and what is shown
// was so STALE_MS ago or later. That is known by asking: what was on its way before an answer has come before it, so that
// with the answer everything is here that was so when it was asked for. A network that delivers all, and late, is found
// out by that, and no clock but the page's own is needed. A gap, another epoch, silence or a lost subscription ends it at once.
//
// | state | what it means | what leads on |
// |---|---|---|
// | IDLE | nobody has asked | begin |
// | CONNECTING | no connection yet | opened |
// | CATCHING_UP | snapshots, or the list, are on their way | all are there, nothing is in doubt: LIVE |
// | LIVE | what is shown is so | |
// | STALE | what was so STALE_MS ago may be missing | an answer: as before; none in SILENCE_MS_MAX: CUT |
// | CUT | what is shown was so; connecting again | opened |
// | REFUSED | the gateway does not take us; a person has to act | begin |
import type { ClientMessage, OrderEvent, ServerMessage } from "./messages";

export type Truth = "IDLE" | "CONNECTING" | "CATCHING_UP" | "LIVE" | "STALE" | "CUT" | "REFUSED";

// The server says something at least every 15 s.
export const STALE_MS = 20_000;
export const SILENCE_MS_MAX = 40_000;
export const ASK_MS = 5_000;
export const ACCOUNTS_A_MESSAGE_MAX = 500;
const BACKOFF_MS = 500;
const BACKOFF_MS_MAX = 5_000;
const SYMBOLS_A_MESSAGE_MAX = 500;

/** What a message came to. again: why to connect again. reset: what is known is of another database. */
export interface Taken {
  readonly events?: readonly OrderEvent[];
  readonly forget?: readonly string[];
  readonly reset?: boolean;
  readonly again?: string;
  readonly settle?: boolean;
}

const NOTHING: Taken = {};

function* chunks(names: readonly string[], most: number): Generator<readonly string[]> {
  for (let first = 0; first < names.length; first += most) yield names.slice(first, first + most);
}

export class StreamTruth {
  private accounts: Set<string>;
  private readonly wantedSymbols = new Set<string>();
  private last = new Map<string, number>();
  private awaited = new Set<string>();
  private epoch = "";
  private state: Truth = "IDLE";
  private reason = "";
  private refusal = "";
  private isOpen = false;
  private isListed = false;
  private doubtful = 0;
  private heardAt = 0;
  // When what has come was so, at the latest; and when answers were asked for that have not come.
  private provenAt = 0;
  private asked: number[] = [];
  private cutAt = 0;
  private tries = 0;
  /** Accounts that are not told any more, and why. */
  readonly lost = new Map<string, string>();

  constructor(accounts: readonly string[] = []) {
    this.accounts = new Set(accounts);
  }

  get truth(): Truth {
    return this.state;
  }

  /** Why it is not live, empty when it is. */
  get why(): string {
    return this.reason;
  }

  /** Since when what is shown may be old, in ms of the epoch; 0 when it is live. */
  get since(): number {
    return this.cutAt;
  }

  get watched(): readonly string[] {
    return [...this.accounts];
  }

  // ---- what is said

  /** Begin, or begin again with other accounts. */
  begin(accounts: readonly string[], nowMs: number): void {
    this.accounts = new Set(accounts);
    this.lost.clear();
    this.epoch = "";
    this.tries = 0;
    this.leave();
    this.cutAt = nowMs;
    if (accounts.length) this.become("CONNECTING", "connecting");
    else this.become("REFUSED", "the token sees no account");
  }

  /** Nobody asks any more. */
  stop(): void {
    this.leave();
    this.accounts.clear();
    this.become("IDLE", "");
  }

  /** Return what a new connection begins with. */
  opened(token: string, nowMs: number): readonly ClientMessage[] {
    this.isOpen = true;
    // What the list said after the connection before had ended says nothing of this one.
    this.isListed = false;
    this.doubtful = 0;
    this.heardAt = this.provenAt = nowMs;
    this.asked = [];
    this.refusal = "";
    this.awaited = new Set(this.accounts);
    this.become("CATCHING_UP", "catching up");
    const names = [...this.accounts];
    const said: ClientMessage[] = [{ type: "auth", token }];
    for (const accounts of chunks(names, ACCOUNTS_A_MESSAGE_MAX)) said.push({ type: "subscribe", channels: ["orders", "executions"], accounts, snapshot: true });
    for (const accounts of chunks(names, ACCOUNTS_A_MESSAGE_MAX)) said.push({ type: "subscribe", channels: ["positions"], accounts });
    said.push({ type: "subscribe", channels: ["alerts"] });
    for (const symbols of chunks([...this.wantedSymbols], SYMBOLS_A_MESSAGE_MAX)) said.push({ type: "subscribe", channels: ["quotes"], symbols });
    return said;
  }

  /** Want quotes of symbols. Returns what to say if connected. */
  want(symbols: readonly string[]): readonly ClientMessage[] {
    const fresh = symbols.filter(symbol => !this.wantedSymbols.has(symbol));
    for (const symbol of fresh) this.wantedSymbols.add(symbol);
    if (!this.isOpen || !fresh.length) return [];
    return [...chunks(fresh, SYMBOLS_A_MESSAGE_MAX)].map(some => ({ type: "subscribe", channels: ["quotes"], symbols: some }));
  }

  /** Want quotes of symbols no more. Returns what to say if connected. */
  unwant(symbols: readonly string[]): readonly ClientMessage[] {
    const gone = symbols.filter(symbol => this.wantedSymbols.delete(symbol));
    return this.isOpen && gone.length ? [{ type: "unsubscribe", channels: ["quotes"], symbols: gone }] : [];
  }

  /** Ask whether anything is on its way, when that is due. Returns what to say. */
  ask(nowMs: number): readonly ClientMessage[] {
    if (!this.isOpen || this.awaited.size || nowMs - (this.asked.at(-1) ?? this.provenAt) < ASK_MS) return [];
    this.asked.push(nowMs);
    return [{ type: "ping" }];
  }

  // ---- what comes

  /** Take a message. */
  received(message: ServerMessage, nowMs: number): Taken {
    this.heardAt = nowMs;
    if (this.state === "STALE") this.settleState(nowMs);
    switch (message.type) {
      case "subscribed":
        return this.ofEpoch(message.epoch);
      case "snapshot": {
        const reset = this.ofEpoch(message.epoch);
        if (!this.accounts.has(message.accountId)) return reset;
        this.last.set(message.accountId, message.streamSequence);
        this.awaited.delete(message.accountId);
        this.settleState(nowMs);
        return { ...reset, settle: this.awaited.size === 0 };
      }
      case "pong":
        this.provenAt = this.asked.shift() ?? this.provenAt;
        this.settleState(nowMs);
        return NOTHING;
      case "events":
        return this.ofEvents(message.events);
      case "resync":
        this.epoch = message.epoch;
        return { reset: true, again: "the database is another one" };
      case "unsubscribed":
        return this.unsubscribed(message.accounts, message.channels, nowMs);
      case "error":
        this.refusal = message.error.fields.map(one => one.message).join("; ") || message.error.message;
        if (this.awaited.size) this.become("CATCHING_UP", this.refusal);
        return NOTHING;
      default:
        return NOTHING;
    }
  }

  private ofEpoch(epoch: string): Taken {
    const another = this.epoch !== "" && this.epoch !== epoch;
    this.epoch = epoch;
    return another ? { reset: true } : NOTHING;
  }

  private ofEvents(events: readonly OrderEvent[]): Taken {
    const taken: OrderEvent[] = [];
    for (const event of events) {
      const last = this.last.get(event.accountId);
      if (last === undefined || event.streamSequence <= last) continue;
      if (event.streamSequence > last + 1)
        return { events: taken, again: `a gap in the events of ${event.accountId}: ${last} was followed by ${event.streamSequence}` };
      this.last.set(event.accountId, event.streamSequence);
      taken.push(event);
    }
    return { events: taken };
  }

  private unsubscribed(accounts: readonly string[], channels: readonly string[], nowMs: number): Taken {
    if (!channels.includes("orders")) return NOTHING;
    const gone = accounts.filter(account => this.accounts.delete(account));
    for (const account of gone) {
      this.lost.set(account, this.refusal || "the token no longer sees it");
      this.awaited.delete(account);
      this.last.delete(account);
    }
    if (!this.accounts.size) this.become("REFUSED", [...this.lost].map(([account, why]) => `${account}: ${why}`).join("; "));
    else this.settleState(nowMs);
    return { forget: gone, settle: this.awaited.size === 0 && this.accounts.size > 0 };
  }

  /** Whether an account is listened to, or is to be as soon as there is a connection. */
  watches(account: string): boolean {
    return this.accounts.has(account);
  }

  /** Whether an account's events come since its snapshot on this connection. */
  tells(account: string): boolean {
    return this.last.has(account);
  }

  /** Take how the list of orders stands: read at all, and how many of its rows nobody vouches for. */
  listed(isListed: boolean, doubtful: number, nowMs: number): void {
    this.isListed = isListed;
    this.doubtful = doubtful;
    this.settleState(nowMs);
  }

  private settleState(nowMs: number): void {
    if (!this.isOpen || this.state === "REFUSED") return;
    const isLate = !this.awaited.size && nowMs - this.provenAt >= STALE_MS;
    if (isLate || nowMs - this.heardAt >= STALE_MS) {
      if (this.state === "LIVE") this.cutAt = this.provenAt;
      this.become("STALE", nowMs - this.heardAt >= STALE_MS ? "nothing was heard for a while" : "what comes is late");
    } else if (this.awaited.size) this.become("CATCHING_UP", `catching up: ${this.awaited.size} of ${this.accounts.size} accounts`);
    else if (!this.isListed) this.become("CATCHING_UP", "catching up: reading the list");
    else if (this.doubtful) this.become("CATCHING_UP", `catching up: ${this.doubtful} ${this.doubtful === 1 ? "order" : "orders"} in doubt`);
    else {
      this.cutAt = 0;
      this.tries = 0;
      this.become("LIVE", "");
    }
  }

  /** Look at the time. Returns why to connect again, empty for not. */
  tick(nowMs: number): string {
    if (!this.isOpen) return "";
    if (nowMs - this.heardAt >= SILENCE_MS_MAX) return "nothing is heard";
    // A page that nobody sees asks seldom: only what was asked for, and has not come, is too late.
    if (!this.awaited.size && nowMs - (this.asked[0] ?? nowMs) >= SILENCE_MS_MAX) return "what comes is late";
    this.settleState(nowMs);
    return "";
  }

  // ---- how it ends

  /** Take that the connection is gone. Returns after how many ms to connect again, null for not at all. */
  ended(why: string, nowMs: number): number | null {
    const refused = this.state === "REFUSED" || !this.accounts.size;
    if (!this.cutAt) this.cutAt = nowMs;
    this.leave();
    if (refused) return null;
    this.tries += 1;
    this.become("CUT", `${this.refusal || why}; connecting again`);
    return Math.min(BACKOFF_MS * 2 ** (this.tries - 1), BACKOFF_MS_MAX);
  }

  /** Take that the gateway does not take us, and that trying again would not help. */
  refused(why: string, nowMs: number): void {
    if (!this.cutAt) this.cutAt = nowMs;
    this.leave();
    this.become("REFUSED", why);
  }

  private leave(): void {
    this.isOpen = false;
    this.isListed = false;
    this.awaited.clear();
    this.last.clear();
  }

  private become(state: Truth, why: string): void {
    this.state = state;
    this.reason = why;
  }
}
