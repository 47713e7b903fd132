// Kill switches: what is stopped, by whom and why; what a switch found open and what has become of it.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import { inWords } from "../../api/problems";
import type { KillSwitch } from "../../api/types";
import { kills, may, readKills } from "../../store/desk";
import { shares } from "../../ui/numbers";
import { Badge, Button, Empty, Pane, ReasonDialog } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { scopeInWords } from "../../ui/scope";
import { clock, clockMs, whole } from "../../ui/time";
import { say } from "../../ui/toasts";
import { closings } from "./closings";
import { beyond, stageInWords, type Stage } from "./stages";

const DETAIL_MS = 1_000;
const ALL_MS = 5_000;

interface Raise {
  readonly stage: Stage;
  readonly does: string;
  readonly closed: readonly string[];
}

interface PaneProps {
  readonly chosen: string;
  readonly onChoose: (switchId: string) => void;
}

export function SwitchesPane({ chosen, onChoose }: PaneProps) {
  const [isAll, setAll] = useState(false);
  const all = useRead(() => (isAll ? call("get", "/api/v1/kill-switches", { query: { all: true } }).then(found => found.killSwitches) : Promise.resolve(null)), ALL_MS, String(isAll));
  const shown = isAll ? all.value : kills.value;
  return (
    <Pane title="Kill switches" class="switches" tools={<label class="check"><input type="checkbox" checked={isAll} onChange={event => setAll(event.currentTarget.checked)} />Released ones, too</label>}>
      <div class="scroll" tabIndex={0}>
        {shown === null ? <Empty>{all.problem || "Whether anything is stopped is not known: the switches cannot be read."}</Empty>
          : shown.length === 0 ? <Empty>Nothing is stopped.</Empty>
          : (
            <table class="plain">
              <thead><tr><th>What is stopped</th><th>How far</th><th>Since</th><th>By</th><th>Reason</th><th>Released</th></tr></thead>
              <tbody>
                {shown.map(one => (
                  <tr key={one.switchId} class={one.switchId === chosen ? "current" : ""}>
                    <td><button type="button" class="link" aria-expanded={one.switchId === chosen} onClick={() => onChoose(one.switchId === chosen ? "" : one.switchId)}>{scopeInWords(one.scope)}</button></td>
                    <td><Badge tone={one.releasedAt ? "soft" : "bad"}>{stageInWords(one.stage)}</Badge></td>
                    <td title={whole(one.setAt)}>{clock(one.setAt)}</td>
                    <td>{one.setBy}</td>
                    <td>{one.reason}</td>
                    <td title={one.releasedAt ? whole(one.releasedAt) : ""}>{one.releasedAt ? `${clock(one.releasedAt)} by ${one.releasedBy}: ${one.releaseReason}` : ""}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
      </div>
    </Pane>
  );
}

export function SwitchDetail({ switchId }: { switchId: string }) {
  const read = useRead(() => call("get", "/api/v1/kill-switches/{switchId}", { path: { switchId } }), DETAIL_MS, switchId);
  const [isReleasing, setReleasing] = useState(false);
  const [raising, setRaising] = useState<Raise | null>(null);
  const found = read.value;
  if (!found) return <Pane title="Switch" class="detail"><Empty>{read.problem || "One moment…"}</Empty></Pane>;
  const one: KillSwitch = found.killSwitch;
  const further = beyond(one.stage).filter(stage => may(stage.right));
  const raise = async (to: { readonly value: Stage; readonly does: string }) => {
    try {
      setRaising({ stage: to.value, does: to.does, closed: to.value === "FLATTEN" ? await closings(one.scope) : [] });
    } catch (problem) {
      say(inWords(problem), "bad");
    }
  };
  const done = async (text: string) => {
    say(text, "good");
    await Promise.all([readKills(), read.again()]);
  };
  const tools = one.releasedAt ? null : (
    <>
      {further.map(stage => <Button key={stage.value} run={() => raise(stage)} tone="danger">{stage.title}…</Button>)}
      {may("release") ? <Button run={() => setReleasing(true)} id="release">Release…</Button> : null}
    </>
  );
  return (
    <Pane title={`${one.releasedAt ? "Was stopped" : "Stopped"}: ${scopeInWords(one.scope)}`} class="detail" tools={tools}>
      <div class="scroll form" tabIndex={0}>
        {read.problem ? <p class="warn">Not read again since {clock(new Date(read.at).toISOString())}: {read.problem}</p> : null}
        <p>{stageInWords(one.stage)}, {one.releasedAt ? `released ${whole(one.releasedAt)} by ${one.releasedBy}` : `set ${whole(one.setAt)} by ${one.setBy}`}: {one.reason}</p>
        <dl class="facts">
          <div><dt>Orders found open</dt><dd>{shares(found.ordersCovered)}</dd></div>
          <div><dt>of them over</dt><dd>{shares(found.ordersOver)}</dd></div>
          {one.stage === "FLATTEN" ? (
            <>
              <div><dt>Positions found</dt><dd>{shares(found.positionsFound)}</dd></div>
              <div><dt>of them flat</dt><dd>{shares(found.positionsFlat)}</dd></div>
            </>
          ) : null}
          <div><dt>Venue orders found open</dt><dd>{shares(found.childrenCovered)}</dd></div>
          <div><dt>of them over</dt><dd>{shares(found.childrenOver)}</dd></div>
        </dl>
        <h3>{one.releasedAt ? "Was in effect" : "In effect"}</h3>
        {found.inEffect.length ? (
          <ul class="plain">{found.inEffect.map(effect => <li key={`${effect.service} ${effect.member}`}>{effect.service}{effect.member ? <span class="soft"> {effect.member}</span> : null}: {stageInWords(effect.stage)} since {clockMs(effect.since)}</li>)}</ul>
        ) : <p class="soft">{one.releasedAt ? "Nowhere any more." : "No process has said yet that it goes by it."}</p>}
        {found.positions.length ? (
          <>
            <h3>Positions</h3>
            <table class="plain">
              <thead><tr><th>Account</th><th>Symbol</th><th>State</th><th class="number">Found</th><th class="number">Held</th><th class="number">On its way</th><th>Waits for</th></tr></thead>
              <tbody>
                {found.positions.map(left => (
                  <tr key={`${left.accountId} ${left.symbol}`}>
                    <td>{left.accountId}</td><td>{left.symbol}</td><td>{left.state.toLowerCase().replaceAll("_", " ")}</td><td class="number">{shares(left.foundQty)}</td><td class="number">{shares(left.held)}</td><td class="number">{shares(left.openQty)}</td><td>{left.why}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        ) : null}
        <h3>Not over yet</h3>
        {found.outstanding.length ? (
          <table class="plain">
            <thead><tr><th>Account</th><th>Order</th><th>Venue</th><th class="number">Open</th><th>Since</th><th>Why</th></tr></thead>
            <tbody>
              {found.outstanding.map(left => (
                <tr key={`${left.orderId} ${left.clOrdId}`}>
                  <td>{left.accountId}</td><td title={left.orderId}>…{left.orderId.slice(-8)}</td><td>{left.venueId}</td><td class="number">{shares(left.openQty)}</td><td>{clock(left.since)}</td><td>{left.why}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <p class="soft">{one.stage === "BLOCK" ? "This stage cancels nothing." : "Everything that it found open is over."}</p>}
      </div>
      {raising ? (
        <ReasonDialog title={`${stageInWords(raising.stage)}: ${scopeInWords(one.scope)}`} what={[raising.does, ...raising.closed].join(" ")} action="Go further" tone="danger" inWords={inWords} onClose={() => setRaising(null)}
          run={async reason => {
            await call("post", "/api/v1/kill-switches/{switchId}/raise", { path: { switchId }, body: { stage: raising.stage, reason } });
            await done(`${stageInWords(raising.stage)}: ${scopeInWords(one.scope)}.`);
          }} />
      ) : null}
      {isReleasing ? (
        <ReasonDialog title={`Release: ${scopeInWords(one.scope)}`} what="Trading of it goes on, and what waited in the market for a route goes on by itself. Orders that were canceled stay canceled." action="Release" inWords={inWords} onClose={() => setReleasing(false)}
          run={async reason => {
            await call("post", "/api/v1/kill-switches/{switchId}/release", { path: { switchId }, body: { reason } });
            await done(`Released: ${scopeInWords(one.scope)}.`);
          }} />
      ) : null}
    </Pane>
  );
}
