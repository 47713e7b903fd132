"""FIX 4.4 as both acceptors speak it: bytes, dictionary, session, and what a session is as data."""
