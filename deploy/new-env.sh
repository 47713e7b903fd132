#!/bin/sh
# Print .env.example with a fresh secret for every one that it leaves empty.
set -eu
cd "$(dirname "$0")/.."
while IFS= read -r line; do
    case $line in
        *_PASSWORD= | *_SECRET=) printf '%s%s\n' "$line" "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" ;;
        *) printf '%s\n' "$line" ;;
    esac
done < .env.example
