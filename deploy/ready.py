"""Exit with 0 when this container's service is ready. A plain socket: it runs every few seconds on a laptop.

OMS_READY_PORT is the port of its health pages, 8090 unless said otherwise.
"""

import os
import socket
import sys

PATH = "/health/ready"
TIMEOUT_S = 4.0
ANSWER_BYTES_MAX = 4_096


def ask(port: int) -> bytes:
    """Return the readiness page of this host's `port`, with its status line. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while len(answer) < ANSWER_BYTES_MAX and (part := connection.recv(ANSWER_BYTES_MAX)):
            answer += part
    return answer


def main() -> None:
    """Ask once; what the page says is printed, so that `docker inspect` shows why a service is not ready."""
    port = int(os.environ.get("OMS_READY_PORT", "8090"))
    try:
        answer = ask(port)
    except OSError as error:
        sys.exit(f"port {port}: {error}")
    head, _, body = answer.partition(b"\r\n\r\n")
    print(body.decode(errors="replace"))  # noqa: T201
    sys.exit(0 if head.split(b" ")[1:2] == [b"200"] else 1)


if __name__ == "__main__":
    main()
