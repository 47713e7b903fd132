// What venues said of our open orders when they were asked, and where that differed.
import { call } from "../../api/client";
import { shares } from "../../ui/numbers";
import { Badge, Empty, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock, whole } from "../../ui/time";

const READ_MS = 5_000;
const SHOWN_MAX = 50;

export function ReconciliationsPane() {
  const read = useRead(() => call("get", "/api/v1/reconciliations", { query: { limit: SHOWN_MAX } }).then(found => found.reconciliations), READ_MS);
  return (
    <Pane title="Reconciliations" class="reconciliations">
      <div class="scroll" tabIndex={0}>
        {read.problem ? <p class="warn">{read.problem}</p> : null}
        {read.value?.length ? (
          <table class="plain">
            <thead><tr><th>When</th><th>Venue</th><th>Why</th><th class="number">Asked</th><th class="number">Agreed</th><th>Differences</th></tr></thead>
            <tbody>
              {read.value.map(one => (
                <tr key={`${one.runId} ${one.venueId}`}>
                  <td title={whole(one.beganAt)}>{clock(one.beganAt)}</td><td>{one.venueId}</td><td>{one.occasion.toLowerCase().replaceAll("_", " ")}</td>
                  <td class="number">{shares(one.asked)}</td><td class="number">{shares(one.agreed)}</td>
                  <td>{one.breaks.length ? one.breaks.map(broken => <div key={broken.clOrdId}><Badge tone={broken.settled ? "soft" : "bad"}>{broken.settled ? "settled" : "open"}</Badge> …{broken.orderId.slice(-8)}: ours {broken.ours}, theirs {broken.theirs}</div>) : "none"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : <Empty>{read.value ? "No venue has been asked yet." : read.problem ? "" : "One moment…"}</Empty>}
      </div>
    </Pane>
  );
}
