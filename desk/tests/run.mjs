// Bundles every tests/*.test.ts with esbuild and runs them with node's own runner.
// What waits for ever is ended: a loop of the page that nobody stops keeps node alive.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "oms-desk-"));
const names = readdirSync(here).filter(name => name.endsWith(".test.ts"));
try {
  await build({
    entryPoints: names.map(name => join(here, name)),
    outdir: folder, bundle: true, format: "esm", platform: "node", outExtension: { ".js": ".mjs" }, logLevel: "warning",
    jsx: "automatic", jsxImportSource: "preact",
  });
  const files = names.map(name => join(folder, name.replace(/\.ts$/, ".mjs")));
  process.exitCode = spawnSync(process.execPath, ["--test", "--test-timeout=120000", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
