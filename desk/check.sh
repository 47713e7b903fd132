#!/bin/sh
# Holds what is committed of the desk page to a fresh making of it, in another folder: sh desk/check.sh PYTHON.
set -eu
cd "$(dirname "$0")/.."
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$1" -m tests.page.contract | node desk/contract.mjs "$made/schema.ts"
"$1" -m tests.page.contract --words > "$made/denials.ts"
cp -r desk examples "$made"
(cd "$made/desk" && npm run --silent check && npm run --silent test && node build.mjs "$made/built")
diff "$made/schema.ts" desk/src/api/schema.ts > /dev/null &&
  diff "$made/denials.ts" desk/src/words/denials.ts &&
  diff -r "$made/built" oms_api/entrypoints/desk > /dev/null ||
  { echo "the desk page is not what its sources make; run make desk"; exit 1; }
