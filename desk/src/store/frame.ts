// Work that is done once a frame, however often it was asked for.

const HIDDEN_MS = 250;
const due = new Set<() => void>();
let isDue = false;

function run(): void {
  if (!isDue) return;
  isDue = false;
  const works = [...due];
  due.clear();
  for (const work of works) work();
}

/** Do what is due with the next frame now. */
export function flush(): void {
  run();
}

/** Do a piece of work with the next frame; a page that nobody sees has none, there it is done within HIDDEN_MS. */
export function withNextFrame(work: () => void): void {
  due.add(work);
  if (isDue) return;
  isDue = true;
  if (!document.hidden) requestAnimationFrame(run);
  setTimeout(run, HIDDEN_MS);
}
