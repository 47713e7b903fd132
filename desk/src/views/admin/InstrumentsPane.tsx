// Instruments: listed, taken off the list, and what each is like.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Instrument } from "../../api/types";
import { instruments, may, venues } from "../../store/desk";
import { plain, price } from "../../ui/numbers";
import { Badge, Button, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { ChangeDialog, ofVersion } from "./ChangeDialog";

const READ_MS = 5_000;
type Asking = { readonly what: "add" } | { readonly what: "change" | "status"; readonly one: Instrument };

export function InstrumentsPane() {
  const read = useRead(async () => {
    const found = (await call("get", "/api/v1/instruments")).instruments;
    instruments.value = new Map(found.map(one => [one.symbol, one]));
    return found;
  }, READ_MS);
  const [asking, setAsking] = useState<Asking | null>(null);
  const shown = read.value ?? [...instruments.value.values()];
  const mayEdit = may("admin");
  const close = () => setAsking(null);
  return (
    <Pane title={`Instruments (${shown.length})`} class="instruments" tools={mayEdit ? <Button run={() => setAsking({ what: "add" })}>List an instrument…</Button> : null}>
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        <table class="plain">
          <thead><tr><th>Symbol</th><th>Name</th><th>State</th><th class="number">Reference $</th><th class="number">Tick</th><th class="number">Lot</th><th>Sector</th><th>Calendar</th>{mayEdit ? <th><span class="hidden">What can be done</span></th> : null}</tr></thead>
          <tbody>
            {shown.map(one => (
              <tr key={one.symbol} title={one.changedBy ? `${one.changedBy}, ${whole(one.changedAt)}: ${one.reason}` : ""}>
                <td><b>{one.symbol}</b></td><td class="wrap">{one.name}</td><td><Badge tone={one.haltReason !== null ? "bad" : one.status === "ACTIVE" ? "good" : "warn"} tip={one.haltReason ?? ""}>{one.haltReason !== null ? "halted" : one.status.toLowerCase()}</Badge></td>
                <td class="number">{price(one.referencePrice)}</td><td class="number">{plain(one.tickSize)}</td><td class="number">{one.lotSize}</td><td>{one.sector.toLowerCase().replaceAll("_", " ")}</td><td>{one.calendarId}</td>
                {mayEdit ? (
                  <td>
                    <select aria-label={`What to do with ${one.symbol}`} value="" onChange={event => {
                      const what = event.currentTarget.value;
                      event.currentTarget.value = "";
                      if (what === "change" || what === "status") setAsking({ what, one });
                    }}>
                      <option value="">do…</option>
                      <option value="change">Change</option>
                      <option value="status">{one.status === "ACTIVE" ? "Take off the list" : "Trade again"}</option>
                    </select>
                  </td>
                ) : null}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asking?.what === "add" ? <AddDialog onClose={close} onDone={read.again} /> : null}
      {asking?.what === "change" ? <EditDialog one={asking.one} onClose={close} onDone={read.again} /> : null}
      {asking?.what === "status" ? <StatusDialog one={asking.one} onClose={close} onDone={read.again} /> : null}
    </Pane>
  );
}

interface Props {
  readonly one: Instrument;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

function StatusDialog({ one, onClose, onDone }: Props) {
  const isActive = one.status === "ACTIVE";
  const action = isActive ? "Take off the list" : "Trade again";
  return (
    <ChangeDialog title={`${action}: ${one.symbol}`} action={action} tone={isActive ? "danger" : "main"} onClose={onClose}
      what={isActive ? "New orders of it are denied and nothing of it is routed within a second. What venues have stays there, and can be canceled." : "Orders of it are taken again within a second."}
      run={async reason => {
        await call("patch", "/api/v1/instruments/{symbol}", { path: { symbol: one.symbol }, headers: ofVersion(one.version), body: { status: isActive ? "INACTIVE" : "ACTIVE", reason } });
        say(`${one.symbol} ${isActive ? "is off the list" : "trades again"}.`, "good");
        await onDone();
      }} />
  );
}

interface Kind {
  readonly name: string;
  readonly sector: string;
  readonly tick: string;
  readonly lot: string;
  readonly venue: string;
}

function KindFields({ value, onChange }: { value: Kind; onChange: (value: Kind) => void }) {
  const sectors = [...new Set([...instruments.value.values()].map(one => one.sector))].sort();
  return (
    <>
      <Field label="Name">{given => <input {...given} value={value.name} maxLength={120} onInput={event => onChange({ ...value, name: event.currentTarget.value })} />}</Field>
      <div class="row">
        <Field label="Tick (dollars)" hint="from a dollar on, from today">{given => <input {...given} class="number" inputmode="decimal" value={value.tick} placeholder="as everybody has it" onInput={event => onChange({ ...value, tick: event.currentTarget.value })} />}</Field>
        <Field label="Round lot (shares)" hint="from today">{given => <input {...given} class="number" inputmode="numeric" value={value.lot} placeholder="as everybody has it" onInput={event => onChange({ ...value, lot: event.currentTarget.value })} />}</Field>
      </div>
      <div class="row">
        <Field label="Sector" hint="limits name it">
          {given => (
            <>
              <input {...given} value={value.sector} list={`${given.id}-known`} maxLength={32} spellcheck={false} autocomplete="off" onInput={event => onChange({ ...value, sector: event.currentTarget.value.toUpperCase() })} />
              <datalist id={`${given.id}-known`}>{sectors.map(name => <option key={name} value={name} />)}</datalist>
            </>
          )}
        </Field>
        <Field label="Listed at" hint="holds its auctions">
          {given => <select {...given} value={value.venue} onChange={event => onChange({ ...value, venue: event.currentTarget.value })}><option value="">not known</option>{venues.value.map(one => <option key={one.venueId} value={one.venueId}>{one.venueId}</option>)}</select>}
        </Field>
      </div>
    </>
  );
}

/** What was entered, as the contract takes it: what is blank, or as it was, is left out. */
function entered(now: Kind, was: Partial<Kind>) {
  const changed = (of: keyof Kind) => (now[of].trim() && now[of].trim() !== (was[of] ?? "") ? now[of].trim() : undefined);
  const [name, sector, tickSize, lot, listingVenue] = [changed("name"), changed("sector"), changed("tick"), changed("lot"), changed("venue")];
  return { ...(name ? { name } : {}), ...(sector ? { sector } : {}), ...(tickSize ? { tickSize } : {}), ...(lot ? { lotSize: Number(lot) } : {}), ...(listingVenue ? { listingVenue } : {}) };
}

function EditDialog({ one, onClose, onDone }: Props) {
  const was: Kind = { name: one.name, sector: one.sector, tick: plain(one.tickSize), lot: String(one.lotSize), venue: one.listingVenue ?? "" };
  const [kind, setKind] = useState(was);
  return (
    <ChangeDialog title={`Change ${one.symbol}`} action="Save" onClose={onClose}
      run={async reason => {
        await call("patch", "/api/v1/instruments/{symbol}", { path: { symbol: one.symbol }, headers: ofVersion(one.version), body: { ...entered(kind, was), reason } });
        say(`${one.symbol} is changed.`, "good");
        await onDone();
      }}>
      <KindFields value={kind} onChange={setKind} />
    </ChangeDialog>
  );
}

function AddDialog({ onClose, onDone }: Omit<Props, "one">) {
  const [symbol, setSymbol] = useState("");
  const [reference, setReference] = useState("");
  const [calendarId, setCalendarId] = useState("XNYS");
  const [kind, setKind] = useState<Kind>({ name: "", sector: "UNKNOWN", tick: "", lot: "", venue: "" });
  const calendars = useRead(() => call("get", "/api/v1/calendars").then(found => found.calendars.map(one => one.calendarId)), 0);
  return (
    <ChangeDialog title="List an instrument" action="List" what="It trades within a second, and is quoted when market data quotes it." onClose={onClose}
      run={async reason => {
        await call("post", "/api/v1/instruments", { body: { name: "", ...entered(kind, {}), symbol: symbol.trim(), referencePrice: reference.trim().replaceAll(",", ""), calendarId, reason } });
        say(`${symbol.trim()} is listed.`, "good");
        await onDone();
      }}>
      <div class="row">
        <Field label="Symbol">{given => <input {...given} value={symbol} maxLength={16} spellcheck={false} autocomplete="off" autofocus onInput={event => setSymbol(event.currentTarget.value.toUpperCase())} />}</Field>
        <Field label="Reference price (dollars)" hint="where nobody quotes it">{given => <input {...given} class="number" inputmode="decimal" value={reference} onInput={event => setReference(event.currentTarget.value)} />}</Field>
        <Field label="Calendar">{given => <select {...given} value={calendarId} onChange={event => setCalendarId(event.currentTarget.value)}>{(calendars.value ?? [calendarId]).map(name => <option key={name} value={name}>{name}</option>)}</select>}</Field>
      </div>
      <KindFields value={kind} onChange={setKind} />
    </ChangeDialog>
  );
}
