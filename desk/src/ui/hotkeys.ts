// Keys that work wherever one is, but for fields, which take letters for themselves.
import { signal } from "@preact/signals";

/** A key as it is shown and compared: "b", "?", "Escape", "Alt+1", "Ctrl+k". inFields: also while a field has the keyboard. */
export interface Hotkey {
  readonly keys: string;
  readonly what: string;
  readonly where: string;
  readonly run: () => void;
  readonly inFields?: boolean;
}

/** What can be pressed now, for the overlay. */
export const hotkeys = signal<readonly Hotkey[]>([]);

/** Take keys until the returned function is called. */
export function withKeys(added: readonly Hotkey[]): () => void {
  hotkeys.value = [...hotkeys.value, ...added];
  return () => {
    hotkeys.value = hotkeys.value.filter(one => !added.includes(one));
  };
}

function pressed(event: KeyboardEvent): string {
  const parts = [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : ""].filter(Boolean);
  // With Alt some keyboards give another letter: the key's place counts there.
  const key = event.altKey && /^(Digit|Key)/.test(event.code) ? event.code.replace(/^(Digit|Key)/, "").toLowerCase() : event.key;
  return [...parts, key.length === 1 ? key.toLowerCase() : key].join("+");
}

const isField = (at: EventTarget | null): boolean => at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName));

addEventListener("keydown", event => {
  if (event.defaultPrevented || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  const keys = pressed(event);
  if (keys === "Escape" && isField(event.target)) {
    (event.target as HTMLElement).blur();
    return;
  }
  const found = hotkeys.value.findLast(one => one.keys === keys && (one.inFields === true || !isField(event.target)));
  if (!found) return;
  event.preventDefault();
  found.run();
});
