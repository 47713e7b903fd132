// The frame of the page: who and how true it is above, the views at the left, one view, and what is laid over it.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Guide, isOpen as isGuideOpen, openGuide } from "../guide/Guide";
import { firm, isDemo, mayLogIn, person, signOut } from "../session/session";
import { kills, leave, may, me } from "../store/desk";
import { alerts, quotesLive } from "../store/market";
import { standing } from "../stream/connection";
import { VIEWS, type View } from "../views";
import { Questions } from "./ask";
import { hotkeys, withKeys } from "./hotkeys";
import { kept } from "./kept";
import { Badge, Button, Dialog, Field } from "./parts";
import { confirmDollars, confirmShares, theme, type Theme } from "./settings";
import { ZONE } from "./time";
import { Toasts } from "./toasts";
import { truthInWords } from "./truth";

const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 1_000);

const named = (): string => location.hash.slice(1).split("/")[0] ?? "";
const where = signal(named());
addEventListener("hashchange", () => (where.value = named()));

/** Go to a view. */
export function go(name: string): void {
  location.hash = name;
}

// The view that one was in.
const last = kept("view", "");
const overlay = signal<"keys" | "settings" | null>(null);
const THEMES: readonly { value: Theme; title: string }[] = [
  { value: "system", title: "As the system" },
  { value: "light", title: "Light" },
  { value: "dark", title: "Dark" },
  { value: "contrast", title: "High contrast" },
];

const offered = (): readonly View[] => VIEWS.filter(view => may(view.right));

function TopBar() {
  const { word, tone, rest } = truthInWords(standing.value, now.value);
  void alerts.version.value;
  const set = kills.value;
  const who = me.value;
  const everyAccount = who?.accounts[0] === "*";
  return (
    <header class="top">
      <h1 class="brand">OMS desk</h1>
      <span class="person" title={who ? `rights: ${who.rights.join(", ")}` : ""}>{person.value || who?.subject}{firm.value ? <> · <span class="firm" title="firm">{firm.value}</span></> : null} · {everyAccount ? "every account" : `${who?.accounts.length ?? 0} accounts`}</span>
      <span id="truth" class={`truth ${tone}`} role="status" data-truth={standing.value.truth}><b>{word}</b> <span class="rest" title={rest}>{rest}</span></span>
      <span class="states">
        {quotesLive.value ? null : <Badge tone="warn" tip="quotes do not come in: prices may be old">Quotes old</Badge>}
        <Badge tone={alerts.size ? "warn" : "soft"} tip="what a person should look at">{alerts.size} alert{alerts.size === 1 ? "" : "s"}</Badge>
        {set === null ? <Badge tone="warn" tip="kill switches cannot be read">Switches unknown</Badge>
          : <Badge tone={set.length ? "bad" : "soft"} tip={set.map(one => `${Object.entries(one.scope).map(([kind, name]) => `${kind} ${name}`).join(", ") || "everything"}: ${one.stage}, ${one.reason}`).join("\n") || "nothing is stopped"}>{set.length ? `${set.length} stopped` : "Nothing stopped"}</Badge>}
        <span class="zone" title="the zone of the times on this page">{ZONE}</span>
      </span>
      <Button tone="quiet" run={() => { overlay.value = "settings"; }} aria-label="Settings">Settings</Button>
      <Button tone="quiet" run={() => { overlay.value = "keys"; }} aria-label="Keys">?</Button>
      <Button tone="quiet" run={async () => { leave(); await signOut(); }}>{mayLogIn.value ? "Sign out" : "Leave"}</Button>
    </header>
  );
}

function Keys() {
  const places = [...new Set(hotkeys.value.map(one => one.where))];
  return (
    <Dialog title="Keys" class="keys" onClose={() => (overlay.value = null)}>
      {places.map(place => (
        <section key={place}>
          <h3>{place}</h3>
          <dl>{hotkeys.value.filter(one => one.where === place).map(one => <div key={one.keys}><dt><kbd>{one.keys}</kbd></dt><dd>{one.what}</dd></div>)}</dl>
        </section>
      ))}
      {isDemo.value ? <p><Button run={() => { overlay.value = null; openGuide(); }}>Open the guide of the first minute</Button></p> : null}
      <section>
        <h3>In a grid</h3>
        <dl>
          {[["↑ ↓ ← →", "go from cell to cell"], ["Page Up, Page Down", "a page up or down"], ["Ctrl+Home, Ctrl+End", "the first or last cell"], ["Space", "select the row, or not"],
            ["Shift+↑ ↓", "select up to the next row"], ["Ctrl+A", "select all that are shown"], ["+ or −", "unfold, or fold, what is below the row"], ["↑ in the first row", "the headings: ← → go along them, Enter sorts"], ["Enter", "open the row"], ["Escape", "select nothing"]]
            .map(([keys, what]) => <div key={keys}><dt><kbd>{keys}</kbd></dt><dd>{what}</dd></div>)}
        </dl>
      </section>
    </Dialog>
  );
}

function Settings() {
  const number = (text: string): number => Math.max(0, Math.round(Number(text.replace(/[,\s]/g, "")) || 0));
  return (
    <Dialog title="Settings" onClose={() => (overlay.value = null)}>
      <Field label="Colours">
        {given => (
          <select {...given} value={theme.value} onChange={event => (theme.value = event.currentTarget.value as Theme)}>
            {THEMES.map(one => <option key={one.value} value={one.value}>{one.title}</option>)}
          </select>
        )}
      </Field>
      <Field label="Ask before an order of so many shares" hint="0: always ask">
        {given => <input {...given} inputmode="numeric" value={confirmShares.value} onChange={event => (confirmShares.value = number(event.currentTarget.value))} />}
      </Field>
      <Field label="Ask before an order of so many dollars" hint="0: always ask">
        {given => <input {...given} inputmode="numeric" value={confirmDollars.value} onChange={event => (confirmDollars.value = number(event.currentTarget.value))} />}
      </Field>
      <p class="soft">Settings and columns are kept in this browser. Licences of what this page is made with: <a href="/desk/licences.txt">licences.txt</a>.</p>
      <footer><Button run={() => { overlay.value = null; }} tone="main">Done</Button></footer>
    </Dialog>
  );
}

export function Layout() {
  const views = offered();
  const view = views.find(one => one.name === where.value) ?? views.find(one => one.name === last.value) ?? views[0];
  useEffect(() => withKeys([
    { keys: "Escape", what: "leave a field", where: "Everywhere", run: () => {} },
    { keys: "?", what: "show these keys", where: "Everywhere", run: () => { overlay.value = "keys"; } },
    ...views.map(one => ({ keys: one.hotkey, what: `go to ${one.title}`, where: "Everywhere", run: () => go(one.name), inFields: true })),
  ]), [views.length]);
  useEffect(() => {
    document.title = view ? `${view.title} – Desk` : "Desk";
  }, [view]);
  useEffect(() => {
    if (view) last.value = view.name;
  }, [view]);
  const Shown = view?.component;
  return (
    <div class="frame">
      <TopBar />
      <nav class="views" aria-label="Views">
        {views.map(one => <a key={one.name} href={`#${one.name}`} aria-current={one === view ? "page" : undefined} title={`${one.title} (${one.hotkey})`}>{one.title}</a>)}
      </nav>
      <main>{Shown ? <Shown /> : null}</main>
      {isDemo.value && isGuideOpen.value ? <Guide /> : null}
      <Toasts />
      <Questions />
      {overlay.value === "keys" ? <Keys /> : overlay.value === "settings" ? <Settings /> : null}
    </div>
  );
}
