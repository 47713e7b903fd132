// A question that has to be answered before something is done.
import { signal } from "@preact/signals";
import { Button, Dialog } from "./parts";

interface Question {
  readonly title: string;
  readonly lines: readonly string[];
  readonly action: string;
  readonly answer: (yes: boolean) => void;
}

const question = signal<Question | null>(null);

/** Ask, and wait for the answer. A question that another one displaces is answered no. */
export function ask(title: string, lines: readonly string[], action: string): Promise<boolean> {
  question.value?.answer(false);
  return new Promise(done => {
    question.value = {
      title, lines, action,
      answer: yes => {
        question.value = null;
        done(yes);
      },
    };
  });
}

export function Questions() {
  const now = question.value;
  if (!now) return null;
  return (
    <Dialog title={now.title} onClose={() => now.answer(false)}>
      {now.lines.map(line => <p key={line}>{line}</p>)}
      <footer>
        <Button run={() => now.answer(false)}>Back</Button>
        <Button run={() => now.answer(true)} tone="main" autofocus>{now.action}</Button>
      </footer>
    </Dialog>
  );
}
