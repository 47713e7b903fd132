// What is seen before somebody is in: log-in at the issuer, or a pasted token.
import { useEffect, useRef, useState } from "preact/hooks";
import { inWords } from "../api/problems";
import { logIn, mayLogIn, paste, personas, presence, problem } from "../session/session";
import { Button, Field } from "./parts";

/** Whom a demo's issuer lets be picked: one press logs in as them. */
function Personas() {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => list.current?.querySelector("button")?.focus(), []);
  return (
    <section class="personas" aria-labelledby="personas-title">
      <h2 id="personas-title">Log in as</h2>
      <ul ref={list}>
        {personas.value.map(({ name, may }) => (
          <li key={name}>
            <Button run={() => logIn(name)} data-persona={name} aria-describedby={`may-${name}`}>{name}</Button>
            <span id={`may-${name}`}>{may}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Door({ entryProblem, onRetry }: { entryProblem: string; onRetry: () => void }) {
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  const use = () => {
    try {
      paste(text);
      setWrong("");
    } catch (found) {
      setWrong(inWords(found));
    }
  };
  const said = entryProblem || problem.value;
  return (
    <main class="door">
      <h1>OMS desk</h1>
      <p role="status" id="door-says" class={said ? "bad" : "soft"}>
        {said || (presence.value === "ASKING" ? "One moment…" : presence.value === "IN" ? "Entering…" : "Orders, risk and positions, live.")}
      </p>
      {entryProblem ? <Button run={onRetry} tone="main">Try again</Button> : null}
      {personas.value.length ? <Personas /> : null}
      {mayLogIn.value ? <Button run={() => logIn()} tone={personas.value.length ? "quiet" : "main"} id="login">{personas.value.length ? "Log in at the issuer’s page" : "Log in"}</Button> : null}
      <form onSubmit={event => { event.preventDefault(); use(); }}>
        <Field label={mayLogIn.value ? "Or paste an access token" : "Access token"} problem={wrong || undefined} hint="It stays in this tab's memory, and ends with it.">
          {given => <input {...given} type="password" autocomplete="off" spellcheck={false} value={text} onInput={event => setText(event.currentTarget.value)} />}
        </Field>
        <Button run={use} id="use-token">Use this token</Button>
      </form>
    </main>
  );
}
