// What has happened, said at the edge and to screen readers; problems stay until they are closed.
import { signal } from "@preact/signals";

export type Tone = "good" | "bad" | "plain";
interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: Tone;
}

const SHOWN_MS = 5_000;
const SHOWN_MAX = 5;
const toasts = signal<readonly Toast[]>([]);
let last = 0;

/** Say something. A problem stays until somebody closes it, or others push it out. */
export function say(text: string, tone: Tone = "plain"): void {
  const toast: Toast = { id: (last += 1), text, tone };
  toasts.value = [...toasts.value, toast].slice(-SHOWN_MAX);
  if (tone !== "bad") setTimeout(() => close(toast.id), SHOWN_MS);
}

function close(id: number): void {
  toasts.value = toasts.value.filter(one => one.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="log" aria-live="polite" aria-label="What happened">
      {toasts.value.map(one => (
        <div key={one.id} class={`toast ${one.tone}`}>
          <span>{one.text}</span>
          <button type="button" class="quiet" aria-label="Close" onClick={() => close(one.id)}>✕</button>
        </div>
      ))}
    </div>
  );
}
