// Execution quality: what orders cost against the quotes of their time, by any cut, with how many and how sure.
import { useState } from "preact/hooks";
import { call } from "../../api/client";
import type { components } from "../../api/schema";
import { accounts, instruments } from "../../store/desk";
import { decimals, money, shares } from "../../ui/numbers";
import { Button, Choice, Empty, Field, Pane } from "../../ui/parts";
import { useRead } from "../../ui/read";
import { clock } from "../../ui/time";
import { sideInWords } from "../../words/reasons";
import { SIDES } from "../orders/order";
import { barsOf, sentencesOf } from "./against";
import { COLUMNS, CUTS, FIGURES, barsOfFigure, inBps, linesOf, toneOf, type Cut } from "./figures";
import { Intervals } from "./Intervals";

const READ_MS = 10_000;
const LINES_MAX = 100;
const HOURS = [{ value: "1", title: "1 h" }, { value: "8", title: "8 h" }, { value: "24", title: "1 day" }, { value: "168", title: "1 week" }] as const;
type Side = components["schemas"]["Side"];

export function QualityView() {
  const [cut, setCut] = useState<Cut>("venue");
  const [hours, setHours] = useState<(typeof HOURS)[number]["value"]>("24");
  const [account, setAccount] = useState("");
  const [symbol, setSymbol] = useState("");
  const [side, setSide] = useState<Side | "">("");
  const [figure, setFigure] = useState("effective_spread");
  const read = useRead(() => call("get", "/api/v1/execution-quality", {
    query: { cut, limit: LINES_MAX, from: new Date(Date.now() - Number(hours) * 3_600_000).toISOString(), ...(account ? { accountId: [account] } : {}), ...(symbol ? { symbol: [symbol] } : {}), ...(side ? { side } : {}) },
  }), READ_MS, `${cut} ${hours} ${account} ${symbol} ${side}`);
  const found = read.value;
  const lines = linesOf(found?.rows ?? []);
  return (
    <div class="quality">
      <Pane title="Execution quality" tools={<><Choice label="Cut by" value={cut} choices={CUTS} onChange={setCut} /><Button run={() => read.again()}>Read again</Button></>}>
        <div class="row form">
          <Field label="Orders of the last">{given => <select {...given} value={hours} onChange={event => setHours(event.currentTarget.value as typeof hours)}>{HOURS.map(one => <option key={one.value} value={one.value}>{one.title}</option>)}</select>}</Field>
          <Field label="Account">{given => <select {...given} value={account} onChange={event => setAccount(event.currentTarget.value)}><option value="">all</option>{accounts.value.map(one => <option key={one.accountId} value={one.accountId}>{one.accountId}</option>)}</select>}</Field>
          <Field label="Symbol">{given => <select {...given} value={symbol} onChange={event => setSymbol(event.currentTarget.value)}><option value="">all</option>{[...instruments.value.keys()].map(one => <option key={one} value={one}>{one}</option>)}</select>}</Field>
          <Field label="Side">{given => <select {...given} value={side} onChange={event => setSide(event.currentTarget.value as Side | "")}><option value="">both</option>{SIDES.map(one => <option key={one} value={one}>{sideInWords(one).toLowerCase()}</option>)}</select>}</Field>
          <Field label="Picture">{given => <select {...given} value={figure} onChange={event => setFigure(event.currentTarget.value)}>{Object.entries(FIGURES).map(([name, of]) => <option key={name} value={name}>{of.title}</option>)}</select>}</Field>
        </div>
        <div class="scroll" tabIndex={0}>
          {read.problem ? <p class="warn form">{read.problem}</p> : null}
          {found ? (
            <>
              <p class="form soft">{shares(found.orders)} orders, {shares(found.refused)} that risk refused are left out{found.linesLeftOut ? `; ${shares(found.linesLeftOut)} lines are not shown` : ""}. Basis points; ± is half of a 95 % interval, given from 10 orders on; * stands on a part of the shares. As of {clock(found.to)}.</p>
              <section class="against" aria-labelledby="against-title">
                <h3 id="against-title">Against naive routers</h3>
                <div>
                  {sentencesOf(lines.at(-1)).map(said => <p key={said} class="form">{said}</p>)}
                  <p class="form soft">With the very book of each order’s first decision, displayed shares alone, and what both would have sent alike counted as 0.</p>
                </div>
                {barsOf(lines.at(-1)).length ? <Intervals title="Saved against a router that sends all to one venue" bars={barsOf(lines.at(-1))} /> : null}
              </section>
              <Intervals title={FIGURES[figure]?.title ?? figure} bars={barsOfFigure(lines, figure)} />
              <table class="plain">
                <thead>
                  <tr><th>{CUTS.find(one => one.value === cut)?.title}</th><th class="number">Orders</th><th class="number">Filled</th><th class="number">Notional $</th>{COLUMNS.map(name => <th key={name} class="number" title={FIGURES[name]?.means}>{FIGURES[name]?.title}</th>)}</tr>
                </thead>
                <tbody>
                  {lines.map(line => (
                    <tr key={line.name} class={line.name === "all" ? "total" : ""}>
                      <td title={line.name}>{cut === "order" && line.name.length > 30 ? `…${line.name.slice(-8)} ${sideInWords(line.first.side ?? "").toLowerCase()} ${line.first.symbol ?? ""}` : line.name}</td>
                      <td class="number">{shares(line.first.orders)}</td>
                      <td class="number">{line.first.fillRate === null ? "–" : `${decimals(Number(line.first.fillRate) * 100, 1)} %`}</td>
                      <td class="number">{money(line.first.notional)}</td>
                      {COLUMNS.map(name => { const row = line.figures.get(name); return <td key={name} class={`number ${toneOf(row)}`} title={row ? `${shares(row.ordersKnown)} orders, ${shares(row.shares)} shares${row.missingShares ? `, ${shares(row.missingShares)} shares missing` : ""}` : ""}>{inBps(row)}</td>; })}
                    </tr>
                  ))}
                </tbody>
              </table>
            </>
          ) : <Empty>{read.problem ? "" : "One moment…"}</Empty>}
        </div>
      </Pane>
    </div>
  );
}
