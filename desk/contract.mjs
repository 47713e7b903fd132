// Makes src/api/schema.ts of the contract on standard input: `python -m tests.page.contract | node contract.mjs [FILE]`.
import openapiTS, { astToString } from "openapi-typescript";
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const file = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "src", "api", "schema.ts");
const made = await openapiTS(JSON.parse(await text(process.stdin)), { defaultNonNullable: false, alphabetize: true });
// What operations mean stands at /docs; here it would be most of the file.
const types = astToString(made).replace(/^ *\/\*\*[\s\S]*?\*\/\n/gm, "");
await writeFile(file, `// Made of the contract by \`make desk\`; never edited.\n${types}`);
