// What is seen before somebody is in: log-in at the issuer, or a pasted token.
import { useState } from "preact/hooks";
import { inWords } from "../api/problems";
import { logIn, mayLogIn, paste, presence, problem } from "../session/session";
import { Button, Field } from "./parts";

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
      {mayLogIn.value ? <Button run={logIn} tone="main" id="login">Log in</Button> : null}
      <form onSubmit={event => { event.preventDefault(); use(); }}>
        <Field label={mayLogIn.value ? "Or paste an access token" : "Access token"} problem={wrong || undefined} hint="It stays in this tab's memory, and ends with it.">
          {given => <input {...given} type="password" autocomplete="off" spellcheck={false} value={text} onInput={event => setText(event.currentTarget.value)} />}
        </Field>
        <Button run={use} id="use-token">Use this token</Button>
      </form>
    </main>
  );
}
