// Calendars: whether each market is open, and days that are other than was loaded.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { may } from "../../store/desk";
import { Badge, Button, Choice, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { ChangeDialog } from "./ChangeDialog";

const READ_MS = 10_000;
type What = "set" | "close";
const CHOICES: readonly { value: What; title: string; tone?: string }[] = [{ value: "set", title: "Trades at these times" }, { value: "close", title: "Is closed", tone: "danger" }];

export function CalendarsPane() {
  const read = useRead(() => call("get", "/api/v1/calendars").then(found => found.calendars), READ_MS);
  const [changing, setChanging] = useState("");
  return (
    <Pane title="Calendars" class="calendars">
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>Calendar</th><th>Zone</th><th>Now</th><th>Until</th>{may("admin") ? <th><span class="hidden">What can be done</span></th> : null}</tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={one.calendarId}>
                  <td>{one.calendarId}</td><td>{one.zone}</td><td><Badge tone={one.isOpen ? "good" : "soft"}>{one.isContinuous ? "always open" : one.isOpen ? "open" : "closed"}</Badge></td><td title={one.until ? whole(one.until) : ""}>{one.isContinuous ? "" : clock(one.until)}</td>
                  {may("admin") ? <td>{one.isContinuous ? null : <Button run={() => setChanging(one.calendarId)} aria-label={`Change a day of ${one.calendarId}`}>A day…</Button>}</td> : null}
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "No calendar is loaded." : read.problem ? "" : "One moment…"}</Empty>}
      </div>
      {changing ? <DayDialog calendarId={changing} onClose={() => setChanging("")} onDone={read.again} /> : null}
    </Pane>
  );
}

function DayDialog({ calendarId, onClose, onDone }: { calendarId: string; onClose: () => void; onDone: () => Promise<void> }) {
  const [day, setDay] = useState("");
  const [what, setWhat] = useState<What>("set");
  const [opens, setOpens] = useState("");
  const [closes, setCloses] = useState("");
  const [isEarly, setEarly] = useState(false);
  return (
    <ChangeDialog title={`A day of ${calendarId}`} action={what === "set" ? "Set" : "Close the day"} tone={what === "set" ? "main" : "danger"} onClose={onClose}
      what="Times are those of a clock in the calendar’s zone; a blank one stays as it is. What has been stays as it was."
      run={async reason => {
        const path = { calendarId, day: day.trim() };
        if (what === "close") await call("delete", "/api/v1/calendars/{calendarId}/sessions/{day}", { path, query: { reason } });
        else await call("put", "/api/v1/calendars/{calendarId}/sessions/{day}", { path, body: { ...(opens.trim() ? { opens: opens.trim() } : {}), ...(closes.trim() ? { closes: closes.trim() } : {}), earlyClose: isEarly, reason } });
        say(`${calendarId}: ${day.trim()} ${what === "set" ? "is set" : "is closed"}.`, "good");
        await onDone();
      }}>
      <Field label="Day" hint="2026-12-24">{given => <input {...given} value={day} maxLength={10} spellcheck={false} autocomplete="off" autofocus onInput={event => setDay(event.currentTarget.value)} />}</Field>
      <Choice label="What of it" value={what} choices={CHOICES} onChange={setWhat} />
      {what === "set" ? (
        <div class="row">
          <Field label="Opens" hint="09:30">{given => <input {...given} value={opens} maxLength={5} placeholder="as it is" onInput={event => setOpens(event.currentTarget.value)} />}</Field>
          <Field label="Closes" hint="13:00">{given => <input {...given} value={closes} maxLength={5} placeholder="as it is" onInput={event => setCloses(event.currentTarget.value)} />}</Field>
          <Field label="Closes early">{given => <select {...given} value={isEarly ? "yes" : "no"} onChange={event => setEarly(event.currentTarget.value === "yes")}><option value="no">no</option><option value="yes">yes</option></select>}</Field>
        </div>
      ) : null}
    </ChangeDialog>
  );
}
