// Parts that views are made of: a field, a button that says what it does, a dialog, a badge, a pane.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  readonly problem?: string | undefined;
  readonly hint?: string | undefined;
  readonly class?: string;
  /** Is given the id and the description of what it holds. */
  readonly children: (attributes: { id: string; "aria-describedby"?: string; "aria-invalid"?: boolean }) => ComponentChildren;
}

/** A label above what is entered, with a place below it for what is wrong. */
export function Field({ label, problem, hint, children, ...rest }: FieldProps) {
  const id = useId();
  const note = problem ?? hint;
  return (
    <div class={`field ${rest.class ?? ""}`}>
      <label for={id}>{label}</label>
      {children({ id, ...(note ? { "aria-describedby": `${id}-note` } : {}), ...(problem ? { "aria-invalid": true } : {}) })}
      {note ? <p id={`${id}-note`} class={problem ? "note bad" : "note"}>{note}</p> : null}
    </div>
  );
}

interface ButtonProps extends Omit<JSX.IntrinsicElements["button"], "onClick"> {
  /** What it does. While that runs the button takes no other click. */
  readonly run: () => void | Promise<void>;
  readonly tone?: "main" | "buy" | "sell" | "danger" | "quiet";
}

/** A button that does one thing at a time. */
export function Button({ run, tone, children, disabled, ...rest }: ButtonProps) {
  const [isBusy, setBusy] = useState(false);
  const busy = useRef(false);
  const click = async () => {
    if (busy.current) return;
    const work = run();
    if (!(work instanceof Promise)) return;
    busy.current = true;
    setBusy(true);
    try {
      await work;
    } finally {
      busy.current = false;
      setBusy(false);
    }
  };
  return (
    <button type="button" {...rest} class={`${tone ?? ""} ${rest.class ?? ""}`} disabled={disabled || isBusy} aria-busy={isBusy} onClick={() => void click()}>
      {children}
    </button>
  );
}

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly class?: string;
}

/** A dialog over the page; Escape closes it, and the keyboard goes back to where it was. */
export function Dialog({ title, onClose, children, ...rest }: DialogProps) {
  const at = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    at.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={at} class={rest.class ?? ""} aria-labelledby={id} onCancel={event => { event.preventDefault(); onClose(); }}>
      <header><h2 id={id}>{title}</h2><button type="button" class="quiet" aria-label="Close" onClick={onClose}>✕</button></header>
      {children}
    </dialog>
  );
}

interface ReasonProps {
  readonly title: string;
  readonly what: string;
  readonly action: string;
  readonly tone?: "main" | "danger";
  /** Does it. Throws with what went wrong, which is shown. */
  readonly run: (reason: string) => Promise<void>;
  readonly onClose: () => void;
  readonly inWords: (problem: unknown) => string;
}

/** Ask why before something is done that is kept with its reason. */
export function ReasonDialog({ title, what, action, tone = "main", run, onClose, inWords }: ReasonProps) {
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState("");
  const submit = async () => {
    if (!reason.trim()) {
      setProblem("say why: it is kept with what is done");
      return;
    }
    try {
      await run(reason.trim());
      onClose();
    } catch (found) {
      setProblem(inWords(found));
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={event => { event.preventDefault(); void submit(); }}>
        <p>{what}</p>
        <Field label="Reason" problem={problem || undefined}>
          {given => <input {...given} value={reason} onInput={event => setReason(event.currentTarget.value)} autofocus />}
        </Field>
        <footer><Button run={onClose}>Back</Button><Button run={submit} tone={tone}>{action}</Button></footer>
      </form>
    </Dialog>
  );
}

/** A pane of the layout with its heading and what can be done in it. */
export function Pane({ title, tools, class: name, children }: { title: string; tools?: ComponentChildren; class?: string; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class={`pane ${name ?? ""}`} aria-labelledby={id}>
      <header><h2 id={id}>{title}</h2><div class="tools">{tools}</div></header>
      {children}
    </section>
  );
}

/** A short word with a tone, readable without its colour. */
export function Badge({ tone, children, tip }: { tone: "good" | "bad" | "warn" | "soft" | "plain"; children: ComponentChildren; tip?: string }) {
  return <span class={`badge ${tone}`} title={tip}>{children}</span>;
}

interface ChoiceProps<V extends string> {
  readonly label: string;
  readonly value: V;
  readonly choices: readonly { readonly value: V; readonly title: string; readonly tone?: string }[];
  readonly onChange: (value: V) => void;
}

/** A few choices side by side, of which one is taken. */
export function Choice<V extends string>({ label, value, choices, onChange }: ChoiceProps<V>) {
  const name = useId();
  return (
    <fieldset class="choice">
      <legend class="hidden">{label}</legend>
      {choices.map(one => (
        <label key={one.value} class={`${one.tone ?? ""} ${one.value === value ? "taken" : ""}`}>
          <input type="radio" name={name} value={one.value} checked={one.value === value} onChange={() => onChange(one.value)} />{one.title}
        </label>
      ))}
    </fieldset>
  );
}

/** Say that there is nothing to show, or why not. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}
