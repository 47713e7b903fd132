// A change that is kept with its reason: what is to be another, why, and what the gateway says to it.
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiProblem, inWords } from "../../api/problems";
import { Button, Dialog, Field } from "../../ui/parts";

interface Props {
  readonly title: string;
  readonly action: string;
  readonly tone?: "main" | "danger";
  /** What it does, in a sentence. */
  readonly what?: string;
  /** Does it. Throws what went wrong, which is shown. */
  readonly run: (reason: string) => Promise<void>;
  readonly onClose: () => void;
  readonly class?: string;
  /** The names of the gateway's fields that say themselves what is wrong with them; of others it stands at the reason. */
  readonly fields?: readonly string[];
  /** Is given what is wrong by field. */
  readonly children?: ComponentChildren | ((problems: Problems) => ComponentChildren);
}

/** What is wrong, by the gateway's name of a field. */
export type Problems = Readonly<Record<string, string>>;

/** Ask for a change and why. Enter and the button send it, once at a time. */
export function ChangeDialog({ title, action, tone = "main", what, run, onClose, children, fields = [], ...rest }: Props) {
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const [problems, setProblems] = useState<Problems>({});
  /** Say what went wrong where it is. */
  const tell = (found: unknown) => {
    const known = found instanceof ApiProblem ? found.fields.filter(one => fields.includes(one.field)) : [];
    const others = found instanceof ApiProblem ? found.fields.length - known.length : 0;
    setProblems(Object.fromEntries(known.map(one => [one.field, one.message])));
    setProblem(known.length && !others ? "nothing is changed yet: see above" : inWords(found));
  };
  const isBusy = useRef(false);
  const submit = async () => {
    if (isBusy.current) return;
    if (!reason.trim()) {
      setProblem("say why: it is kept with the change");
      return;
    }
    isBusy.current = true;
    try {
      await run(reason.trim());
      onClose();
    } catch (found) {
      tell(found);
    } finally {
      isBusy.current = false;
    }
  };
  return (
    <Dialog title={title} onClose={onClose} class={rest.class ?? ""}>
      <form onSubmit={event => { event.preventDefault(); void submit(); }}>
        {what ? <p>{what}</p> : null}
        {typeof children === "function" ? children(problems) : children}
        <Field label="Reason" problem={problem || undefined}>{given => <input {...given} value={reason} maxLength={500} onInput={event => setReason(event.currentTarget.value)} />}</Field>
        <footer><Button run={onClose}>Back</Button><Button type="submit" run={submit} tone={tone}>{action}</Button></footer>
      </form>
    </Dialog>
  );
}

/** The header by which only the version that was shown is changed. */
export const ofVersion = (version: number): Readonly<Record<string, string>> => ({ "If-Match": `"${version}"` });
