"""Commands over what the router stored: export, retention, replay, and the venues' scorecards."""
