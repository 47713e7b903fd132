"""The router's second process: keeps the venues' scorecards, closures and the quote tape."""
