"""FIX as bytes and as a session: pure, without sockets and clocks."""
