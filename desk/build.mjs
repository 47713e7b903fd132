// Builds the page into the folder that the gateway serves: `node build.mjs [FOLDER]`. The same sources give the same bytes.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, "..", "oms_api", "entrypoints", "desk");
// What the bundle holds of others. Their licences ask that their text goes with it.
const LICENCES = { preact: "LICENSE", "@preact/signals": "LICENSE", "@preact/signals-core": "LICENSE", slickgrid: "LICENSE", sortablejs: "LICENSE" };

await mkdir(folder, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { desk: "src/main.tsx" },
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) await copyFile(join(here, "src", name), join(folder, name));
const texts = [];
for (const [name, file] of Object.entries(LICENCES)) {
  const text = await readFile(join(here, "node_modules", name, file), "utf8").catch(() => null);
  const { version, license } = JSON.parse(await readFile(join(here, "node_modules", name, "package.json"), "utf8"));
  texts.push(`${name} ${version} (${license})\n\n${(text ?? "Its package has no text of the licence.").trim()}\n`);
}
await writeFile(join(folder, "licences.txt"), texts.join(`\n${"-".repeat(78)}\n\n`));
