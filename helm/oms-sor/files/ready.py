"""Ask every service whether it is ready, and the gateway, named first, whether it wants a token."""

import sys
import time
import urllib.error
import urllib.request

wait_s, gateway, *others = float(sys.argv[1]), *sys.argv[2:]


def status(url: str) -> tuple[int, str]:
    """Return the HTTP status of a page and what it says; 0 when it cannot be reached."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


deadline = time.monotonic() + wait_s
wanted = {f"{page}/health/ready": 200 for page in (gateway, *others)} | {f"{gateway}/api/v1/orders": 401}
while True:
    found = {url: status(url) for url in wanted}
    wrong = {url: answer for url, answer in found.items() if answer[0] != wanted[url]}
    if not wrong or time.monotonic() > deadline:
        break
    time.sleep(1)
for url, (code, text) in found.items():
    sys.stdout.write(
        f"{'wrong' if url in wrong else 'fine'}: {url} {code} {text[:200] if url in wrong else ''}\n"
    )
sys.exit(1 if wrong else 0)
