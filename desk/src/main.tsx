// The page's start: who is here, then the desk.
import "./style/slick.css";
import "./style/tokens.css";
import "./style/parts.css";
import "./style/layout.css";
import "./style/grid.css";
import "./style/orders.css";
import "./style/views.css";
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { callAs } from "./api/client";
import { ApiProblem, inWords } from "./api/problems";
import { accessToken, end, presence, renew, start } from "./session/session";
import { enter, leave, me } from "./store/desk";
import { Door } from "./ui/Door";
import { Layout } from "./ui/Layout";

const entryProblem = signal("");
callAs({ token: accessToken, renew });

async function tryToEnter(): Promise<void> {
  entryProblem.value = "";
  try {
    await enter();
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status === 401) end(`the token was not taken: ${problem.message}`);
    else entryProblem.value = inWords(problem);
  }
}

function Page() {
  return presence.value === "IN" && me.value ? <Layout /> : <Door entryProblem={entryProblem.value} onRetry={() => void tryToEnter()} />;
}

effect(() => {
  const now = presence.value;
  // What follows is not what this effect watches.
  queueMicrotask(() => {
    if (now === "IN" && !me.peek()) void tryToEnter();
    else if (now === "ENDED" || now === "OUT") leave();
  });
});
const place = document.getElementById("desk");
if (place) render(<Page />, place);
void start();
