// Routing profiles: by what orders are routed, changed by a new version, retired, and who did it and why.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Profile } from "../../api/types";
import { may, profiles } from "../../store/desk";
import { decimals } from "../../ui/numbers";
import { Badge, Button, Dialog, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { ChangeDialog, ofVersion, type Problems } from "./ChangeDialog";
import { draftOf, effects, enteredOf, FIELDS, inWords, settingsOf, sharesOf, STRATEGIES, TERMS, type Draft } from "./profile";

const READ_MS = 5_000;
const DEFAULT = "default";
type Asking = { readonly what: "add" } | { readonly what: "change" | "history" | "retire"; readonly one: Profile };

export function ProfilesPane() {
  const read = useRead(() => call("get", "/api/v1/routing/profiles").then(found => (profiles.value = found.profiles)), READ_MS);
  const [asking, setAsking] = useState<Asking | null>(null);
  const mayEdit = may("admin");
  const close = () => setAsking(null);
  return (
    <Pane title={`Routing profiles (${profiles.value.length})`} class="profiles" tools={mayEdit ? <Button run={() => setAsking({ what: "add" })}>Add a profile…</Button> : null}>
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        <table class="plain">
          <thead><tr><th>Profile</th><th class="number">Version</th><th>Orders are routed by</th><th>By</th><th><span class="hidden">What can be done</span></th></tr></thead>
          <tbody>
            {profiles.value.map(one => (
              <tr key={one.profile} title={`${one.createdBy || "nobody known"}, ${whole(one.createdAt)}${one.reason ? `: ${one.reason}` : ""}`}>
                <td><b>{one.profile}</b></td><td class="number">{one.version}</td><td class="wrap">{inWords(one.settings)}</td><td>{one.createdBy}</td>
                <td>
                  <select aria-label={`What to do with profile ${one.profile}`} value="" onChange={event => {
                    const what = event.currentTarget.value;
                    event.currentTarget.value = "";
                    if (what === "change" || what === "history" || what === "retire") setAsking({ what, one });
                  }}>
                    <option value="">do…</option>
                    {mayEdit ? <option value="change">Change</option> : null}
                    <option value="history">Who and why</option>
                    {mayEdit && one.profile !== DEFAULT ? <option value="retire">Retire</option> : null}
                  </select>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asking?.what === "add" ? <EditDialog one={null} onClose={close} onDone={read.again} /> : null}
      {asking?.what === "change" ? <EditDialog one={asking.one} onClose={close} onDone={read.again} /> : null}
      {asking?.what === "history" ? <HistoryDialog name={asking.one.profile} onClose={close} /> : null}
      {asking?.what === "retire" ? <RetireDialog one={asking.one} onClose={close} onDone={read.again} /> : null}
    </Pane>
  );
}

function RetireDialog({ one, onClose, onDone }: { one: Profile; onClose: () => void; onDone: () => Promise<void> }) {
  return (
    <ChangeDialog title={`Retire ${one.profile}`} action="Retire" tone="danger" onClose={onClose}
      what="Orders and accounts that name it are not routed any more, and wait with that reason, until the profile is there again. What is at venues stays there."
      run={async reason => {
        await call("delete", "/api/v1/routing/profiles/{name}", { path: { name: one.profile }, headers: ofVersion(one.version), query: { reason } });
        say(`Profile ${one.profile} is retired.`, "good");
        await onDone();
      }} />
  );
}

function HistoryDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const read = useRead(() => call("get", "/api/v1/routing/profiles/{name}/versions", { path: { name } }).then(found => found.versions), READ_MS, name);
  return (
    <Dialog title={`Who changed ${name}, and why`} onClose={onClose} class="wide">
      {read.problem ? <p class="warn">{read.problem}</p> : null}
      {read.value ? (
        <table class="plain">
          <thead><tr><th class="number">Version</th><th>When</th><th>Who</th><th>Why</th><th>What it does</th></tr></thead>
          <tbody>
            {read.value.map((one, at) => {
              const before = read.value?.[at + 1];
              const changes = effects(before ? draftOf(before.settings) : null, draftOf(one.settings));
              return (
                <tr key={one.version}>
                  <td class="number">{one.version}</td><td title={whole(one.createdAt)}>{clock(one.createdAt)}</td><td>{one.createdBy || "–"}</td><td class="wrap">{one.reason || "–"}</td>
                  <td class="wrap">
                    {before ? changes.join(" ") || "The same as before." : inWords(one.settings)}
                    {one.retiredAt ? <div><Badge tone="soft">retired</Badge> <span title={whole(one.retiredAt)}>{clock(one.retiredAt)}</span>, {one.retiredBy}: {one.retiredReason}</div> : null}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      ) : read.problem ? null : <Empty>One moment…</Empty>}
      <footer><Button run={onClose}>Back</Button></footer>
    </Dialog>
  );
}

/** A form of every setting. one: the version that is changed, as it was shown; null: a new profile. */
function EditDialog({ one, onClose, onDone }: { one: Profile | null; onClose: () => void; onDone: () => Promise<void> }) {
  const [name, setName] = useState(one?.profile ?? "");
  const was = one ? draftOf(one.settings) : null;
  const [draft, setDraft] = useState<Draft>(was ?? draftOf({ strategy: "sweep" }));
  const changes = effects(was, draft);
  const set = (path: string, value: string) => setDraft({ ...draft, [path]: value });
  return (
    <ChangeDialog title={one ? `Change profile ${one.profile}` : "Add a routing profile"} action={one ? "Save" : "Add"} onClose={onClose} class="wide" fields={FIELDS}
      run={async reason => {
        const profile = name.trim();
        // What was retired comes back by name: only of a profile that was shown the version is known.
        const added = await call("post", "/api/v1/routing/profiles/{name}", { path: { name: profile }, ...(one ? { headers: ofVersion(one.version) } : {}), body: { ...enteredOf(draft), reason } });
        say(`Profile ${profile} is version ${added.version}: orders are routed by it within a second.`, "good");
        await onDone();
      }}>
      {problems => (
        <>
          <div class="row">
            {one ? null : <Field label="Profile" hint="a to z, 0 to 9, _ and -" problem={problems.profile}>{given => <input {...given} value={name} maxLength={32} spellcheck={false} autocomplete="off" autofocus onInput={event => setName(event.currentTarget.value.toLowerCase())} />}</Field>}
            <Field label="Strategy" hint={STRATEGIES[draft.strategy ?? ""]} problem={problems.strategy}>
              {given => <select {...given} value={draft.strategy} onChange={event => set("strategy", event.currentTarget.value)}>{Object.keys(STRATEGIES).map(strategy => <option key={strategy} value={strategy}>{strategy}</option>)}</select>}
            </Field>
          </div>
          <WeightFields draft={draft} problems={problems} set={set} />
          <SettingFields draft={draft} problems={problems} set={set} />
          <div class="effects" role="status" aria-label="What the change would do">
            {changes.length ? <ul class="plain">{changes.map(said => <li key={said}>{said}</li>)}</ul> : <p class="soft">Nothing is another yet.</p>}
            <p class="soft">Of orders that name {one ? one.profile : "it"}{name.trim() === DEFAULT ? ", or no profile," : ""} or whose account does, from the next decision on; what is at venues stays. Which venues may be used is not of a profile: accounts and orders avoid venues.</p>
          </div>
        </>
      )}
    </ChangeDialog>
  );
}

interface Fields {
  readonly draft: Draft;
  readonly problems: Problems;
  readonly set: (path: string, value: string) => void;
}

function WeightFields({ draft, problems, set }: Fields) {
  const counts = sharesOf(draft);
  return (
    <fieldset class="weights">
      <legend>Weights of a venue’s score, each 0 to 1</legend>
      <div class="row">
        {Object.entries(TERMS).map(([term, title]) => (
          <Field key={term} label={title} hint={counts[term] === undefined ? "counts nothing" : `counts ${decimals(counts[term], 1)} %`} problem={problems[`weights.${term}`]}>
            {given => <input {...given} class="number" inputmode="decimal" value={draft[`weights.${term}`] ?? ""} placeholder="0" autocomplete="off" onInput={event => set(`weights.${term}`, event.currentTarget.value)} />}
          </Field>
        ))}
      </div>
      {problems.weights ? <p class="note bad">weights {problems.weights}</p> : null}
    </fieldset>
  );
}

function SettingFields({ draft, problems, set }: Fields) {
  return (
    <div class="settings">
      {settingsOf(draft.strategy ?? "").map(one => (
        <Field key={one.path} label={one.title} hint={one.unit || undefined} problem={problems[one.path]}>
          {given => one.choices
            ? <select {...given} value={draft[one.path] || one.standard} onChange={event => set(one.path, event.currentTarget.value)}>{one.choices.map(choice => <option key={choice} value={choice}>{choice}</option>)}</select>
            : <input {...given} class="number" inputmode={one.isText ? "decimal" : "numeric"} value={draft[one.path] ?? ""} placeholder={one.standard} autocomplete="off" onInput={event => set(one.path, event.currentTarget.value)} />}
        </Field>
      ))}
    </div>
  );
}
